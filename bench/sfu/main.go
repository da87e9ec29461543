//go:build linux

// Command sfu measures what forwarding costs: a server in a process of its own, on one core, and on another core a
// generator whose participants publish and receive. In each round every scene is played at two servers that take turns of
// two seconds: package sfu, as the program runs it, and a bare pion fan-out (bare.go), the least that forwards at all.
// Absolute figures differ by half between machines and runs, so the ratio of the two in one round is the figure to trust;
// the table shows the median of the rounds.
//
//	make bench-sfu                                            all scenes, three rounds of ten seconds: twenty minutes
//	make bench-sfu BENCH='-sets beside -seconds 60 -json FILE'
//	make bench-sfu BENCH='-scene "1 video" -rounds 1 -profiles DIR'
//	make bench-sfu BENCH='-soak 30m'                          somebody joins and somebody leaves each second; nothing may grow
//
// One receiver in twenty is a full one: it decrypts, asks for repairs, and checks that nothing is missing, that video
// could be decoded and how long packets took. The others (light.go) are connected as browsers are, count packets and send
// reports, so that the generator costs less than the server. Media is synthetic: packets of the size and in the bursts of
// Opus and VP8, key frames when they are asked for.
//
// Processor time is user and system time of the server process, divided by the packets received; on loopback it pays for
// a part of the receivers' kernel work, too. This runs on Linux, with two cores or more.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if os.Getenv(serverVariable) != "" {
		signal.Ignore(os.Interrupt) // the measuring process ends this one
		exit(serveVenue())
	}
	exit(run(ctx))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// options are the command's flags.
type options struct {
	sets          string
	scene         string
	length        time.Duration
	rounds        int
	soak          time.Duration
	serverCore    int
	generatorCore int
	profiles      string
	jsonFile      string
}

func parse() (options, error) {
	var o options
	var seconds float64
	flag.StringVar(&o.sets, "sets", strings.Join(setNames, ","), "sets of scenes")
	flag.StringVar(&o.scene, "scene", "", "only scenes whose name begins with this")
	flag.Float64Var(&seconds, "seconds", 10, "how long each scene is measured in a round, after everybody has joined")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds; the median is shown")
	flag.DurationVar(&o.soak, "soak", 0, "soak for so long instead: somebody joins and somebody leaves each second")
	flag.IntVar(&o.serverCore, "server-core", 0, "core of the server; -1: all")
	flag.IntVar(&o.generatorCore, "generator-core", 1, "core of the generator; -1: all")
	flag.StringVar(&o.profiles, "profiles", "", "folder for processor profiles of the servers")
	flag.StringVar(&o.jsonFile, "json", "", "file for the figures")
	flag.Parse()
	o.length = time.Duration(seconds * float64(time.Second))
	switch {
	case flag.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flag.Arg(0))
	case o.length < time.Second || o.length > time.Hour || o.rounds < 1 || o.rounds > 100:
		return o, errors.New("use 1 to 3600 seconds and 1 to 100 rounds")
	case o.soak < 0 || o.soak > 0 && o.soak < 2*time.Minute || o.soak > 24*time.Hour:
		return o, errors.New("-soak: two minutes to a day")
	case max(o.serverCore, o.generatorCore) >= runtime.NumCPU():
		return o, fmt.Errorf("this machine has %d cores", runtime.NumCPU())
	}
	return o, nil
}

// scenes selects what is measured.
func (o options) scenes() ([]scene, error) {
	var list []scene
	for _, name := range strings.Split(o.sets, ",") {
		set, ok := sets[name]
		if !ok {
			return nil, fmt.Errorf("-sets: there is no set %q, only %s", name, strings.Join(setNames, ", "))
		}
		list = append(list, set...)
	}
	list = slices.DeleteFunc(list, func(s scene) bool { return !strings.HasPrefix(s.Name, o.scene) })
	if len(list) == 0 {
		return nil, fmt.Errorf("-scene: none begins with %q", o.scene)
	}
	return list, nil
}

func run(ctx context.Context) error {
	o, err := parse()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "souffleur-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := pin(o.generatorCore); err != nil {
		return err
	}
	debug.SetGCPercent(800) // the generator's own pauses must not count as delays
	if o.soak > 0 {
		return soak(ctx, o, dir)
	}
	list, err := o.scenes()
	if err != nil {
		return err
	}
	rows := make([]row, len(list))
	for i, s := range list {
		rows[i].Scene = s
	}
	for n := range o.rounds {
		for i := range rows {
			fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", n+1, o.rounds, rows[i].Scene.Name)
			if err := rows[i].measure(ctx, o, dir); err != nil {
				return fmt.Errorf("%s: %w", rows[i].Scene.Name, err)
			}
		}
	}
	return errors.Join(printTable(rows), save(o, rows))
}

// measure plays a scene at both servers.
func (r *row) measure(ctx context.Context, o options, dir string) error {
	bare, ours, err := play(ctx, o, r.Scene, dir)
	if err != nil {
		return err
	}
	r.Bare, r.Souffleur = append(r.Bare, bare), append(r.Souffleur, ours)
	r.Ratios = append(r.Ratios, ours.MicrosPerPacket/bare.MicrosPerPacket)
	return nil
}
