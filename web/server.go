package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"souffleur/storage"
	"souffleur/web/brand"
)

// basePath is where the API lives. The WebSocket, downloads and the API's description stand below it too.
const basePath = "/api/v1"

// Deps are the parts of the installation that the HTTP side works with. All are required but Search, Models, Transcriber, UI and Look.
type Deps struct {
	Live        Live
	Rooms       *storage.Rooms
	Meetings    *storage.Meetings
	Transcripts *storage.Transcripts
	Sessions    *storage.Sessions
	Links       *storage.Links
	Instance    *storage.Instance
	Audit       *storage.Audit
	Search      Searcher // nil: nothing can be found here
	Audio       *storage.Audio
	Forgetter   *storage.Forgetter
	Webhooks    *storage.Webhooks
	Tokens      *storage.Tokens
	Models      Models      // nil: models are not known here
	Transcriber Transcriber // nil: recordings are not transcribed here
	UI          fs.FS       // the built browser client with index.html at its root; nil if it was not built
	Log         *slog.Logger
	People      *storage.People
	Shares      *storage.Shares
	Tickets     *storage.Tickets
	Look        brand.Brand // what the operator changes of the pages' looks
	Minutes     *storage.Minutes
	Summarizers *storage.Summarizers
	Records     storage.Records // the bus, to tell workers of requests
}

// Server is the HTTP side. It holds no state but open connections, rate limits, what was audited lately, and answers that
// may have been lost, so a restart loses little.
type Server struct {
	cfg Config // validated; set once
	log *slog.Logger
	now func() time.Time

	live        Live
	rooms       *storage.Rooms
	meetings    *storage.Meetings
	transcripts *storage.Transcripts
	sessions    *storage.Sessions
	links       *storage.Links
	instance    *storage.Instance
	audit       *storage.Audit
	search      Searcher      // nil: nothing can be found here
	searches    chan struct{} // one for each search that runs
	audio       *storage.Audio
	forgetter   *storage.Forgetter
	webhooks    *storage.Webhooks
	tokens      *storage.Tokens
	models      Models // nil: models are not known here

	tokenHash     string // of the server's own API token; "" if there is none
	crossOrigin   *http.CrossOriginProtection
	socketOrigins []string

	transcriptions *transcriptions // nil without a Transcriber

	keyedRoutes map[string]bool // that take an Idempotency-Key; set once
	repeats     repeats

	// imports has room for transcripts that are being read. When it is full, requests are refused with 429: one takes up to
	// some 150 MB.
	imports chan struct{}

	sockets     *sockets
	roomLimit   *limiter
	joinLimit   *limiter
	signInLimit *limiter
	searchLimit *limiter
	socketLimit *limiter

	plays plays // listenings that are in the audit

	people   *storage.People
	shares   *storage.Shares
	tickets  *storage.Tickets
	provider *provider // nil: nobody signs in with one

	minutes     *storage.Minutes
	summarizers *storage.Summarizers
	records     storage.Records

	handler http.Handler
	spec    []byte // openapi.json
}

// New returns the HTTP side of an installation. It starts nothing in the background: the caller serves [Server.Handler]
// and calls [Server.Shutdown] in the end.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("web configuration: %w", err)
	}
	if err := deps.validate(); err != nil {
		return nil, err
	}
	files, err := newClient(deps.UI, deps.Look)
	if err != nil {
		return nil, err
	}
	s := newServer(cfg, deps, time.Now)
	if cfg.OIDC.on() {
		s.provider = newProvider(cfg.OIDC, func() time.Time { return s.now() })
	}
	if err := s.protect(); err != nil {
		return nil, err
	}
	if deps.Transcriber != nil {
		if s.transcriptions, err = newTranscriptions(cfg, deps.Transcriber); err != nil {
			return nil, err
		}
	}
	return s, s.route(files)
}

func newServer(cfg Config, deps Deps, now func() time.Time) *Server {
	return &Server{
		cfg: cfg, log: deps.Log, now: now,
		live: deps.Live, rooms: deps.Rooms, meetings: deps.Meetings, transcripts: deps.Transcripts, sessions: deps.Sessions,
		links: deps.Links, instance: deps.Instance, audit: deps.Audit, forgetter: deps.Forgetter, audio: deps.Audio,
		webhooks: deps.Webhooks, tokens: deps.Tokens, models: deps.Models,
		imports:       make(chan struct{}, maxImports),
		search:        deps.Search,
		searches:      make(chan struct{}, searchesAtOnce),
		socketOrigins: socketOrigins(cfg.PublicURL),
		sockets:       newSockets(cfg.MaxSockets),
		roomLimit:     newLimiter(cfg.RoomsPerHour, time.Hour, now),
		joinLimit:     newLimiter(cfg.JoinsPerMinute, time.Minute, now),
		signInLimit:   newLimiter(cfg.SignInsPerMinute, time.Minute, now),
		searchLimit:   newLimiter(cfg.SearchesPerMinute, time.Minute, now),
		// A join is one connection; a bad network makes a few more.
		socketLimit: newLimiter(4*cfg.JoinsPerMinute, time.Minute, now),
		people:      deps.People, shares: deps.Shares, tickets: deps.Tickets,
		minutes: deps.Minutes, summarizers: deps.Summarizers, records: deps.Records,
	}
}

func (d Deps) validate() error {
	if d.Live == nil || d.Rooms == nil || d.Meetings == nil || d.Transcripts == nil || d.Sessions == nil || d.Links == nil ||
		d.Instance == nil || d.Audit == nil || d.Forgetter == nil || d.Audio == nil || d.Webhooks == nil || d.Tokens == nil || d.Log == nil ||
		d.People == nil || d.Shares == nil || d.Tickets == nil || d.Minutes == nil || d.Summarizers == nil || d.Records == nil {
		return errors.New("web: a dependency is missing")
	}
	return nil
}

// protect prepares what tells our pages and programs from foreign ones.
func (s *Server) protect() error {
	s.crossOrigin = http.NewCrossOriginProtection()
	for _, origin := range s.socketOrigins {
		if err := s.crossOrigin.AddTrustedOrigin(origin); err != nil {
			return fmt.Errorf("PublicURL: %w", err)
		}
	}
	if s.cfg.APIToken != "" {
		s.tokenHash = hashOf(s.cfg.APIToken)
		s.cfg.APIToken = "" // only its hash is needed from here on
	}
	return nil
}

// route builds the handler.
func (s *Server) route(files *client) error {
	gin.SetMode(gin.ReleaseMode) // the debug mode prints routes to standard output
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	if err := engine.SetTrustedProxies(proxyList(s.cfg)); err != nil {
		return fmt.Errorf("trusted proxies: %w", err)
	}
	engine.Use(s.accessLog, s.survive, guard, s.onlyOurPages)
	engine.NoRoute(files.serve)
	engine.NoMethod(func(c *gin.Context) {
		writeProblem(c, problem(http.StatusMethodNotAllowed, "bad-method", "This address does not take "+c.Request.Method+" requests."))
	})

	engine.GET(basePath+"/signal", s.signal)
	if s.transcriptions != nil {
		engine.POST(transcriptionsPath, noStore, s.transcribe)
	}
	api := engine.Group(basePath, noStore, s.identify, refuseEmpty, s.once)
	api.GET("/meetings/:meeting/export", s.export)
	api.POST("/rooms/:room/meetings", s.importMeeting)
	api.GET("/meetings/:meeting/audio/:track", s.playAudio)
	api.HEAD("/meetings/:meeting/audio/:track", s.playAudio)
	api.GET("/meetings/:meeting/minutes/export", s.exportMinutes)
	api.GET("/session/oidc", s.beginSignIn)
	api.GET("/session/oidc/callback", s.finishSignIn)
	if err := s.describe(engine, api); err != nil {
		return err
	}
	s.handler = engine
	return nil
}

func proxyList(cfg Config) []string {
	list := make([]string, 0, len(cfg.TrustedProxies))
	for _, p := range cfg.TrustedProxies {
		list = append(list, p.String())
	}
	return list
}

// noStore keeps answers of the API out of every cache: they depend on who asks, and hold names and speech.
func noStore(c *gin.Context) { c.Header("Cache-Control", "no-store") }

// Handler returns what an http.Server serves. The http.Server needs no write timeout for the WebSocket's sake: it is
// hijacked.
func (s *Server) Handler() http.Handler { return s.handler }

// Shutdown tells every client to come back later, and waits for their connections to end; those left when ctx ends are
// cut. New connections are refused from now on, and transcriptions are given up. Call it before http.Server.Shutdown, which knows nothing of WebSockets.
func (s *Server) Shutdown(ctx context.Context) error {
	if s.transcriptions != nil {
		s.transcriptions.stop()
	}
	if s.provider != nil {
		s.provider.close()
	}
	if err := s.sockets.shutdown(ctx); err != nil {
		return fmt.Errorf("close signalling connections: %w", err)
	}
	return nil
}
