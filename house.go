package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"souffleur/internal/node"
	"souffleur/sfu"
	"souffleur/storage"
	"souffleur/storage/search"
	"souffleur/web"
	"souffleur/web/ui"
)

// house is the rooms and web pages of this machine.
type house struct {
	node    *node.Node
	web     *web.Server
	http    *http.Server
	listen  net.Listener
	flags   nodeFlags
	links   *storage.Links
	janitor *storage.Janitor
	index   *search.Index
	forget  *storage.Forgetter
	hooks   hooks
	url     string
	log     *slog.Logger

	firstRun bool // nobody has had a chance to become admin yet
}

// asrParts are what only a server has that recognises, too; a node has neither.
type asrParts struct {
	transcriber web.Transcriber
	models      web.Models
}

// openHouse opens rooms and web pages.
func openHouse(
	ctx context.Context, f nodeFlags, data string, engines []string, sys *system, asr asrParts, closers *closeStack, log *slog.Logger,
) (*house, error) {
	nodeConfig, err := f.nodeConfig()
	if err != nil {
		return nil, err
	}
	mediaConfig, err := f.sfuConfig()
	if err != nil {
		return nil, err
	}
	token, firstRun, err := apiToken(data)
	if err != nil {
		return nil, err
	}
	webConfig, err := f.webConfig(token, data, engines)
	if err != nil {
		return nil, err
	}
	look, err := f.look()
	if err != nil {
		return nil, err
	}
	listener, err := listenWeb(f.Listen)
	if err != nil {
		return nil, err
	}
	closers.add("listener", func() error { return ignoreClosed(listener.Close()) })
	media, err := sfu.NewNode(mediaConfig, log)
	if err != nil {
		return nil, fmt.Errorf("open the media's ports (choose others with --udp-port, --tcp-port, --turn-port or --turn-tls-port): %w", err)
	}
	closers.add("sfu", media.Close)
	stored := sys.stored() // and what comes below
	n, err := node.New(ctx, nodeConfig, node.Deps{
		Bus: sys.bus, Keys: sys.keys, Rooms: stored.Rooms, Meetings: stored.Meetings, Instance: stored.Instance,
		Transcripts: stored.Transcripts, Audit: stored.Audit, SFU: media, Log: log,
	})
	if err != nil {
		return nil, err
	}
	index, err := openIndex(ctx, data, sys.store, sys.keys, log)
	if err != nil {
		return nil, err
	}
	closers.add("search index", index.Close)
	stored.Forgetter = forgetterWith(index, stored.Transcripts, sys, log)
	stored.Live, stored.Search, stored.Look, stored.UI, stored.Log = n, index, look, clientFiles(log), log
	stored.Models, stored.Transcriber = asr.models, asr.transcriber
	server, err := web.New(webConfig, stored)
	if err != nil {
		return nil, err
	}
	h := &house{
		node: n, web: server, listen: listener, flags: f, links: stored.Links, janitor: storage.NewJanitor(sys.store, sys.keys, stored.Forgetter, log),
		forget: stored.Forgetter, hooks: f.hooks(sys, stored.Webhooks, stored.Meetings, stored.Audit, log), index: index, log: log, url: f.PublicURL, firstRun: firstRun,
	}
	if h.url == "" {
		h.url = localURL(f.TLSCert != "", f.Listen, listener.Addr())
	}
	h.http = &http.Server{Handler: server.Handler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	if err := writeURL(data, h.url); err != nil {
		return nil, err
	}
	return h, nil
}

// stored returns what the web pages need of the store; the rest of [web.Deps] is not set.
func (s *system) stored() web.Deps {
	meetings := storage.NewMeetings(s.store, s.keys)
	transcripts := storage.NewTranscripts(s.store, s.keys, meetings)
	return web.Deps{
		Rooms: storage.NewRooms(s.store, s.keys), Meetings: meetings, Transcripts: transcripts,
		Audio: storage.NewAudio(s.store, s.keys, meetings), Audit: storage.NewAudit(s.store, s.keys), Instance: storage.NewInstance(s.store),
		Links: storage.NewLinks(s.store, s.keys), Sessions: storage.NewSessions(s.store, s.keys), Webhooks: storage.NewWebhooks(s.store, s.keys),
		Tokens: storage.NewTokens(s.store, s.keys), People: storage.NewPeople(s.store, s.keys), Shares: storage.NewShares(s.store, s.keys),
		Tickets: storage.NewTickets(s.keys), Minutes: storage.NewMinutes(s.store, s.keys, transcripts), Summarizers: storage.NewSummarizers(s.store, s.keys),
		Records: s.bus,
	}
}

// listenWeb takes the address of the web pages.
func listenWeb(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, badUsage("--listen %s: the port is in use. Is another souffleur running? Stop it, or choose another address", address)
	}
	if err != nil {
		return nil, badUsage("--listen %s: %w", address, err)
	}
	return listener, nil
}

// forgetterWith returns what forgets in the store, on Kafka and in this machine's search index.
func forgetterWith(index *search.Index, transcripts *storage.Transcripts, sys *system, log *slog.Logger) *storage.Forgetter {
	forgetter := storage.NewForgetter(sys.bus, sys.store, sys.keys, transcripts, log)
	forgetter.Also(func(ctx context.Context, what storage.Forgotten) error {
		if len(what.Participants) == 0 {
			return index.Remove(ctx, what.Meeting)
		}
		return index.RemoveSegments(ctx, what.Meeting, what.Segments)
	})
	return forgetter
}

// clientFiles are the web pages; without them the server says on its pages that `make` was not run.
func clientFiles(log *slog.Logger) fs.FS {
	files, ok := ui.Built()
	if !ok {
		log.Warn("built without the web pages: run make build")
		return nil
	}
	return files
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// localURL is how a browser on this machine reaches the server.
func localURL(tls bool, listen string, addr net.Addr) string {
	scheme := "http"
	if tls {
		scheme = "https"
	}
	host, _, err := net.SplitHostPort(listen)
	if err != nil || host == "" || host == "0.0.0.0" || host == "::" {
		host = "localhost"
	}
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return scheme + "://" + listen
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// run serves until ctx ends, then lets connections finish.
func (h *house) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return h.node.Run(ctx) })
	g.Go(func() error { return h.janitor.Run(ctx) })
	g.Go(func() error { return h.index.Run(ctx) })
	g.Go(func() error { return h.forget.Follow(ctx) })
	g.Go(func() error { return h.hooks.listener.Run(ctx) })
	g.Go(func() error { return h.hooks.sender.Run(ctx) })
	g.Go(func() error {
		var err error
		if h.flags.TLSCert != "" {
			err = h.http.ServeTLS(h.listen, h.flags.TLSCert, h.flags.TLSKey)
		} else {
			err = h.http.Serve(h.listen)
		}
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("serve HTTP: %w", err)
	})
	g.Go(func() error {
		<-ctx.Done()
		stop, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return errors.Join(h.web.Shutdown(stop), h.http.Shutdown(stop))
	})
	return g.Wait()
}

// greet prints where the server is, and a one-time admin link if wanted.
func (h *house) greet(ctx context.Context, adminLink bool) error {
	fmt.Printf("\n  Souffleur is ready:  %s\n", h.url)
	if adminLink {
		secret, err := h.links.Create(ctx, storage.LinkAdmin, "", adminLinkLife)
		if err != nil {
			return err
		}
		fmt.Printf("  Admin link, works once within a day:  %s/link#%s\n", h.url, secret)
	}
	fmt.Println()
	return nil
}

const adminLinkLife = 24 * time.Hour

// Files in the data directory that the command line on the same machine reads.
const (
	tokenFile = "api-token"
	urlFile   = "url"
)

// apiToken returns the token that gives programs on this machine the rights of an admin, and makes it at the first run.
func apiToken(dir string) (token string, made bool, err error) {
	path := filepath.Join(dir, tokenFile)
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), false, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", false, fmt.Errorf("read API token: %w", err)
	}
	raw := make([]byte, 32)
	rand.Read(raw)
	token = hex.EncodeToString(raw)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", false, badUsage("--data: %w", err)
	}
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		return "", false, fmt.Errorf("write API token: %w", err)
	}
	return token, true, nil
}

// writeURL leaves the server's address for the command line.
func writeURL(dir, url string) error {
	path := filepath.Join(dir, urlFile)
	if readLine(path) == url {
		return nil // a server must start on a full disk, too, and there it could not be written again
	}
	if err := os.WriteFile(path, []byte(url+"\n"), 0o600); err != nil {
		return fmt.Errorf("write address file: %w", err)
	}
	return nil
}
