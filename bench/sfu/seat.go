//go:build linux

package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"souffleur/internal/signal"
	"souffleur/sfu/sfutest"
)

// joinTimeout bounds what one participant takes to be connected.
const joinTimeout = time.Minute

// seat is one participant: a full one with pion's peer connections, or one that receives as a light receiver does. Either
// may publish.
type seat struct {
	wire   *wire
	peer   *sfutest.Peer // publishes; full: receives as well
	full   bool
	viewer *viewer // what a full one sees
	joined time.Time
	reader sync.WaitGroup

	mu     sync.Mutex // guards below
	light  *light     // nil for a full one, and until the downlink is offered
	seated chan struct{}
	err    error
	closed bool
}

// take joins; full receivers check all they get.
func take(socket, name string, full bool) (*seat, error) {
	w, err := dial(socket)
	if err != nil {
		return nil, err
	}
	sockets, err := network()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	s := &seat{wire: w, full: full, viewer: newViewer(), joined: time.Now(), seated: make(chan struct{})}
	config := sfutest.Config{Loopback: true, Net: sockets, OnPacket: s.viewer.receive}
	if s.peer, err = sfutest.New(config, func(m signal.ClientMessage) error { return w.send(m) }); err != nil {
		w.conn.Close()
		return nil, err
	}
	s.reader.Go(s.read)
	if err := w.send(hello{Name: name}); err != nil {
		return nil, errors.Join(fmt.Errorf("join: %w", err), s.leave())
	}
	return s, nil
}

// read handles the server's messages until the connection ends.
func (s *seat) read() {
	for {
		var m signal.ServerMessage
		if s.wire.receive(&m) != nil {
			return
		}
		err := s.handle(m)
		if err != nil {
			s.fail(err)
		}
	}
}

func (s *seat) handle(m signal.ServerMessage) error {
	switch {
	case m.Type == signal.Gone:
		return fmt.Errorf("thrown out: %s %s", m.Code, m.Message)
	case m.Type == signal.Offer && !s.full:
		return s.sitDown(m.SDP)
	case m.Type == signal.Offer || m.Type == signal.Answer:
		return s.peer.Send(m)
	}
	return nil
}

// sitDown opens the downlink of a light receiver.
func (s *seat) sitDown(offer string) error {
	l, answer, err := newLight(offer)
	if err != nil {
		return err
	}
	s.mu.Lock()
	old, closed := s.light, s.closed
	if old == nil && !closed {
		s.light = l
		close(s.seated)
	}
	s.mu.Unlock()
	if old != nil || closed {
		return errors.Join(errors.New("offered another downlink"), l.close())
	}
	return s.wire.send(signal.ClientMessage{Type: signal.Answer, SDP: answer})
}

// receive asks a bare server for the downlink; Souffleur has offered it.
func (s *seat) receive() error { return s.wire.send(signal.ClientMessage{Type: receive}) }

// await waits until the downlink is connected.
func (s *seat) await() error {
	deadline := time.NewTimer(joinTimeout)
	defer deadline.Stop()
	if s.full {
		for !s.peer.Connected() {
			select {
			case <-deadline.C:
				return errors.Join(errors.New("a full receiver was not connected"), s.failure())
			case <-time.After(2 * time.Millisecond):
			}
		}
		return nil
	}
	select {
	case <-s.seated:
	case <-deadline.C:
		return errors.Join(errors.New("no downlink was offered"), s.failure())
	}
	select {
	case <-s.light.ready:
		return nil
	case <-deadline.C:
		return errors.Join(errors.New("a light receiver was not connected"), s.failure())
	}
}

// received counts packets so far.
func (s *seat) received() int {
	if s.full {
		return s.viewer.received()
	}
	if l := s.lightNow(); l != nil {
		return int(l.packets.Load())
	}
	return 0
}

func (s *seat) lightNow() *light {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.light
}

// lost counts packets that never came.
func (s *seat) lost() int {
	if s.full {
		return s.viewer.verdict().Lost
	}
	if l := s.lightNow(); l != nil {
		_, lost := l.tallied()
		return lost
	}
	return 0
}

func (s *seat) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.err = errors.Join(s.err, err)
	}
}

// failure is what went wrong so far.
func (s *seat) failure() error {
	s.mu.Lock()
	err, l := s.err, s.light
	s.mu.Unlock()
	if l != nil {
		err = errors.Join(err, l.failure())
	}
	return errors.Join(err, s.peer.Err())
}

// leave hangs up and waits for all that ran.
func (s *seat) leave() error {
	s.mu.Lock()
	s.closed = true
	l := s.light
	s.mu.Unlock()
	s.wire.conn.Close()
	s.reader.Wait()
	err := s.peer.Close()
	if l != nil {
		err = errors.Join(err, l.close())
	}
	return err
}
