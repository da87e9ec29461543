package endpoint

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"souffleur/summarize/minutes"
)

// Config names a server and its model.
type Config struct {
	BaseURL string // up to and with /v1: http://localhost:11434/v1
	APIKey  string // sent as "Authorization: Bearer"; "": none
	Model   string // as the server names it
	// ContextTokens is how long prompt and answer may be together. It must be what the server really takes: Ollama's API ignores what a
	// client asks for. 0 means DefaultContext.
	ContextTokens int
	MaxOutput     int           // longest answer, tokens; 0 means a quarter of the context, at most DefaultOutput
	Timeout       time.Duration // of one request; 0 means DefaultTimeout
	Parallel      int           // requests at once, 1 or 2; 0 means 1
	// Extra is a JSON object whose fields are added to each request, over those that are sent anyway; null takes one out.
	Extra  json.RawMessage
	CAFile string // PEM certificates that are trusted beside those of the system; "": none
	Kept   Kept   // keeps results of pieces of a job; nil: nothing is kept
}

// Kept keeps results of pieces of one job, so that a restart goes on where it was. They hold what was said: who keeps them seals them.
type Kept interface {
	// Load returns what is kept under a key, nil if nothing is.
	Load(ctx context.Context, key string) ([]byte, error)
	Save(ctx context.Context, key string, data []byte) error
}

// Defaults of [Config].
const (
	DefaultContext = 8192
	DefaultOutput  = 2000
	DefaultTimeout = 10 * time.Minute // a model on a slow processor
)

const (
	leastContext = 2048
	mostContext  = 1 << 20
	leastOutput  = 256
)

// Validate says what is wrong with c, naming the field.
func (c Config) Validate() error {
	if c.Model == "" {
		return errors.New("Model is empty")
	}
	return c.validServer()
}

// validServer checks all but the model.
func (c Config) validServer() error {
	if _, err := baseURL(c.BaseURL); err != nil {
		return fmt.Errorf("BaseURL %w", err)
	}
	var extra map[string]json.RawMessage
	switch {
	case strings.ContainsAny(c.APIKey, "\r\n"):
		return errors.New("APIKey has a line break")
	case c.ContextTokens != 0 && (c.ContextTokens < leastContext || c.ContextTokens > mostContext):
		return fmt.Errorf("ContextTokens is %d, must be %d to %d", c.ContextTokens, leastContext, mostContext)
	case c.MaxOutput != 0 && (c.MaxOutput < leastOutput || c.MaxOutput > c.withDefaults().ContextTokens/2):
		return fmt.Errorf("MaxOutput is %d, must be %d to half of the context", c.MaxOutput, leastOutput)
	case c.Timeout < 0:
		return fmt.Errorf("Timeout is %v, must not be negative", c.Timeout)
	case c.Parallel < 0 || c.Parallel > 2:
		return fmt.Errorf("Parallel is %d, must be 1 or 2", c.Parallel)
	case len(c.Extra) > 0 && json.Unmarshal(c.Extra, &extra) != nil:
		return errors.New("Extra is no JSON object")
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.ContextTokens == 0 {
		c.ContextTokens = DefaultContext
	}
	if c.MaxOutput == 0 {
		c.MaxOutput = min(DefaultOutput, c.ContextTokens/4)
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Parallel == 0 {
		c.Parallel = 1
	}
	return c
}

// baseURL reads the address of a server. Errors do not repeat it: it may hold a password.
func baseURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("must be an address such as http://localhost:11434/v1")
	}
	if u.User != nil || u.Fragment != "" || u.RawQuery != "" {
		return nil, errors.New("must not hold a user, a password, a query or a fragment; give an API key instead")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	if !strings.HasSuffix(u.Path, "/v1") {
		return nil, errors.New("must end in /v1")
	}
	return u, nil
}

// httpClient returns the client of one server.
func (c Config) httpClient() (*http.Client, error) {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the program's HTTP transport was replaced")
	}
	own := transport.Clone()
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("CAFile: %w", err)
		}
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, errors.New("CAFile has no certificate in PEM form")
		}
		own.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: own, CheckRedirect: stayThere}, nil
}

// Failure is why an endpoint wrote nothing. Its text holds nothing that was said.
type Failure struct {
	Code minutes.Warning // what pages have a sentence for
	Err  error
}

// Error implements error.
func (f *Failure) Error() string { return fmt.Sprintf("endpoint of minutes: %s: %v", f.Code, f.Err) }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Code returns why an endpoint failed; EndpointBroken for an error that does not say.
func Code(err error) minutes.Warning {
	var f *Failure
	if errors.As(err, &f) {
		return f.Code
	}
	return minutes.EndpointBroken
}
