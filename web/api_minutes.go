package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/summarize/minutes"
)

// maxMinutesEdit bounds the body of a change of minutes, in bytes: every line of long minutes at once.
const maxMinutesEdit = 2 << 20

func (s *Server) describeMinutes(api huma.API) {
	huma.Register(api, operation(tagMeetings, "get-minutes", http.MethodGet, "/meetings/{meeting}/minutes", http.StatusOK,
		"Minutes with what people made of them, and how far they are. Organizers, and those with whom the meeting is shared; an admin must give a reason, which is audited",
		http.StatusForbidden, http.StatusNotFound), s.getMinutes)
	edit := operation(tagMeetings, "edit-minutes", http.MethodPatch, "/meetings/{meeting}/minutes", http.StatusOK,
		"Accept, dismiss and change lines, and add some, all or nothing. If-Match must have the ETag that the minutes came with. "+
			"What the engine wrote is kept. Organizers; an admin must give a reason, which is audited",
		http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	edit.MaxBodyBytes = maxMinutesEdit
	huma.Register(api, edit, s.editMinutes)
	huma.Register(api, operation(tagMeetings, "get-minutes-job", http.MethodGet, "/meetings/{meeting}/minutes/job", http.StatusOK,
		"How far minutes are, no speech. Organizers, admins, and those with whom the meeting is shared", http.StatusForbidden, http.StatusNotFound), s.getMinutesJob)
	huma.Register(api, operation(tagMeetings, "make-minutes", http.MethodPost, "/meetings/{meeting}/minutes/job", http.StatusAccepted,
		"Make minutes, or make them again of the transcript as it is now. What people changed in them stays. Organizers; an admin must give a reason, which is audited",
		http.StatusForbidden, http.StatusNotFound, http.StatusConflict), s.makeMinutes)
	huma.Register(api, operation(tagMeetings, "cancel-minutes", http.MethodDelete, "/meetings/{meeting}/minutes/job", http.StatusOK,
		"Stop the making of minutes; those from before stay. Organizers; an admin must give a reason, which is audited",
		http.StatusForbidden, http.StatusNotFound), s.cancelMinutes)
	huma.Register(api, operation(tagInstance, "get-summarizer", http.MethodGet, "/summarizer", http.StatusOK,
		"Who writes minutes here, and whether that works. Admins", http.StatusForbidden), s.getSummarizer)
}

type minutesJobBody struct {
	State    string `json:"state" enum:"none,queued,running,partial,done,failed,cancelled"`
	Done     int    `json:"done" doc:"Pieces that are done, while it is running"`
	Of       int    `json:"of" doc:"Pieces in all; 0 if that is not known"`
	Reason   string `json:"reason" doc:"A code: why there are none, or less than was asked for; docs/minutes.md lists them"`
	AtUnixMS int64  `json:"at_unix_ms" doc:"When the state changed"`
	Detail   string `json:"detail" enum:",brief,normal,full" doc:"As asked for; empty: the installation's"`
	Engine   string `json:"engine" enum:",extractive,endpoint" doc:"As asked for; empty: the installation's"`
}

func minutesJobView(j storage.MinutesJob) minutesJobBody {
	return minutesJobBody{
		State: string(j.State), Done: j.Done, Of: j.Of, Reason: j.Reason, AtUnixMS: j.AtUnixMS,
		Detail: string(j.Wish.Detail), Engine: string(j.Wish.Engine),
	}
}

type minutesOutput struct {
	ETag string `header:"ETag" doc:"For If-Match of a change; only if there are minutes"`
	Body struct {
		Job      minutesJobBody   `json:"job"`
		Awaited  bool             `json:"awaited" doc:"Whether they are about to be made without being asked for: the transcript is being completed"`
		Possible bool             `json:"possible" doc:"Whether something was said at level minutes of which they can be made"`
		Endpoint string           `json:"endpoint" doc:"Host of the language model that may write them, to which the transcript is sent then; empty: there is none"`
		Document *minutesDocument `json:"document,omitempty" doc:"Absent if there are none yet"`
	}
}

type minutesDocument struct {
	MadeUnixMS int64              `json:"made_unix_ms"`
	Lang       string             `json:"lang" doc:"BCP 47 primary subtag"`
	Engine     minutesEngineBody  `json:"engine"`
	Outdated   bool               `json:"outdated" doc:"Whether the transcript was corrected since"`
	TextGone   bool               `json:"text_gone" doc:"Whether the transcript was deleted, and the minutes are kept longer"`
	Overview   []minutesLineBody  `json:"overview" nullable:"false"`
	Topics     []minutesTopicBody `json:"topics" nullable:"false"`
	Decisions  []minutesLineBody  `json:"decisions" nullable:"false"`
	Actions    []minutesLineBody  `json:"actions" nullable:"false"`
	Questions  []minutesLineBody  `json:"questions" nullable:"false"`
	Keyphrases []string           `json:"keyphrases" nullable:"false"`
	Warnings   []string           `json:"warnings" nullable:"false" doc:"Codes; docs/minutes.md lists them"`
	Cited      []citedBody        `json:"cited" nullable:"false" doc:"The segments that lines rest on, by time"`
}

type minutesEngineBody struct {
	Name     string `json:"name" enum:"extractive,endpoint"`
	Model    string `json:"model" doc:"Of a language model"`
	Host     string `json:"host" doc:"To which what was said was sent; empty if it stayed on this server"`
	FellBack string `json:"fell_back" doc:"Why the language model did not write them though it was asked: a code"`
}

type minutesTopicBody struct {
	Title  string            `json:"title" doc:"May be empty"`
	T0     int64             `json:"t0" doc:"Milliseconds since the meeting began"`
	T1     int64             `json:"t1"`
	Points []minutesLineBody `json:"points" nullable:"false"`
}

type minutesLineBody struct {
	ID         string              `json:"id"`
	Kind       string              `json:"kind" enum:"overview,point,decision,action,question"`
	Text       string              `json:"text"`
	Original   string              `json:"original" doc:"What the engine wrote, if somebody changed the words"`
	Evidence   []meeting.SegmentID `json:"evidence" nullable:"false" doc:"Segments that it rests on; empty only of lines that people added"`
	Confidence float64             `json:"confidence" doc:"0 to 1"`
	Quote      bool                `json:"quote" doc:"Whether it is what was said, but for fillers"`
	Unverified string              `json:"unverified" doc:"Which check against what was said it failed; empty if none"`
	Owner      string              `json:"owner" doc:"Of an action"`
	Due        string              `json:"due" doc:"Of an action, as it was said"`
	DueDate    string              `json:"due_date" doc:"That as a day, 2006-01-02; empty if it is not sure"`
	Verdict    string              `json:"verdict" enum:",accepted,dismissed" doc:"Empty: nobody has judged it"`
	ByName     string              `json:"by_name" doc:"Who judged, changed or added it last; empty if they were not in the meeting"`
	AtUnixMS   int64               `json:"at_unix_ms" doc:"When; 0: nobody did"`
	Added      bool                `json:"added" doc:"Whether a person wrote it"`
	Kept       bool                `json:"kept" doc:"Whether it is from minutes before these, and somebody had accepted or changed it"`
}

type citedBody struct {
	Seg meeting.SegmentID `json:"seg"`
	Spk meeting.SpeakerID `json:"spk"`
	T0  int64             `json:"t0"`
	T1  int64             `json:"t1"`
}

func (s *Server) getMinutes(ctx context.Context, in *spokenInput) (*minutesOutput, error) {
	m, err := s.readable(ctx, in.Meeting, "minutes.read", in.Reason)
	if err != nil {
		return nil, err
	}
	return s.minutesNow(ctx, m)
}

// minutesNow returns the minutes of a meeting as they are, with how far they are.
func (s *Server) minutesNow(ctx context.Context, m *storage.Meeting) (*minutesOutput, error) {
	r, err := s.minutes.Read(ctx, m.ID)
	if err != nil && !errors.Is(err, storage.ErrNoMinutes) {
		return nil, s.answerMinutes(ctx, "read minutes", err)
	}
	var t *storage.Transcript
	if r != nil {
		t = r.Transcript
	} else if t, err = s.transcript(ctx, m.ID); err != nil {
		return nil, err
	}
	return s.minutesAnswer(ctx, m, r, t)
}

func (s *Server) minutesAnswer(ctx context.Context, m *storage.Meeting, r *storage.MinutesRead, t *storage.Transcript) (*minutesOutput, error) {
	job, err := s.minutes.Job(ctx, m.ID)
	if err != nil {
		return nil, s.answerMinutes(ctx, "read state of minutes", err)
	}
	summarizer, err := s.summarizers.Get(ctx)
	if err != nil {
		return nil, s.answerFor(ctx, "read who writes minutes", err)
	}
	out := &minutesOutput{}
	out.Body.Job, out.Body.Possible, out.Body.Endpoint = minutesJobView(job), canMakeMinutes(t) == nil, summarizer.Host
	out.Body.Awaited = job.State == storage.MinutesNone && s.awaited(m)
	if r != nil {
		out.ETag = etag(r.Version)
		out.Body.Document = minutesView(r)
	}
	return out, nil
}

// awaitedWithin is how soon after a meeting its minutes begin to be made, unless workers are away.
const awaitedWithin = 15 * time.Minute

// awaited says whether a worker is about to make minutes of a meeting though nobody asked.
func (s *Server) awaited(m *storage.Meeting) bool {
	ended := time.UnixMilli(m.EndedUnixMS)
	return m.ImportedUnixMS == 0 && (m.EndedUnixMS == 0 || !m.TranscriptFinal || m.TranscriptRev > 0 && s.now().Sub(ended) < awaitedWithin) &&
		slices.ContainsFunc(m.Policies, func(p meeting.Policy) bool { return p.Level >= meeting.Minutes })
}

func minutesView(r *storage.MinutesRead) *minutesDocument {
	f := &r.Facts
	d := &minutesDocument{
		MadeUnixMS: f.MadeUnixMS, Lang: f.Lang, Outdated: r.Outdated, TextGone: r.TextGone,
		Engine:   minutesEngineBody{Name: string(f.Engine.Name), Model: f.Engine.Model, Host: f.Engine.Host, FellBack: f.Engine.FellBack},
		Overview: linesView(r, r.Overview), Topics: []minutesTopicBody{}, Decisions: linesView(r, r.Decisions),
		Actions: linesView(r, r.Actions), Questions: linesView(r, r.Questions),
		Keyphrases: append([]string{}, f.Keyphrases...), Warnings: []string{}, Cited: []citedBody{},
	}
	for _, t := range r.Topics {
		d.Topics = append(d.Topics, minutesTopicBody{Title: t.Title, T0: t.T0, T1: t.T1, Points: linesView(r, t.Points)})
	}
	for _, w := range f.Warnings {
		d.Warnings = append(d.Warnings, string(w))
	}
	cited := map[meeting.SegmentID]bool{}
	for l := range r.All() {
		for _, e := range l.Evidence {
			if c := r.Cited[e]; !cited[e] {
				cited[e] = true
				d.Cited = append(d.Cited, citedBody{Seg: e, Spk: c.Spk, T0: c.T0, T1: c.T1})
			}
		}
	}
	slices.SortFunc(d.Cited, func(a, b citedBody) int { return int(a.T0 - b.T0) })
	return d
}

func linesView(r *storage.MinutesRead, lines []storage.MinutesLine) []minutesLineBody {
	views := make([]minutesLineBody, 0, len(lines))
	for _, l := range lines {
		views = append(views, minutesLineBody{
			ID: l.ID, Kind: l.Kind, Text: l.Text, Original: l.Original, Evidence: append([]meeting.SegmentID{}, l.Evidence...),
			Confidence: l.Confidence, Quote: l.Quote, Unverified: l.Unverified, Owner: l.Owner, Due: l.Due, DueDate: l.DueDate,
			Verdict: string(l.Verdict), ByName: nameIn(r.Transcript, l.By), AtUnixMS: l.AtUnixMS, Added: l.Added, Kept: l.Kept,
		})
	}
	return views
}

type minutesJobOutput struct{ Body minutesJobBody }

func (s *Server) getMinutesJob(ctx context.Context, in *meetingPath) (*minutesJobOutput, error) {
	m, runs, err := s.meeting(ctx, in.Meeting)
	if err != nil {
		return nil, err
	}
	if v := visitorOf(ctx); !runs && !v.admin() {
		shared, err := s.isSharedWith(ctx, v, m.ID)
		if err != nil {
			return nil, s.answerFor(ctx, "read shares", err)
		}
		if !shared {
			return nil, errNotOrganizer()
		}
	}
	job, err := s.minutes.Job(ctx, m.ID)
	if err != nil {
		return nil, s.answerMinutes(ctx, "read state of minutes", err)
	}
	return &minutesJobOutput{minutesJobView(job)}, nil
}

type makeMinutesInput struct {
	Meeting meeting.ID `path:"meeting" maxLength:"64"`
	Reason  string     `query:"reason" maxLength:"500" doc:"Why an admin needs this; kept in the audit"`
	Body    struct {
		Detail string `json:"detail,omitempty" enum:"brief,normal,full" doc:"Absent: as the operator chose"`
		Engine string `json:"engine,omitempty" enum:"extractive,endpoint" doc:"extractive: nothing leaves the server. Absent: the language model, if there is one"`
		Lang   string `json:"lang,omitempty" pattern:"^[a-z]{2,3}$" doc:"Language of the minutes; absent: that in which most was said"`
	}
}

func (s *Server) makeMinutes(ctx context.Context, in *makeMinutesInput) (*minutesJobOutput, error) {
	m, err := s.spokenIn(ctx, in.Meeting, "minutes.make-asked", in.Reason)
	if err != nil {
		return nil, err
	}
	t, err := s.transcript(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	if err := canMakeMinutes(t); err != nil {
		return nil, err
	}
	wish := storage.MinutesWish{Detail: minutes.Detail(in.Body.Detail), Engine: minutes.EngineName(in.Body.Engine), Lang: in.Body.Lang}
	if wish.Engine == minutes.Endpoint {
		summarizer, err := s.summarizers.Get(ctx)
		if err != nil {
			return nil, s.answerFor(ctx, "read who writes minutes", err)
		}
		if !summarizer.Endpoint() {
			return nil, problem(http.StatusConflict, "no-endpoint", "No language model is set up here. Leave the choice to the server, or ask an admin.")
		}
	}
	v := visitorOf(ctx)
	job, err := s.minutes.Ask(ctx, m.ID, wish, v.auditName(), t.Version(), s.now())
	if err != nil {
		return nil, s.answerMinutes(ctx, "ask for minutes", err)
	}
	s.record(ctx, v, "minutes.make", meetingObject(m.ID))
	s.nudge(ctx, m.ID)
	return &minutesJobOutput{minutesJobView(job)}, nil
}

// canMakeMinutes returns nil if there is something of which minutes can be made, else the problem to answer.
func canMakeMinutes(t *storage.Transcript) error {
	switch {
	case !t.Final:
		return problem(http.StatusConflict, "not-final", "The transcript is not complete yet. Minutes are made when it is.")
	case t.Rev == 0:
		return problem(http.StatusConflict, "no-transcript", "There is no transcript of this meeting, or it was deleted. No minutes can be made.")
	case !slices.ContainsFunc(t.Segments, func(g meeting.Segment) bool { return g.Level >= meeting.Minutes }):
		return problem(http.StatusConflict, "nothing-at-minutes", "Nothing was said while the AI was at level minutes, so there is nothing that minutes may be made of.")
	}
	return nil
}

func (s *Server) cancelMinutes(ctx context.Context, in *spokenInput) (*minutesJobOutput, error) {
	m, err := s.spokenIn(ctx, in.Meeting, "minutes.cancel-asked", in.Reason)
	if err != nil {
		return nil, err
	}
	job, err := s.minutes.Cancel(ctx, m.ID, s.now())
	if err != nil {
		return nil, s.answerMinutes(ctx, "cancel minutes", err)
	}
	if job.State == storage.MinutesCancelled {
		s.record(ctx, visitorOf(ctx), "minutes.cancel", meetingObject(m.ID))
		s.nudge(ctx, m.ID)
	}
	return &minutesJobOutput{minutesJobView(job)}, nil
}

// nudgeWithin is how long a person waits for Kafka to take the news of a request, which is stored already: workers find it anyway.
const nudgeWithin = 2 * time.Second

// nudge tells workers to look at a meeting.
func (s *Server) nudge(ctx context.Context, id meeting.ID) {
	ctx, cancel := context.WithTimeout(ctx, nudgeWithin)
	defer cancel()
	if err := storage.Nudge(ctx, s.records, id); err != nil {
		s.log.WarnContext(ctx, "workers will learn of a request later: the bus does not answer", "meeting", id, "error", err)
	}
}

// answerMinutes turns what went wrong with minutes into the problem to answer.
func (s *Server) answerMinutes(ctx context.Context, tried string, err error) error {
	switch {
	case errors.Is(err, storage.ErrConflict):
		return problem(http.StatusPreconditionFailed, "edited-meanwhile", "The minutes, or the transcript, were changed meanwhile. Load them again, look at what is there, then make your change.")
	case errors.Is(err, storage.ErrNoMinutes):
		return problem(http.StatusConflict, "no-minutes", "There are no minutes of this meeting yet. Make them first.")
	case errors.Is(err, storage.ErrNoSegment):
		return problem(http.StatusUnprocessableEntity, "no-line", "The minutes have no such line, or the transcript no such segment. Load them again.")
	case errors.Is(err, storage.ErrTooMany), errors.Is(err, storage.ErrTooLarge):
		return problem(http.StatusUnprocessableEntity, "too-large", "More was changed in these minutes than can be kept. Download them and go on in a text editor.")
	case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrNoKey):
		return errNoMeeting()
	}
	return s.answerFor(ctx, tried, err)
}

type summarizerOutput struct {
	Body struct {
		Engine        string `json:"engine" enum:"extractive,endpoint" doc:"Who writes, if nobody chooses otherwise"`
		Host          string `json:"host" doc:"Of the language model; empty: there is none"`
		Model         string `json:"model"`
		Detail        string `json:"detail" enum:"brief,normal,full"`
		Fault         string `json:"fault" doc:"Why the language model could not be used when it was asked last: a code; empty: it could"`
		CheckedUnixMS int64  `json:"checked_unix_ms" doc:"0: no worker that writes minutes ever ran"`
	}
}

func (s *Server) getSummarizer(ctx context.Context, _ *struct{}) (*summarizerOutput, error) {
	if !visitorOf(ctx).admin() {
		return nil, errNotAdmin()
	}
	now, err := s.summarizers.Get(ctx)
	if err != nil {
		return nil, s.answerFor(ctx, "read who writes minutes", err)
	}
	out := &summarizerOutput{}
	out.Body.Engine, out.Body.Host, out.Body.Model, out.Body.Fault = string(minutes.Extractive), now.Host, now.Model, string(now.Fault)
	out.Body.CheckedUnixMS, out.Body.Detail = now.CheckedUnixMS, string(now.Detail)
	if now.Endpoint() {
		out.Body.Engine = string(minutes.Endpoint)
	}
	if out.Body.Detail == "" {
		out.Body.Detail = string(minutes.Normal)
	}
	return out, nil
}
