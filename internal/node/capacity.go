package node

import (
	"cmp"
	"math"
	"slices"
	"sync"
	"time"

	"souffleur/internal/meeting"
	"souffleur/web"
)

const (
	// maxDelays bounds the finals that are remembered for percentiles: the newest replaces the oldest.
	maxDelays = 512
	// delaysFor is how old a final may be that counts.
	delaysFor = 5 * time.Minute
	// heardFor is how long after a caption its speaker counts as being recognised.
	heardFor = 10 * time.Second
	// maxRoomsShown bounds the rooms of an answer; the fullest come first.
	maxRoomsShown = 200
	// partialsStarve is the part of the recognisers' time, in percent, that finals take when partials starve (asr/load.go). It is where
	// an estimate of how many can speak ends.
	partialsStarve = 75
	// leastShare is the least part, in percent, from which that can be estimated.
	leastShare = 5
)

// delays is how long finals came after their words.
type delays struct {
	mu   sync.Mutex // guards ring and next
	ring []delay
	next int
}

type delay struct {
	at time.Time
	ms int64
}

func (d *delays) add(at time.Time, ms int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.ring) < maxDelays {
		d.ring = append(d.ring, delay{at, ms})
		return
	}
	d.ring[d.next] = delay{at, ms}
	d.next = (d.next + 1) % maxDelays
}

// percentiles returns the median and the 95th percentile of those that are new enough, and how many those are.
func (d *delays) percentiles(now time.Time) (p50, p95 int64, n int) {
	d.mu.Lock()
	var ms []int64
	for _, v := range d.ring {
		if now.Sub(v.at) <= delaysFor {
			ms = append(ms, v.ms)
		}
	}
	d.mu.Unlock()
	if len(ms) == 0 {
		return 0, 0, 0
	}
	slices.Sort(ms)
	rank := func(q float64) int64 { return ms[int(math.Ceil(q*float64(len(ms))))-1] } // nearest rank
	return rank(0.5), rank(0.95), len(ms)
}

// hear notes a caption of a speaker.
func (l *live) hear(spk meeting.SpeakerID, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard[spk.Participant()] = now
}

// capacity is what the recognisers of all meetings on this machine have to do.
func (n *Node) capacity(now time.Time) web.Capacity {
	c := web.Capacity{Rooms: []web.RoomLoad{}}
	c.BehindP50MS, c.BehindP95MS, c.Finals = n.delays.percentiles(now)
	workers := make(map[string]meeting.Work)
	for _, l := range n.all() {
		room, work := l.capacity(now)
		c.Speakers += room.Speakers
		c.Dropped += int(l.recorder.Dropped())
		if work.Worker != "" {
			workers[work.Worker] = work
		}
		c.Rooms = append(c.Rooms, room)
	}
	slices.SortFunc(c.Rooms, func(a, b web.RoomLoad) int {
		return cmp.Or(b.People-a.People, cmp.Compare(a.Room, b.Room))
	})
	c.Rooms = c.Rooms[:min(len(c.Rooms), maxRoomsShown)]
	share := 0
	for _, w := range workers {
		c.Recognisers, c.Busy, c.Queue, c.Shed = c.Recognisers+w.Hands, c.Busy+w.Busy, c.Queue+w.Queue, c.Shed+w.Shed
		share += w.Share * w.Hands
	}
	c.Workers = len(workers)
	if c.Recognisers > 0 {
		c.Share = share / c.Recognisers
	}
	if c.Speakers > 0 && c.Share >= leastShare {
		c.SpeakersLimit = max(1, c.Speakers*partialsStarve/c.Share)
	}
	return c
}

// capacity is what one meeting asks for, and what its recogniser said of itself lately.
func (l *live) capacity(now time.Time) (web.RoomLoad, meeting.Work) {
	ai := l.ai()
	l.mu.Lock()
	defer l.mu.Unlock()
	r := web.RoomLoad{
		Room: l.room, Name: l.roomName, People: len(l.present), SinceUnixMS: l.began.UnixMilli(),
		Level: ai.Policy.Level.String(), State: ai.Status.State, LagMS: ai.Status.LagMS,
	}
	for id, at := range l.heard {
		if now.Sub(at) <= heardFor {
			r.Speakers++
		} else {
			delete(l.heard, id)
		}
	}
	if now.Sub(l.workerAt) > workerSilent {
		return r, meeting.Work{}
	}
	return r, l.worker.Work
}
