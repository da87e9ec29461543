package search

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"souffleur/internal/meeting"
	"souffleur/internal/seal"
	"souffleur/internal/words"
	"souffleur/storage"
)

// Bounds of one search. What is beyond them is asked for with After or Meeting.
const (
	MaxMeetings = 50  // meetings in one answer
	perMeeting  = 5   // segments of each, if several meetings are searched
	MaxSegments = 200 // segments of one meeting that is searched alone
	maxRead     = 50  // transcripts that are read for one answer: phrases may be in few of those that have their words
	readers     = 4   // transcripts read at once
)

// Request is what is looked for, and where.
type Request struct {
	Query string
	// May says of a room whether the person may read the transcripts of its meetings. Other meetings are not even asked.
	// It is called from several goroutines.
	May     func(meeting.RoomID) bool
	Meeting meeting.ID // only this one; "": all
	After   meeting.ID // only meetings that began before this one: the last answer's Next
	Limit   int        // meetings in the answer, 1 to MaxMeetings
	// Shared are meetings that the person may read whatever May says of their rooms.
	Shared map[meeting.ID]bool
}

// may says whether the person may read a meeting of a room.
func (r Request) may(id meeting.ID, room meeting.RoomID) bool { return r.Shared[id] || r.May(room) }

// Result is what was found.
type Result struct {
	Meetings []Found    // newest first
	Segments int        // that have all the words, in all meetings searched
	Total    int        // meetings in which they are
	Exact    bool       // no phrase was asked for; else there may be fewer that match
	Next     meeting.ID // pass it as After for the meetings that follow; "": there are none
}

// Found is a meeting in which something was found.
type Found struct {
	Meeting     meeting.ID
	Room        meeting.RoomID
	RoomName    string
	BeganUnixMS int64
	Matches     int   // segments that match
	Hits        []Hit // the first of them, by time
}

// Hit is a segment that was found.
type Hit struct {
	Segment meeting.SegmentID
	Speaker meeting.SpeakerID
	Name    string // of the speaker
	T0      int64  // ms of the room clock
	Lang    string
	Text    string
	Marks   [][2]int // code points of Text, [from, to), that match
}

// Search looks for a query. The answer's texts come from the transcripts as they are now: what was deleted, or changed so
// that it does not match any more, is not in it. Errors about the query are ErrNothingWanted and ErrQueryTooLong.
func (x *Index) Search(ctx context.Context, r Request) (Result, error) {
	q, err := parseQuery(r.Query)
	if err != nil {
		return Result{}, err
	}
	plan, err := newPlan(q)
	if err != nil {
		return Result{}, err
	}
	candidates, err := x.candidates(ctx, plan, r)
	if err != nil {
		x.noteFault(err)
		return Result{}, err
	}
	result := Result{Exact: len(q.phrases) == 0}
	for _, c := range candidates {
		result.Segments += len(c.segments)
	}
	result.Total = len(candidates)
	result.Meetings, result.Next, err = x.readUp(ctx, plan, candidates, r)
	return result, err
}

// plan is a query in the words of every language.
type plan map[string]wanted

func newPlan(q query) (plan, error) {
	p := plan{}
	for lang := range words.Languages() {
		w, err := q.in(lang)
		if err != nil {
			return nil, err
		}
		if len(w.all) > 0 {
			p[lang] = w
		}
	}
	if len(p) == 0 {
		return nil, ErrNothingWanted
	}
	return p, nil
}

// candidate is a meeting with segments that have all the words.
type candidate struct {
	id       meeting.ID
	segments map[meeting.SegmentID]bool
}

// candidates asks the index for the meetings that may be searched, newest first.
func (x *Index) candidates(ctx context.Context, p plan, r Request) ([]candidate, error) {
	meetings := x.searchable(r)
	blinders, err := x.blinders(ctx, meetings)
	if err != nil {
		return nil, err
	}
	x.door.RLock()
	defer x.door.RUnlock()
	if x.engine == nil {
		return nil, errClosed
	}
	v, err := x.engine.view()
	if err != nil {
		return nil, engineError{err}
	}
	defer v.Close()
	var found []candidate
	for i, m := range meetings {
		if blinders[i] == nil {
			continue
		}
		segments, err := v.match(ctx, *blinders[i], p, m)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, engineError{err}
		}
		if len(segments) > 0 {
			found = append(found, candidate{m.id, segments})
		}
	}
	return found, nil
}

// place of a meeting in a search.
type searchable struct {
	id    meeting.ID
	langs []string
}

// searchable returns the indexed meetings that the request is about, newest first.
func (x *Index) searchable(r Request) []searchable {
	x.mu.Lock()
	defer x.mu.Unlock()
	may := map[meeting.RoomID]bool{}
	var all []searchable
	for id, e := range x.known {
		if len(e.Langs) == 0 || r.Meeting != "" && id != r.Meeting || r.After != "" && id >= r.After {
			continue
		}
		allowed, asked := may[e.Room]
		if !asked {
			allowed = r.May(e.Room)
			may[e.Room] = allowed
		}
		if allowed || r.Shared[id] {
			all = append(all, searchable{id, e.Langs})
		}
	}
	slices.SortFunc(all, func(a, b searchable) int { return cmp.Compare(b.id, a.id) })
	return all
}

// blinders returns what makes blind words of each meeting; nil for one whose key is gone.
func (x *Index) blinders(ctx context.Context, meetings []searchable) ([]*blinder, error) {
	all := make([]*blinder, len(meetings))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for i, m := range meetings {
		g.Go(func() error {
			archive, err := x.deps.Keys.Archive(ctx, m.id)
			if errors.Is(err, storage.ErrNoKey) || errors.Is(err, seal.ErrOpen) {
				return nil
			}
			if err != nil {
				return err
			}
			b := newBlinder(archive)
			all[i] = &b
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("read keys of meetings: %w", err)
	}
	return all, nil
}

// match returns the segments of a meeting that have all the words, in the language that each was said in.
func (v view) match(ctx context.Context, b blinder, p plan, m searchable) (map[meeting.SegmentID]bool, error) {
	found := map[meeting.SegmentID]bool{}
	for _, lang := range m.langs {
		blinds := make([][]byte, 0, len(p[lang].all))
		for _, word := range p[lang].all {
			blinds = append(blinds, b.of(lang, word))
		}
		ids, err := v.matching(ctx, wordField, blinds...)
		if err != nil {
			return nil, err
		}
		keys, err := v.keys(ids)
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			if segment, ok := strings.CutPrefix(key, string(m.id)+"/"); ok {
				found[meeting.SegmentID(segment)] = true
			}
		}
	}
	return found, nil
}

// readUp reads transcripts until the answer is full. next is the last meeting looked at, if there are more.
func (x *Index) readUp(ctx context.Context, p plan, candidates []candidate, r Request) (found []Found, next meeting.ID, err error) {
	limit := min(max(r.Limit, 1), MaxMeetings)
	most := perMeeting
	if r.Meeting != "" {
		most = MaxSegments
	}
	for done := 0; done < len(candidates); {
		if len(found) == limit || done >= maxRead {
			return found, candidates[done-1].id, nil
		}
		some := candidates[done:min(done+limit-len(found), len(candidates), max(maxRead, done+1))]
		read := make([]*Found, len(some))
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(readers)
		for i, c := range some {
			g.Go(func() (err error) {
				read[i], err = x.compare(ctx, p, c, r.may, most)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return nil, "", err
		}
		for _, f := range read {
			if f != nil {
				found = append(found, *f)
			}
		}
		done += len(some)
	}
	return found, "", nil
}

// compare looks at the texts of a meeting for what is wanted. It returns nil if nothing matches, or if the meeting is gone.
func (x *Index) compare(ctx context.Context, p plan, c candidate, may func(meeting.ID, meeting.RoomID) bool, most int) (*Found, error) {
	all, err := x.read(ctx, c.id)
	if errors.Is(err, storage.ErrNoKey) || errors.Is(err, storage.ErrNotFound) || errors.Is(err, seal.ErrOpen) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read transcript: %w", err)
	}
	if !may(c.id, all.room) { // what the index says of rooms is a copy
		return nil, nil
	}
	f := &Found{Meeting: c.id, Room: all.room, RoomName: all.roomName, BeganUnixMS: all.beganUnixMS}
	for _, s := range all.segments {
		if !c.segments[s.id] {
			continue
		}
		lang := words.Language(s.lang)
		marks := p[lang].find(lang, s.text)
		if len(marks) == 0 {
			continue
		}
		f.Matches++
		if len(f.Hits) < most {
			f.Hits = append(f.Hits, Hit{
				Segment: s.id, Speaker: s.speaker, Name: all.name(s.speaker), T0: s.t0, Lang: s.lang, Text: s.text, Marks: marks,
			})
		}
	}
	if f.Matches == 0 {
		return nil, nil
	}
	return f, nil
}
