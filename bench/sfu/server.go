//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"souffleur/internal/meeting"
	"souffleur/internal/signal"
	"souffleur/sfu"
)

// Kinds of servers under test.
const (
	kindBare      = "bare"      // pion alone: one shared track for each publisher
	kindSouffleur = "souffleur" // package sfu, as the whole program runs it
)

// serverVariable makes this program the server under test; its value is a serverConfig.
const serverVariable = "SOUFFLEUR_BENCH_SFU"

// serverConfig says what the server under test is.
type serverConfig struct {
	Kind   string `json:"kind"`
	Socket string `json:"socket"` // where it listens for signalling
	Core   int    `json:"core"`   // the only one it may use; negative: all
	Mics   int    `json:"mics"`   // microphone slots of each downlink; 0: the default
}

// venue is what participants join.
type venue interface {
	serve(*wire, hello) // one participant, until the connection ends
	tracks() int
	close() error
}

// serveVenue is the server process. It serves until standard input ends, which it does when the measuring process ends.
func serveVenue() error {
	var c serverConfig
	if err := json.Unmarshal([]byte(os.Getenv(serverVariable)), &c); err != nil {
		return fmt.Errorf("read %s: %w", serverVariable, err)
	}
	if err := pin(c.Core); err != nil {
		return err
	}
	debug.SetGCPercent(sfu.GCPercent) // as serve does; the bare server's memory is measured in the same way
	v, err := openVenue(c)
	if err != nil {
		return err
	}
	listener, err := net.Listen("unix", c.Socket)
	if err != nil {
		return fmt.Errorf("listen for signalling: %w", err)
	}
	var guests sync.WaitGroup
	guests.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			guests.Go(func() { receiveGuest(v, conn) })
		}
	})
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	listener.Close()
	return v.close()
}

func openVenue(c serverConfig) (venue, error) {
	if c.Kind == kindBare {
		return openBare()
	}
	return openRoom(c)
}

// pin keeps this process on one core, as if the machine had no other.
func pin(core int) error {
	if core < 0 {
		return nil
	}
	var set unix.CPUSet
	set.Set(core)
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("find own threads: %w", err)
	}
	for _, t := range threads { // threads that start later inherit it
		var id int
		if _, err := fmt.Sscan(t.Name(), &id); err != nil {
			return fmt.Errorf("find own threads: %w", err)
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil {
			return fmt.Errorf("stay on core %d: %w", core, err)
		}
	}
	runtime.GOMAXPROCS(1)
	return nil
}

func receiveGuest(v venue, conn net.Conn) {
	defer conn.Close()
	w := newWire(conn)
	var h hello
	if w.receive(&h) != nil {
		return
	}
	if h.Stats {
		serveStats(v, w)
		return
	}
	v.serve(w, h)
}

// serveStats answers one request for figures after another.
func serveStats(v venue, w *wire) {
	for {
		var r statsRequest
		if w.receive(&r) != nil {
			return
		}
		s := takeStats(v, r.GC)
		if err := profile(r); err != nil {
			s.Error = err.Error()
		}
		if w.send(s) != nil {
			return
		}
	}
}

func takeStats(v venue, gc bool) stats {
	if gc {
		runtime.GC()
	}
	var usage unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &usage) // it cannot fail with these arguments
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return stats{
		CPU: usage.Utime.Nano() + usage.Stime.Nano(), Heap: int64(m.HeapAlloc + m.StackInuse), Goroutines: runtime.NumGoroutine(), Tracks: v.tracks(),
	}
}

// profile begins or ends a processor profile; at its end the heap is profiled, too.
func profile(r statsRequest) error {
	if r.Stop {
		pprof.StopCPUProfile()
	}
	if r.Profile == "" {
		return nil
	}
	file, err := os.Create(r.Profile) // closed when the process ends
	if err != nil {
		return err
	}
	if r.Stop {
		return pprof.WriteHeapProfile(file)
	}
	return pprof.StartCPUProfile(file)
}

// room is a real sfu.Room, with signalling by JSON lines in place of a WebSocket.
type room struct {
	node *sfu.Node
	room *sfu.Room
}

func openRoom(c serverConfig) (*room, error) {
	config := sfu.DefaultConfig()
	config.UDPPort, config.Addresses = 0, []string{"127.0.0.1"}
	node, err := sfu.NewNode(config, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return nil, err
	}
	slots := sfu.DefaultSlots()
	if c.Mics > 0 {
		slots.Mic = c.Mics
	}
	return &room{node: node, room: node.NewRoom(sfu.RoomConfig{Meeting: meeting.NewID(), Slots: slots, ResumeWindow: time.Second})}, nil
}

func (r *room) serve(w *wire, h hello) {
	post := newPostman(w)
	defer post.stop()
	p, err := r.room.Join(meeting.Person{Participant: meeting.NewParticipantID(), Name: h.Name}, post)
	if err != nil {
		fmt.Fprintln(os.Stderr, "join:", err)
		return
	}
	defer p.Leave("left")
	for {
		var m signal.ClientMessage
		if w.receive(&m) != nil {
			return
		}
		if m.Type == receive {
			continue
		}
		if err := p.Handle(m); err != nil {
			fmt.Fprintln(os.Stderr, "participant:", err)
			return
		}
	}
}

// tracks counts what the roster says is sent.
func (r *room) tracks() int {
	n := 0
	for _, p := range r.room.Peers() {
		n += len(p.Sources)
	}
	return n
}

func (r *room) close() error { return r.node.Close() }
