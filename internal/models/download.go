package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// downloader fetches files by HTTPS.
type downloader struct {
	client *http.Client
	stall  time.Duration // a body that brings nothing for so long is given up
}

// A machine without internet must come to its next source soon.
const (
	dialTimeout   = 5 * time.Second
	headerTimeout = 20 * time.Second
	stallTimeout  = 60 * time.Second
)

func newDownloader() *downloader {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	transport.TLSHandshakeTimeout = dialTimeout
	transport.ResponseHeaderTimeout = headerTimeout
	transport.DisableCompression = true // a range is one of the file's bytes
	return &downloader{client: &http.Client{Transport: transport, CheckRedirect: onlySecure}, stall: stallTimeout}
}

// onlySecure follows redirections to HTTPS only.
func onlySecure(req *http.Request, via []*http.Request) error {
	if req.URL.Scheme != "https" || len(via) > 10 {
		return fmt.Errorf("redirected to %s", req.URL.Redacted())
	}
	return nil
}

// fetch appends to the file at path what is missing of size bytes. What an earlier, broken fetch left is continued if the
// server can, else fetched again. It does not check the content.
func (d *downloader) fetch(ctx context.Context, url, path string, size int64, progress func(done int64)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	have := int64(0)
	if info, err := os.Stat(path); err == nil && info.Size() < size {
		have = info.Size()
	}
	body, at, err := d.open(ctx, url, have, size)
	if err != nil {
		return err
	}
	defer body.Close()
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	watchdog := time.AfterFunc(d.stall, func() { cancel(fmt.Errorf("nothing came for %v", d.stall)) })
	defer watchdog.Stop()
	w := &progressWriter{file: file, at: at, report: func(done int64) {
		watchdog.Reset(d.stall)
		progress(done)
	}}
	err = errors.Join(file.Truncate(at), w.copy(body, size))
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	return nil
}

// open asks for the bytes from have on. at is where the body begins: have, or 0 if the server sends all.
func (d *downloader) open(ctx context.Context, url string, have, size int64) (body io.ReadCloser, at int64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, 0, err
	}
	if have > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(have, 10)+"-")
	}
	res, err := d.client.Do(req)
	if err != nil {
		return nil, 0, fmt.Errorf("fetch %s: %w", url, err)
	}
	switch {
	case res.StatusCode == http.StatusOK && (res.ContentLength < 0 || res.ContentLength == size):
		return res.Body, 0, nil
	case res.StatusCode == http.StatusPartialContent && have > 0 && res.ContentLength == size-have:
		return res.Body, have, nil
	}
	res.Body.Close()
	return nil, 0, fmt.Errorf("fetch %s: %s, %d bytes; expected %d", url, res.Status, res.ContentLength, size)
}

// progressWriter writes a body to its place in a file.
type progressWriter struct {
	file   *os.File
	at     int64
	report func(done int64)
}

// copy writes body until the file has size bytes.
func (w *progressWriter) copy(body io.Reader, size int64) error {
	buffer := make([]byte, 256<<10)
	for w.at <= size {
		n, err := body.Read(buffer)
		if _, writeErr := w.file.WriteAt(buffer[:n], w.at); writeErr != nil {
			return writeErr
		}
		w.at += int64(n)
		w.report(w.at)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if w.at != size {
		return fmt.Errorf("%d bytes came, expected %d", w.at, size)
	}
	return nil
}

// discard removes a file that may not be there.
func discard(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
