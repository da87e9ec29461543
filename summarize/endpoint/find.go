package endpoint

import (
	"context"
	"errors"

	"souffleur/summarize/minutes"
)

// find asks for the facts of a block, in halves where it is too long.
func (w *work) find(ctx context.Context, b block) (found, error) {
	q := w.blockQuestion(b)
	key := w.writer.key("facts", q)
	var kept found
	if w.writer.load(ctx, key, &kept) {
		if kept.Split {
			return w.findHalves(ctx, b)
		}
		return kept, nil
	}
	r := &reader{source: w.source, lang: w.lang, block: b}
	err := errTooLong
	if w.service().fits(q) {
		err = w.service().talk(ctx, q, r)
	}
	if errors.Is(err, errTruncated) {
		w.service().gauge.tooLong(w.service().size(q))
	}
	if errors.Is(err, errTooLong) || errors.Is(err, errTruncated) {
		if !b.splits(w.tokens) {
			return r.whatThereIs(err)
		}
		r.found, err = w.findHalves(ctx, b)
		kept.Split = true
	}
	if err != nil {
		return found{}, err
	}
	if !kept.Split {
		kept = r.found
	}
	w.writer.save(ctx, key, kept)
	return r.found, nil
}

// whatThereIs returns the facts of an answer that was cut, about a block that cannot be split.
func (r *reader) whatThereIs(why error) (found, error) {
	if err := r.reread(""); err != nil || len(r.found.Facts) == 0 {
		return found{}, &Failure{Code: minutes.EndpointTruncates, Err: why}
	}
	return r.found, nil
}

// findHalves asks for both halves of a block.
func (w *work) findHalves(ctx context.Context, b block) (found, error) {
	first, second := b.halves()
	f, err := w.find(ctx, first)
	if err != nil {
		return found{}, err
	}
	more, err := w.find(ctx, second)
	if err != nil {
		return found{}, err
	}
	if f.Title == "" {
		f.Title = more.Title
	}
	f.Facts, f.Dropped = append(f.Facts, more.Facts...), f.Dropped+more.Dropped
	return f, nil
}

func (w *work) blockQuestion(b block) question {
	return question{
		messages: conversation("map", w.lang, brief{Form: factExample, Most: w.amount.facts}, transcript(b.people(), b.lines)),
		lang:     w.lang, form: factForm,
	}
}
