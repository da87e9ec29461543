package endpoint

import (
	"context"
	"errors"

	"souffleur/summarize/minutes"
)

// mostUnreadable is how many answers in a row may be none before a question is given up, each asked for one rung further down.
const mostUnreadable = 3

var errUnreadable = errors.New("the answer is empty, or not of the form that was asked for")

// listener takes the answers to one question.
type listener interface {
	// read takes an answer and returns what it refuses of it. errUnreadable: it is none.
	read(text string) ([]refused, error)
	// reread takes the answer to these refusals; "" if there is none.
	reread(text string) error
}

// talk asks a question until the answer can be read, and once more if some of it is refused.
func (s *service) talk(ctx context.Context, q question, l listener) error {
	for try := 1; ; try++ {
		said, err := s.ask(ctx, q)
		if err != nil {
			return err
		}
		no, err := s.hear(said, l)
		switch {
		case errors.Is(err, errUnreadable) && try < mostUnreadable:
			q.down++
			continue
		case errors.Is(err, errUnreadable):
			return &Failure{Code: minutes.EndpointBroken, Err: err}
		case err != nil || len(no) == 0:
			return err
		}
		return s.talkAgain(ctx, q, said, no, l)
	}
}

// hear reads an answer, and remembers how it was asked for if it is one. One that was cut before its end is too long, whatever can be read
// of it: less to say helps, also where all of it went into reasoning.
func (s *service) hear(said reply, l listener) ([]refused, error) {
	no, err := l.read(said.text)
	if err == nil {
		s.ladder.worked(said.rung)
	}
	if said.cut && !isWhole(said.text) && (err == nil || errors.Is(err, errUnreadable)) {
		return nil, errTooLong
	}
	return no, err
}

// talkAgain gives the reasons of what was refused, once.
func (s *service) talkAgain(ctx context.Context, q question, said reply, no []refused, l listener) error {
	q.messages = again(q.lang, q.messages, said.text, no)
	if !s.fits(q) {
		return l.reread("")
	}
	second, err := s.ask(ctx, q)
	if err != nil && !errors.Is(err, errTooLong) && !errors.Is(err, errTruncated) {
		return err
	}
	return l.reread(second.text)
}

// fits says whether prompt and answer fit into the context, by estimate.
func (s *service) fits(q question) bool {
	tokens := s.size(q)
	return tokens+s.cfg.MaxOutput <= s.cfg.ContextTokens && s.gauge.fits(tokens)
}

// size estimates the tokens of a prompt.
func (s *service) size(q question) int {
	tokens := 0
	for _, m := range q.messages {
		tokens += s.gauge.tokens(q.lang, m.Content) + 4
	}
	return tokens
}
