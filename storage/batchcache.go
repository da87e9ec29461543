package storage

import (
	"sync"
	"time"

	"souffleur/internal/meeting"
)

// maxCachedMeetings bounds the batch cache; an hour of speech with words has about 1 MB. Overflow: the oldest goes.
const maxCachedMeetings = 16

// batchCache keeps the opened batches of running meetings. Batches never change, and everybody who opens the transcript
// of a meeting that has been going on for an hour would otherwise cause some 700 reads. What it holds is forgotten after
// [keyLife], like the keys that opened it. It is safe for concurrent use; the zero value is ready.
type batchCache struct {
	mu       sync.Mutex // guards meetings and what is below
	meetings map[meeting.ID]*cachedBatches
}

// cachedBatches is what was read of one meeting, by key and ETag of the batch.
type cachedBatches struct {
	until   time.Time
	batches map[string][]meeting.Segment
}

func batchName(o Object) string { return o.Key + "\x00" + o.ETag }

// get returns a batch that was put before. It must not be changed.
func (c *batchCache) get(id meeting.ID, o Object, now time.Time) ([]meeting.Segment, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.meetings[id]
	if of == nil {
		return nil, false
	}
	if now.After(of.until) {
		delete(c.meetings, id)
		return nil, false
	}
	segments, ok := of.batches[batchName(o)]
	return segments, ok
}

func (c *batchCache) put(id meeting.ID, o Object, segments []meeting.Segment, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.meetings[id]
	if of == nil {
		of = &cachedBatches{until: now.Add(keyLife), batches: map[string][]meeting.Segment{}}
		c.makeRoomLocked()
		c.meetings[id] = of
	}
	of.batches[batchName(o)] = segments
}

// drop forgets a meeting.
func (c *batchCache) drop(id meeting.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.meetings, id)
}

func (c *batchCache) makeRoomLocked() {
	if c.meetings == nil {
		c.meetings = map[meeting.ID]*cachedBatches{}
	}
	if len(c.meetings) < maxCachedMeetings {
		return
	}
	var oldest meeting.ID
	for id, of := range c.meetings {
		if oldest == "" || of.until.Before(c.meetings[oldest].until) {
			oldest = id
		}
	}
	delete(c.meetings, oldest)
}
