package asr

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"
)

// serve does the jobs of s with a recogniser of its own until ctx ends. It stays on one operating system thread, as
// engines want. Its error is that no recogniser could be made.
func serve(ctx context.Context, s *scheduler, newRecognizer func() (Recognizer, error), named func(string)) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	rec, err := newRecognizer()
	if err != nil {
		return fmt.Errorf("make recogniser: %w", err)
	}
	defer rec.Close()
	named(rec.Name())
	for {
		j, err := s.next(ctx)
		if err != nil {
			return nil
		}
		begun := time.Now()
		j.run(j.ctx, rec)
		s.done(j.class, time.Since(begun))
	}
}

// errUnusable says that a recogniser's answer cannot be used.
var errUnusable = errors.New("recogniser gave no usable answer")

// recognize asks rec, and turns panics and numbers that are none into errors: a bad answer costs one text, not the track.
func recognize(ctx context.Context, rec Recognizer, req Request) (r Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = Result{}, fmt.Errorf("%w: panic", errUnusable)
		}
	}()
	r, err = rec.Recognize(ctx, req)
	if err == nil && (math.IsNaN(r.LogProb) || math.IsInf(r.LogProb, 0)) {
		return Result{}, fmt.Errorf("%w: probability is not a number", errUnusable)
	}
	if e, ok := rec.(silentOnNoise); ok {
		r.sober = e.SilentOnNoise()
	}
	return r, err
}
