// Package remote recognises speech by asking a service with OpenAI's transcription API (POST …/v1/audio/transcriptions):
// whisper.cpp's own server, speaches, vLLM, LocalAI, or a service elsewhere. What is said leaves this process with every
// request, so an operator has to name the service, and it should be reached over https unless it stands on the same machine or
// in the same private network.
//
// Such services differ in what they take and what they tell. [Endpoint] asks for words with times, goes down to segments and to
// bare text where a service refuses more, and remembers what it takes. Words come from the best that an answer holds: words,
// else segments, whose time is shared out by length, else the text alone.
//
// Start reading at [Open]; answer.go reads answers, words.go makes words of them.
package remote

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config names a service.
type Config struct {
	// URL is the service's address: "http://localhost:8000" and "http://localhost:8000/v1" are completed to
	// /v1/audio/transcriptions, any other path is taken as it is.
	URL string
	// Token is sent as "Authorization: Bearer"; empty: none.
	Token string
	// Model is the name that the service knows its model by. Required; a service with one model ignores it.
	Model string
	// Timeout bounds one call of a recogniser, with everything that is tried again; 0 means DefaultTimeout.
	Timeout time.Duration
}

// DefaultTimeout lets a service on a slow CPU hear 30 s of speech.
const DefaultTimeout = time.Minute

// Bounds of one request and its answer.
const (
	minSamples = 16000      // shorter speech is padded with zeros: services refuse less than 0.1 s, and models err below 1 s
	maxSamples = 30 * 16000 // the window of Whisper models, as asr.Request has it
	maxPrompt  = 1000       // bytes
	maxAnswer  = 4 << 20    // bytes; 30 s of speech are about 50 kB with every token
)

// Errors of this package, beside [StatusError].
var (
	ErrTooLong   = errors.New("speech is longer than 30 s")
	ErrNotFinite = errors.New("speech has samples that are not finite numbers")
	ErrClosed    = errors.New("the recogniser is closed")
	ErrAnswer    = errors.New("not an answer of a transcription service")
	ErrRedirect  = errors.New("the transcription service wants to send speech to another address")
)

// StatusError says with which HTTP status a service refused a request. Its answer's text is left out: it may hold speech.
type StatusError struct {
	Status int
}

// Error names the status, and what an operator can do about it.
func (e *StatusError) Error() string {
	said := fmt.Sprintf("the transcription service answered %d %s", e.Status, http.StatusText(e.Status))
	switch e.Status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return said + ": check the token"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return said + ": check the address and the name of the model"
	}
	return said
}

// Validate says what is wrong with c, naming the field.
func (c Config) Validate() error {
	if _, err := endpoint(c.URL); err != nil {
		return fmt.Errorf("URL: %w", err)
	}
	if c.Model == "" {
		return errors.New("Model is empty")
	}
	if strings.ContainsAny(c.Token, "\r\n") {
		return errors.New("Token has a line break")
	}
	if c.Timeout < 0 {
		return fmt.Errorf("Timeout is %v, must not be negative", c.Timeout)
	}
	return nil
}

// endpoint completes the address of a service. Errors do not repeat it: it may hold a password.
func endpoint(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("must be an address such as http://localhost:8000")
	}
	if u.User != nil || u.Fragment != "" {
		return nil, errors.New("must not hold a user, a password or a fragment; give a token instead")
	}
	switch path := strings.TrimSuffix(u.Path, "/"); {
	case path == "":
		u.Path = "/v1/audio/transcriptions"
	case strings.HasSuffix(path, "/v1"):
		u.Path = path + "/audio/transcriptions"
	}
	return u, nil
}
