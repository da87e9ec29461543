package web

import (
	"errors"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// contentPolicy forbids everything that the client does not need. data: images are the small icons that the build
// inlines; blob: is for the reader's own camera picture. Workers come from the server only.
const contentPolicy = "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self'; " +
	"connect-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

// devicePolicy lets our own pages, and nothing they might embed, use what a meeting needs.
const devicePolicy = "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), fullscreen=(self), " +
	"picture-in-picture=(self), screen-wake-lock=(self), speaker-selection=(self), geolocation=(), payment=(), usb=()"

// guard sets the headers of every answer. Links of rooms and sign-in carry secrets in their path or fragment, so no
// address ever goes out as referrer.
func guard(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Permissions-Policy", devicePolicy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// accessLog writes one line a request. It names the route and not the path, because the path holds the room's link; it
// leaves out address, query, cookies and names.
func (s *Server) accessLog(c *gin.Context) {
	start := s.now()
	c.Next()
	route := c.FullPath()
	if route == "" {
		route = "other"
	}
	level := slog.LevelDebug
	if c.Writer.Status() >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	s.log.Log(c.Request.Context(), level, "request", "method", c.Request.Method, "route", route,
		"status", c.Writer.Status(), "bytes", max(c.Writer.Size(), 0), "took", s.now().Sub(start).Round(time.Microsecond))
}

// survive answers 500 when a handler panics, and keeps the server running. A client that went away while it was answered
// also ends as a panic (of the JSON writer); that is no event.
func (s *Server) survive(c *gin.Context) {
	defer func() {
		caught := recover()
		if caught == nil {
			return
		}
		err, _ := caught.(error)
		var network *net.OpError
		if errors.Is(err, http.ErrAbortHandler) || errors.As(err, &network) || c.Request.Context().Err() != nil {
			c.Abort()
			return
		}
		s.log.Error("handler panicked", "route", c.FullPath(), "panic", caught, "stack", string(debug.Stack()))
		if !c.Writer.Written() {
			writeProblem(c, problem(http.StatusInternalServerError, "internal", "Something is wrong with the server. Try again; if it stays, an admin finds the cause in the log."))
		}
	}()
	c.Next()
}

// onlyOurPages refuses requests that another site made the browser send, and bodies that a foreign form could send.
func (s *Server) onlyOurPages(c *gin.Context) {
	if err := s.crossOrigin.Check(c.Request); err != nil {
		writeProblem(c, problem(http.StatusForbidden, "cross-origin", "This request came from another site and was refused. Open the server's own pages."))
		return
	}
	if c.FullPath() == transcriptionsPath { // known by its token only: a foreign form has none
		c.Next()
		return
	}
	if c.Request.ContentLength != 0 && !safeMethod(c.Request.Method) && !isJSON(c.GetHeader("Content-Type")) {
		writeProblem(c, problem(http.StatusUnsupportedMediaType, "not-json", "Send the body as application/json."))
		return
	}
	c.Next()
}

func safeMethod(m string) bool {
	return m == http.MethodGet || m == http.MethodHead || m == http.MethodOptions
}

func isJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == "application/json"
}

// clientAddr returns the address that rate limits count: the peer's, or what a trusted proxy says.
func clientAddr(c *gin.Context) netip.Addr {
	addr, err := netip.ParseAddr(c.ClientIP())
	if err != nil {
		return netip.Addr{}
	}
	return addr
}

// secure says whether the browser's connection is encrypted, here or at a trusted proxy.
func (s *Server) secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	return s.fromProxy(r) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

func (s *Server) fromProxy(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	for _, p := range s.cfg.TrustedProxies {
		if p.Contains(peer.Addr().Unmap()) {
			return true
		}
	}
	return false
}

// origin returns the scheme and host that the browser uses, without a slash at the end.
func (s *Server) origin(r *http.Request) string {
	if s.cfg.PublicURL != "" {
		return strings.TrimRight(s.cfg.PublicURL, "/")
	}
	if s.secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
