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
