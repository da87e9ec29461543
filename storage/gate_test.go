package storage

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// gate stands before a store and can be closed: then every connection breaks.
type gate struct {
	t        *testing.T
	server   *httptest.Server
	closed   atomic.Bool
	attempts atomic.Int64 // requests that met the closed gate
}

func newGate(t *testing.T, endpoint string) *gate {
	g := &gate{t: t}
	proxy := signedProxy(t, endpoint)
	g.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.closed.Load() {
			g.attempts.Add(1)
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(g.server.Close)
	return g
}

func (g *gate) addr() string { return strings.TrimPrefix(g.server.URL, "http://") }
func (g *gate) close()       { g.closed.Store(true) }
func (g *gate) open()        { g.closed.Store(false) }

func (g *gate) awaitAttempt() {
	g.t.Helper()
	eventually(g.t, "somebody asks the store", func() bool { return g.attempts.Load() > 0 })
}

// signedProxy forwards to endpoint under the host name of the request, which is signed.
func signedProxy(t *testing.T, endpoint string) *httputil.ReverseProxy {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: endpoint})
			r.Out.Host = r.In.Host
		},
	}
}
