package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"souffleur/internal/meeting"
	"souffleur/storage/search"
)

// Searcher finds what was said; [search.Index] is one.
type Searcher interface {
	// Search looks in the meetings of the rooms for which the request says so.
	Search(ctx context.Context, r search.Request) (search.Result, error)
	// Progress says how far the index has caught up, and whether it has.
	Progress() (p search.Progress, done bool)
	// Remove takes a meeting out at once.
	Remove(ctx context.Context, id meeting.ID) error
	// Touch says that a transcript was changed.
	Touch(id meeting.ID)
}

const (
	searchTimeout = 10 * time.Second
	// searchesAtOnce bounds what searching takes from the meetings that go on. Overflow: a search waits for its turn within
	// its timeout.
	searchesAtOnce = 4
)

func (s *Server) describeSearch(api huma.API) {
	huma.Register(api, operation(tagMeetings, "search", http.MethodGet, "/search", http.StatusOK,
		"Find what was said in meetings of the rooms I organize, and in those shared with me: all words, in any form, whatever their accents; phrases in quotes. "+
			"An admin finds nothing else: other transcripts are read one by one, with a reason",
		http.StatusTooManyRequests), s.find)
}

type searchInput struct {
	Query   string     `query:"q" required:"true" maxLength:"200" example:"budget \"annual report\"" doc:"Words, and phrases in quotes; a segment must have all"`
	Meeting meeting.ID `query:"meeting" maxLength:"64" doc:"Only this meeting, with up to 200 segments"`
	After   meeting.ID `query:"after" maxLength:"64" doc:"The answer's next, for the meetings that follow"`
	Limit   int        `query:"limit" minimum:"1" maximum:"50" default:"10" doc:"Meetings in the answer"`
}

type searchOutput struct {
	Body struct {
		Meetings      []foundBody   `json:"meetings" nullable:"false" doc:"Newest first"`
		TotalMeetings int           `json:"total_meetings" doc:"Meetings from here on that have all the words"`
		TotalSegments int           `json:"total_segments" doc:"Segments in them"`
		Exact         bool          `json:"exact" doc:"False: a phrase was looked for, which fewer than the totals may have"`
		Next          meeting.ID    `json:"next" doc:"Ask with it as after for the meetings that follow; empty: there are none"`
		Indexing      *indexingBody `json:"indexing,omitempty" doc:"While the index is made or catches up after a start: something may be missing"`
	}
}

type indexingBody struct {
	Done int `json:"done" doc:"Meetings looked at"`
	Of   int `json:"of" doc:"0: not known yet"`
}

type foundBody struct {
	Meeting     meeting.ID     `json:"meeting"`
	Room        meeting.RoomID `json:"room"`
	RoomName    string         `json:"room_name"`
	BeganUnixMS int64          `json:"began_unix_ms"`
	Matches     int            `json:"matches" doc:"Segments of the meeting that match"`
	Segments    []hitBody      `json:"segments" nullable:"false" doc:"The first of them, by time: up to 5, or 200 if one meeting is asked for"`
}

type hitBody struct {
	Seg   meeting.SegmentID `json:"seg"`
	Spk   meeting.SpeakerID `json:"spk"`
	Name  string            `json:"name" doc:"Of the speaker; empty if unknown"`
	T0    int64             `json:"t0" doc:"Start, milliseconds since the meeting began"`
	Lang  string            `json:"lang" doc:"BCP 47 primary subtag; empty if unknown"`
	Text  string            `json:"text"`
	Marks []markBody        `json:"marks" nullable:"false" doc:"What matches in the text, by place"`
}

type markBody struct {
	From int `json:"from" doc:"Unicode code points before it"`
	To   int `json:"to" doc:"The code point after it"`
}

func (s *Server) find(ctx context.Context, in *searchInput) (*searchOutput, error) {
	v := visitorOf(ctx)
	if s.search == nil {
		return nil, problem(http.StatusServiceUnavailable, "no-search", "This server has no search index.")
	}
	if in.After != "" && !in.After.Valid() {
		return nil, errBadCursor()
	}
	if !s.searchLimit.allow(v.addr) {
		return nil, errTooMany("searches were made")
	}
	ctx, cancel := context.WithTimeout(ctx, searchTimeout)
	defer cancel()
	select {
	case s.searches <- struct{}{}:
		defer func() { <-s.searches }()
	case <-ctx.Done():
		return nil, s.answerForSearch(ctx, ctx.Err())
	}
	rooms, err := s.organizedRooms(ctx, v)
	if err != nil {
		return nil, s.answerForSearch(ctx, err)
	}
	shared, err := s.sharedWith(ctx, v)
	if err != nil {
		return nil, s.answerForSearch(ctx, err)
	}
	out := &searchOutput{}
	out.Body.Meetings = []foundBody{}
	if p, done := s.search.Progress(); !done {
		out.Body.Indexing = &indexingBody{Done: p.Done, Of: p.Of}
	}
	found, err := s.search.Search(ctx, search.Request{
		Query: in.Query, May: func(id meeting.RoomID) bool { return rooms[id] }, Meeting: in.Meeting, After: in.After, Limit: in.Limit,
		Shared: shared,
	})
	if err != nil {
		return nil, s.answerForSearch(ctx, err)
	}
	out.Body.TotalMeetings, out.Body.TotalSegments, out.Body.Next = found.Total, found.Segments, found.Next
	out.Body.Exact = found.Exact
	for i := range found.Meetings {
		out.Body.Meetings = append(out.Body.Meetings, foundView(&found.Meetings[i]))
	}
	return out, nil
}

// searchAnew lets a transcript that was changed be found by its new words soon.
func (s *Server) searchAnew(id meeting.ID) {
	if s.search != nil {
		s.search.Touch(id)
	}
}

// organizedRooms returns the rooms whose transcripts the visitor may read without a reason. An admin's other rooms are
// not among them.
func (s *Server) organizedRooms(ctx context.Context, v *visitor) (map[meeting.RoomID]bool, error) {
	rooms, err := s.roomsOf(ctx, v)
	if err != nil {
		return nil, err
	}
	organized := make(map[meeting.RoomID]bool, len(rooms))
	for i := range rooms {
		if v.organizes(&rooms[i]) {
			organized[rooms[i].ID] = true
		}
	}
	return organized, nil
}

// answerForSearch is answerFor with the errors of queries. What was looked for goes nowhere.
func (s *Server) answerForSearch(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, search.ErrNothingWanted):
		return problem(http.StatusUnprocessableEntity, "nothing-wanted", "Enter at least one word to look for.")
	case errors.Is(err, search.ErrQueryTooLong):
		return problem(http.StatusUnprocessableEntity, "query-too-long", "Look for fewer words: at most 16, and 200 characters.")
	case errors.Is(err, context.DeadlineExceeded):
		return problem(http.StatusServiceUnavailable, "search-slow", "The search took too long. Look for more particular words, or try again in a minute.")
	}
	return s.answerFor(ctx, "search", err)
}

func foundView(f *search.Found) foundBody {
	body := foundBody{
		Meeting: f.Meeting, Room: f.Room, RoomName: f.RoomName, BeganUnixMS: f.BeganUnixMS, Matches: f.Matches,
		Segments: make([]hitBody, 0, len(f.Hits)),
	}
	for _, h := range f.Hits {
		hit := hitBody{Seg: h.Segment, Spk: h.Speaker, Name: h.Name, T0: h.T0, Lang: h.Lang, Text: h.Text, Marks: make([]markBody, 0, len(h.Marks))}
		for _, m := range h.Marks {
			hit.Marks = append(hit.Marks, markBody{From: m[0], To: m[1]})
		}
		body.Segments = append(body.Segments, hit)
	}
	return body
}
