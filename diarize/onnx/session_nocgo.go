//go:build !cgo

package onnx

import "errors"

func openLibrary(string) error {
	return &Problem{
		NotBuilt, errors.New("this program was built without cgo"),
		"Use a program that was built with cgo, as make build does, or take --diarize-models away.",
	}
}

// session is never made without cgo.
type session struct{}

func newSession([]byte, string, string) (*session, error) { return nil, openLibrary("") }

func (s *session) run([]float32, []int64) ([]float32, []int64, error) { return nil, nil, ErrFailed }

func (s *session) close() error { return nil }
