package endpoint

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"souffleur/internal/meeting"
	"souffleur/internal/words"
	"souffleur/summarize/deadline"
	"souffleur/summarize/extract"
	"souffleur/summarize/minutes"
	"souffleur/summarize/prose"
	"souffleur/summarize/verify"
)

// Writer writes minutes with one server's model. It is safe for concurrent use.
type Writer struct {
	service *service // shared by the writers of one server: what was learned of it is
	kept    Kept
}

var _ minutes.Writer = (*Writer)(nil)

// New returns a writer. It asks the server nothing yet.
func New(cfg Config) (*Writer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("endpoint of minutes: %w", err)
	}
	s, err := newService(cfg)
	if err != nil {
		return nil, err
	}
	return &Writer{service: s, kept: cfg.Kept}, nil
}

func newService(cfg Config) (*service, error) {
	base, err := baseURL(cfg.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("endpoint of minutes: BaseURL %w", err)
	}
	client, err := cfg.httpClient()
	if err != nil {
		return nil, fmt.Errorf("endpoint of minutes: %w", err)
	}
	return &service{cfg: cfg.withDefaults(), base: base, client: client, pause: wait, now: time.Now}, nil
}

// Check asks a server for the names of its models: whether it can be reached, and with this key. Model may be empty.
func Check(ctx context.Context, cfg Config) ([]string, error) {
	if err := cfg.validServer(); err != nil {
		return nil, fmt.Errorf("endpoint of minutes: %w", err)
	}
	if cfg.Timeout == 0 || cfg.Timeout > checkTimeout {
		cfg.Timeout = checkTimeout
	}
	s, err := newService(cfg)
	if err != nil {
		return nil, err
	}
	defer s.client.CloseIdleConnections()
	return s.models(ctx)
}

// checkTimeout is how long a person waits for a list of models.
const checkTimeout = 15 * time.Second

// Keeping returns a writer for the same server that keeps the results of pieces of one job.
func (w *Writer) Keeping(kept Kept) *Writer { return &Writer{service: w.service, kept: kept} }

// About says which model on which host writes.
func (w *Writer) About() minutes.Engine {
	return minutes.Engine{Name: minutes.Endpoint, Model: w.service.cfg.Model, Host: w.service.base.Host}
}

// Close ends idle connections. Writers that are in use go on.
func (w *Writer) Close() { w.service.client.CloseIdleConnections() }

// amount is what a detail asks for.
type amount struct {
	facts                        int // of a block
	least, most                  int // lines of a topic
	overviewLeast, overviewLines int
}

var amounts = map[minutes.Detail]amount{
	minutes.Brief:  {facts: 6, least: 1, most: 2, overviewLeast: 1, overviewLines: 2},
	minutes.Normal: {facts: 10, least: 2, most: 5, overviewLeast: 2, overviewLines: 4},
	minutes.Full:   {facts: 16, least: 3, most: 7, overviewLeast: 3, overviewLines: 6},
}

// mostBroken is the share of blocks whose answers may be of no use before the whole is given up: one of so many.
const mostBroken = 5

// work is one call of Write.
type work struct {
	writer *Writer
	job    *minutes.Job
	source *verify.Source
	lang   string
	amount amount
	place  map[meeting.SegmentID]int
	conf   map[meeting.SegmentID]float32

	mu       sync.Mutex // guards progress
	progress minutes.Progress
	done, of int
}

// Write implements [minutes.Writer]. Errors are that of the context, or wrap a [*Failure]. A meeting in which too little was said is not
// sent anywhere.
func (w *Writer) Write(ctx context.Context, job *minutes.Job, progress minutes.Progress) (*minutes.Document, error) {
	// Topics, keyphrases, coverage and warnings come from what was said, whoever writes the lines.
	doc, err := extract.New().Write(ctx, job, nil)
	if err != nil {
		return nil, err
	}
	if slices.Contains(doc.Warnings, minutes.NothingSaid) {
		return doc, nil
	}
	wk := w.newWork(job, doc.Lang, progress)
	sentences := prose.Of(job.Segments)
	topics := extract.Topics(sentences)
	lines := linesOf(job)
	blocks := blocksOf(lines, topicStarts(lines, sentences, topics), wk.budget(), wk.tokens)
	wk.expect(len(blocks) + 1)
	all, broken, err := wk.findAll(ctx, blocks)
	if err != nil {
		return nil, fmt.Errorf("write minutes of %s: %w", job.Meeting, err)
	}
	if broken {
		doc.Warnings = append(doc.Warnings, minutes.EndpointBroken)
	}
	if err := wk.assemble(ctx, doc, sentences, topics, blocks, all); err != nil {
		return nil, fmt.Errorf("write minutes of %s: %w", job.Meeting, err)
	}
	return doc, nil
}

func (w *Writer) newWork(job *minutes.Job, lang string, progress minutes.Progress) *work {
	a, ok := amounts[job.Detail]
	if !ok {
		a = amounts[minutes.Normal]
	}
	wk := &work{
		writer: w, job: job, source: verify.NewSource(job), lang: lang, amount: a, progress: progress,
		place: make(map[meeting.SegmentID]int, len(job.Segments)), conf: make(map[meeting.SegmentID]float32, len(job.Segments)),
	}
	for i := range job.Segments {
		wk.place[job.Segments[i].Seg], wk.conf[job.Segments[i].Seg] = i, job.Segments[i].Conf
	}
	return wk
}

func (w *work) service() *service { return w.writer.service }

func (w *work) tokens(text string) int { return w.service().gauge.tokens(w.lang, text) }

// budget is how many tokens of a block go into one prompt: a third of the context, or less where prompt and answer need the rest.
func (w *work) budget() int {
	cfg := w.service().cfg
	rest := cfg.ContextTokens - cfg.MaxOutput - w.service().size(w.blockQuestion(block{}))
	return max(min(cfg.ContextTokens/3, rest), leastTokens)
}

func (w *work) expect(pieces int) {
	w.of = pieces
	w.step(0)
}

// step tells progress that so many pieces more are done.
func (w *work) step(pieces int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done += pieces
	if w.progress != nil {
		w.progress(w.done, w.of)
	}
}

// findAll asks for the facts of all blocks. broken says that some blocks had answers of no use.
func (w *work) findAll(ctx context.Context, blocks []block) (all []found, broken bool, err error) {
	all = make([]found, len(blocks))
	bad := make([]error, len(blocks))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(w.service().cfg.Parallel)
	for i := range blocks {
		group.Go(func() error {
			f, err := w.find(ctx, blocks[i])
			if err != nil && ctx.Err() == nil && Code(err) == minutes.EndpointBroken {
				bad[i], err = err, nil
			}
			all[i] = f
			w.step(1)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, false, err
	}
	n := 0
	for _, err := range bad {
		if err != nil {
			n++
		}
	}
	if n*mostBroken > len(blocks) {
		return nil, false, errors.Join(bad...)
	}
	return all, n > 0, nil
}

// assemble makes the document of facts.
func (w *work) assemble(ctx context.Context, doc *minutes.Document, sentences []prose.Sentence, topics []extract.Topic, blocks []block, all []found) error {
	var facts []fact
	dropped := 0
	titles := make([]string, len(topics))
	for i, f := range all {
		dropped += f.Dropped
		topic := blocks[i].topic
		if titles[topic] == "" {
			titles[topic] = f.Title
		}
		for _, one := range f.Facts {
			one.topic = topic
			facts = append(facts, one)
		}
	}
	if facts = merged(w.lang, facts); len(facts) == 0 {
		return &Failure{Code: minutes.EndpointBroken, Err: errors.New("nothing that the model wrote passed the checks")}
	}
	w.list(doc, facts)
	more, err := w.writeTopics(ctx, doc, sentences, topics, titles, facts)
	if err != nil {
		return err
	}
	last, err := w.writeOverview(ctx, doc, facts)
	if err != nil {
		return err
	}
	doc.Engine = w.writer.About()
	doc.Coverage.Dropped = dropped + more + last
	doc.Coverage.Cited = cited(doc)
	doc.Warnings = slices.DeleteFunc(doc.Warnings, func(c minutes.Warning) bool { return c == minutes.LanguageNeutral })
	if doc.Coverage.Dropped > 0 {
		doc.Warnings = append(doc.Warnings, minutes.LinesDropped)
	}
	w.step(w.of - w.done)
	return nil
}

// list fills decisions, actions and questions, by time.
func (w *work) list(doc *minutes.Document, facts []fact) {
	doc.Decisions, doc.Actions, doc.Questions = []minutes.Line{}, []minutes.Action{}, []minutes.Line{}
	byTime := slices.Clone(facts)
	slices.SortStableFunc(byTime, func(a, b fact) int { return w.place[a.Evidence[0]] - w.place[b.Evidence[0]] })
	for _, f := range byTime {
		switch f.Kind {
		case decision:
			doc.Decisions = append(doc.Decisions, w.lineOf("decision", f))
		case open:
			doc.Questions = append(doc.Questions, w.lineOf("question", f))
		case action:
			doc.Actions = append(doc.Actions, minutes.Action{
				Line: w.lineOf("action", f), Owner: f.Owner, OwnerID: ownerID(w.job.People, f.Owner),
				Due: f.Due, DueDate: deadline.Resolve(w.lang, f.Due, w.job.Date),
			})
		}
	}
}

// writeTopics fills the topics. The points of one that has few facts are these; of more the model makes fewer.
func (w *work) writeTopics(ctx context.Context, doc *minutes.Document, sentences []prose.Sentence, topics []extract.Topic, titles []string, facts []fact) (dropped int, err error) {
	said := map[int64]string{} // the titles that were made without a model, by where their topics begin
	for _, t := range doc.Topics {
		said[t.T0] = t.Title
	}
	doc.Topics = []minutes.Topic{}
	for i, t := range topics {
		own := slices.DeleteFunc(slices.Clone(facts), func(f fact) bool { return f.topic != i || f.Kind == action || f.Kind == open })
		if len(own) == 0 {
			continue
		}
		topic := minutes.Topic{Title: titles[i], T0: sentences[t.First].T0, T1: sentences[t.End-1].T1, Points: []minutes.Line{}}
		if len(own) > w.amount.most {
			c, err := w.compose(ctx, "topic", own, w.amount.least, w.amount.most)
			if err != nil {
				return 0, err
			}
			dropped += c.Dropped
			topic.Points = w.linesOf("point", c)
			if c.Title != "" {
				topic.Title = c.Title
			}
		}
		if len(topic.Points) == 0 {
			for _, f := range own[:min(len(own), w.amount.most)] {
				topic.Points = append(topic.Points, w.lineOf("point", f))
			}
		}
		if topic.Title == "" {
			topic.Title = said[topic.T0]
		}
		doc.Topics = append(doc.Topics, topic)
	}
	return dropped, nil
}

func (w *work) linesOf(kind string, c composed) []minutes.Line {
	out := []minutes.Line{}
	for _, l := range c.Lines {
		out = append(out, w.newLine(kind, l.Text, l.Evidence, l.Unverified))
	}
	return out
}

// writeOverview fills the overview: from decisions first, then what was said most often. Without a model's words it is these facts.
func (w *work) writeOverview(ctx context.Context, doc *minutes.Document, facts []fact) (dropped int, err error) {
	top := slices.Clone(facts)
	rank := map[string]int{decision: 0, action: 1, point: 2, open: 3}
	slices.SortStableFunc(top, func(a, b fact) int {
		if d := rank[a.Kind] - rank[b.Kind]; d != 0 {
			return d
		}
		return b.mentions - a.mentions
	})
	c, err := w.compose(ctx, "overview", top[:min(len(top), mostFacts)], w.amount.overviewLeast, w.amount.overviewLines)
	if err != nil {
		return 0, err
	}
	doc.Overview = w.linesOf("overview", c)
	if len(doc.Overview) == 0 {
		for _, f := range top[:min(len(top), w.amount.overviewLines)] {
			doc.Overview = append(doc.Overview, w.lineOf("overview", f))
		}
	}
	return c.Dropped, nil
}

// cited counts the segments that lines rest on.
func cited(doc *minutes.Document) int {
	all := map[meeting.SegmentID]bool{}
	add := func(lines []minutes.Line) {
		for i := range lines {
			for _, id := range lines[i].Evidence {
				all[id] = true
			}
		}
	}
	add(doc.Overview)
	add(doc.Decisions)
	add(doc.Questions)
	for i := range doc.Topics {
		add(doc.Topics[i].Points)
	}
	for i := range doc.Actions {
		add([]minutes.Line{doc.Actions[i].Line})
	}
	return len(all)
}

// known says whether a language is told apart from others by its frequent words.
func known(lang string) bool { return words.Language(lang) != words.Unknown }
