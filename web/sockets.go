package web

import (
	"context"
	"net/http"
	"net/url"
	"sync"

	"github.com/coder/websocket"
	"github.com/gin-gonic/gin"

	"souffleur/internal/signal"
)

// sockets are the signalling connections of the server.
type sockets struct {
	most int                // set once
	ctx  context.Context    // of all connections; set once
	cut  context.CancelFunc // ends ctx; set once

	served sync.WaitGroup // one for each open connection; Add only under mu and while not closing

	mu      sync.Mutex // guards the rest; the last lock taken but for a socket's own
	closing bool
	open    map[*socket]struct{}
	taken   int // connections, counted from before the upgrade
}

func newSockets(most int) *sockets {
	ctx, cut := context.WithCancel(context.Background())
	return &sockets{most: most, ctx: ctx, cut: cut, open: map[*socket]struct{}{}}
}

// reserve takes a place for a connection that is about to be upgraded.
func (all *sockets) reserve() bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.closing || all.taken >= all.most {
		return false
	}
	all.taken++
	all.served.Add(1)
	return true
}

func (all *sockets) release() {
	all.mu.Lock()
	all.taken--
	all.mu.Unlock()
	all.served.Done()
}

// add makes shutdown know s; one that comes too late is told at once.
func (all *sockets) add(s *socket) {
	all.mu.Lock()
	defer all.mu.Unlock()
	all.open[s] = struct{}{}
	if all.closing {
		s.end(signal.CodeShutdown, shutdownMessage)
	}
}

func (all *sockets) remove(s *socket) {
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.open, s)
}

const shutdownMessage = "The server restarts. Your client comes back by itself."

// shutdown tells every client to come back later, and waits until all connections have ended. Those that have not when
// ctx ends are cut; their closing handshakes take five seconds more at most.
func (all *sockets) shutdown(ctx context.Context) error {
	all.mu.Lock()
	all.closing = true
	for s := range all.open {
		s.end(signal.CodeShutdown, shutdownMessage)
	}
	all.mu.Unlock()
	defer all.cut()

	ended := make(chan struct{})
	go func() { all.served.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
	}
	all.cut()
	<-ended
	return ctx.Err()
}

// signal upgrades a request to the signalling WebSocket and serves it.
func (s *Server) signal(c *gin.Context) {
	if !s.socketLimit.allow(clientAddr(c)) {
		writeProblem(c, problem(http.StatusTooManyRequests, "too-many", "Too many connections from your network in a short time. Wait a minute and try again."))
		return
	}
	if !s.sockets.reserve() {
		c.Header("Retry-After", "5")
		writeProblem(c, problem(http.StatusServiceUnavailable, "refused", "The server takes no more connections now. Try again in a minute."))
		return
	}
	defer s.sockets.release()
	// Accept answers 403 to a foreign Origin and 426 to what is not a WebSocket. Programs that are no browser send no
	// Origin; they cannot carry somebody else's cookies, and the token of the hello is what counts.
	conn, err := websocket.Accept(c.Writer, c.Request, &websocket.AcceptOptions{OriginPatterns: s.socketOrigins})
	if err != nil {
		c.Abort()
		return
	}
	sock := newSocket(conn, s.log)
	s.sockets.add(sock)
	defer s.sockets.remove(sock)
	sock.run(s.sockets.ctx, s.cfg, s.live.Connect)
}

// socketOrigins returns the origins that may open the WebSocket beside the host of the request itself.
func socketOrigins(publicURL string) []string {
	u, err := url.Parse(publicURL)
	if err != nil || u.Host == "" {
		return nil
	}
	return []string{u.Scheme + "://" + u.Host}
}
