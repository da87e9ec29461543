//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"sync"

	"souffleur/internal/signal"
)

// hello is the first line of a connection to a server under test: a participant joins, or figures are asked for.
type hello struct {
	Name  string `json:"name"`
	Stats bool   `json:"stats"` // this connection asks for figures: each following line is a statsRequest
}

// receive is a client message that only the bare server knows: it makes the downlink, with all tracks that there are now.
// Souffleur's participants have theirs from the beginning.
const receive = "receive"

// statsRequest asks a server for its figures, and maybe to do something before.
type statsRequest struct {
	GC      bool   `json:"gc"`      // collect garbage first, so that Heap is what is in use
	Profile string `json:"profile"` // file: begin a processor profile, or, with Stop, write one of the heap
	Stop    bool   `json:"stop"`    // end the processor profile
}

// stats are a server's figures.
type stats struct {
	CPU        int64  `json:"cpu_ns"` // user and system time so far
	Heap       int64  `json:"heap_bytes"`
	Goroutines int    `json:"goroutines"`
	Tracks     int    `json:"tracks"` // published
	Error      string `json:"error,omitempty"`
}

// wire is a connection of JSON lines.
type wire struct {
	conn net.Conn
	in   *bufio.Reader

	mu  sync.Mutex // guards out
	out *json.Encoder
}

func newWire(conn net.Conn) *wire {
	return &wire{conn: conn, in: bufio.NewReader(conn), out: json.NewEncoder(conn)}
}

func dial(socket string) (*wire, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("reach the server: %w", err)
	}
	return newWire(conn), nil
}

func (w *wire) send(v any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Encode(v)
}

// receive keeps nothing of what it has read: the servers' memory is measured.
func (w *wire) receive(v any) error {
	line, err := w.in.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, v)
}

// outbox bounds the server messages that wait for one client; when it is full the client is disconnected.
const outbox = 4096

// postman is what sfu calls a Signaller: it writes a client's messages in a goroutine of its own. Its queue takes memory
// only for what waits: the servers' memory is measured.
type postman struct {
	wire *wire
	done sync.WaitGroup

	mu    sync.Mutex // guards queue, quit
	queue []signal.ServerMessage
	quit  bool
	news  *sync.Cond // queue or quit has changed
}

func newPostman(w *wire) *postman {
	p := &postman{wire: w}
	p.news = sync.NewCond(&p.mu)
	p.done.Go(p.run)
	return p
}

func (p *postman) run() {
	for {
		p.mu.Lock()
		for len(p.queue) == 0 && !p.quit {
			p.news.Wait()
		}
		queue, quit := p.queue, p.quit
		p.queue = nil
		p.mu.Unlock()
		if quit {
			return
		}
		for _, m := range queue {
			if p.wire.send(m) != nil {
				p.wire.conn.Close() // the reader notices, and takes the client out
				return
			}
		}
	}
}

// Send implements sfu.Signaller. After stop it may still be called.
func (p *postman) Send(m signal.ServerMessage) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) >= outbox {
		p.wire.conn.Close()
		return fmt.Errorf("%d messages wait for one client", outbox)
	}
	p.queue = append(p.queue, m)
	p.news.Signal()
	return nil
}

// stop ends the goroutine and the connection.
func (p *postman) stop() {
	p.mu.Lock()
	p.quit = true
	p.news.Signal()
	p.mu.Unlock()
	p.wire.conn.Close()
	p.done.Wait()
}
