package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// remoteFlags says which running server a command talks to.
type remoteFlags struct {
	URL   string `help:"Address of the server." name:"url" env:"SOUFFLEUR_URL" placeholder:"URL"`
	Token string `help:"API token." env:"SOUFFLEUR_TOKEN" secret:""`
	Data  string `help:"Data folder of a server on this machine: its address and token are read from there." env:"SOUFFLEUR_DATA" default:"data" type:"path" placeholder:"DIR"`
}

const defaultURL = "http://localhost:8080"

// remote calls the HTTP API of a running server.
type remote struct {
	base  string
	token string
	http  http.Client
}

// connect finds address and token: flags first, then the files of --data.
func (f remoteFlags) connect() (*remote, error) {
	r := &remote{base: f.URL, token: f.Token, http: http.Client{Timeout: time.Minute}}
	if r.base == "" {
		r.base = readLine(filepath.Join(f.Data, urlFile))
	}
	if r.base == "" {
		r.base = defaultURL
	}
	if u, err := url.Parse(r.base); err != nil || u.Host == "" {
		return nil, badUsage("--url %q is no address such as %s", r.base, defaultURL)
	}
	if r.token == "" {
		r.token = readLine(filepath.Join(f.Data, tokenFile))
	}
	if r.token == "" {
		return nil, badUsage("no API token: give --token, or --data with the data folder of the server (its file %s has the token)", tokenFile)
	}
	r.base = strings.TrimSuffix(r.base, "/")
	return r, nil
}

// readLine returns the first line of a small file, or "".
func readLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil || len(b) > 4096 {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line)
}

// apiError is the server's refusal (RFC 9457).
type apiError struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

func (e *apiError) Error() string {
	if e.Detail != "" {
		return e.Detail
	}
	return fmt.Sprintf("the server answered %d %s", e.Status, e.Title)
}

// maxAnswer bounds what is read from the server: a transcript of a long day is a few MB.
const maxAnswer = 256 << 20

// call sends in as JSON (nil: no body) and reads the answer into out (nil: ignored). header are names and values.
func (r *remote) call(ctx context.Context, method, path string, in, out any, header ...string) error {
	body, err := r.raw(ctx, method, path, in, header...)
	if err != nil {
		return err
	}
	defer body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	return nil
}

// raw sends a request and returns the body of a good answer.
func (r *remote) raw(ctx context.Context, method, path string, in any, header ...string) (io.ReadCloser, error) {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.base+"/api/v1"+path, body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := r.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no server answers at %s (start one with: souffleur serve, or give --url): %w", r.base, err)
	}
	if res.StatusCode < 300 {
		return res.Body, nil
	}
	defer res.Body.Close()
	refusal := &apiError{Status: res.StatusCode, Title: http.StatusText(res.StatusCode)}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<16)).Decode(refusal); err != nil && !errors.Is(err, io.EOF) {
		refusal.Detail = ""
	}
	return nil, refusal
}

// query encodes pairs of names and values.
func query(pairs ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values.Encode()
}
