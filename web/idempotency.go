package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
)

// keyHeader names a request, so that it can be repeated when its answer was lost (draft-ietf-httpapi-idempotency-key-header).
const keyHeader = "Idempotency-Key"

const (
	// minKey keeps out keys that two people could choose: strangers behind one address are told apart by nothing else, and
	// the answer that is repeated may hold the cookie of a new session.
	minKey = 16
	maxKey = 128 // bytes

	// answerLife is for how long an answer is repeated.
	answerLife = time.Hour
	// maxAnswer is the longest answer that is kept, in bytes; the operations that take keys answer with some 2 kB. Overflow:
	// it is not kept, and a repetition is a new request.
	maxAnswer = 32 << 10
	// maxAnswers bounds what all kept answers take, in bytes, with maxAnswerCost for each beside its text: the memory of some
	// 5,000 rooms. Overflow: the oldest is forgotten, and its repetition is a new request.
	maxAnswers    = 16 << 20
	maxAnswerCost = 1 << 10

	// maxRepeated bounds the body of a repetition; the longest is that of an import.
	maxRepeated = 33 << 20
)

// keyed says in the description of an operation that it takes an Idempotency-Key, which makes [Server.once] look for one. It is
// for operations that create something, and whose answer cannot be had again.
func keyed(op huma.Operation) huma.Operation {
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: keyHeader, In: "header",
		Schema: &huma.Schema{Type: huma.TypeString, MinLength: ptr(minKey), MaxLength: ptr(maxKey)},
		Description: "A random word for this request. Sent again with it within an hour, the same request is not made twice but answered as the first time; " +
			"another request with the same key is refused",
	})
	return op
}

// keyedRoutes returns the routes of a description that take keys, as gin names them.
func keyedRoutes(spec *huma.OpenAPI) map[string]bool {
	routes := map[string]bool{}
	for path, item := range spec.Paths {
		if op := item.Post; op != nil {
			for _, p := range op.Parameters {
				if p.Name == keyHeader {
					routes[basePath+strings.NewReplacer("{", ":", "}", "").Replace(path)] = true
				}
			}
		}
	}
	return routes
}

// repeatID is the hash of a visitor and their key.
type repeatID [sha256.Size]byte

// repeat is a request with a key, and its answer. All but done is written before done is closed, and read after.
type repeat struct {
	done    chan struct{}
	kept    bool // an answer that can be repeated came of it
	request [sha256.Size]byte
	status  int
	header  http.Header
	body    []byte

	ids     []repeatID // under which it stands
	expires time.Time
}

func (r *repeat) cost() int { return len(r.body) + maxAnswerCost }

// repeats are the requests with keys that run or ran lately. The zero value is ready. It is lost in a restart.
type repeats struct {
	mu    sync.Mutex // guards the rest
	all   map[repeatID]*repeat
	order []*repeat // those that are kept, oldest first
	bytes int       // what they take
}

// begin returns the request that stands under id, and whether it is a new one, which the caller must finish.
func (r *repeats) begin(id repeatID, now time.Time) (entry *repeat, fresh bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetLocked(now)
	if entry := r.all[id]; entry != nil {
		return entry, false
	}
	if r.all == nil {
		r.all = map[repeatID]*repeat{}
	}
	entry = &repeat{done: make(chan struct{}), ids: []repeatID{id}}
	r.all[id] = entry
	return entry, true
}

// finish lets go of whoever waits for a request, and keeps its answer if it can be repeated.
func (r *repeats) finish(entry *repeat, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if entry.kept {
		for _, id := range entry.ids {
			r.all[id] = entry
		}
		entry.expires = now.Add(answerLife)
		r.order = append(r.order, entry)
		r.bytes += entry.cost()
	} else {
		delete(r.all, entry.ids[0])
	}
	r.forgetLocked(now)
	close(entry.done)
}

// forgetLocked drops answers that are too old, or too many.
func (r *repeats) forgetLocked(now time.Time) {
	for len(r.order) > 0 && (r.bytes > maxAnswers || now.After(r.order[0].expires)) {
		oldest := r.order[0]
		r.order[0] = nil
		r.order = r.order[1:]
		r.bytes -= oldest.cost()
		for _, id := range oldest.ids {
			if r.all[id] == oldest {
				delete(r.all, id)
			}
		}
	}
}

// once lets a request with a key be made only once. Only what was made is repeated: a request that was refused has changed
// nothing, and may be made again.
func (s *Server) once(c *gin.Context) {
	key, sent := c.GetHeader(keyHeader), len(c.Request.Header.Values(keyHeader)) > 0
	if !sent || c.Request.Method != http.MethodPost || !s.keyedRoutes[c.FullPath()] {
		c.Next()
		return
	}
	if !isKey(key) {
		writeProblem(c, problem(http.StatusUnprocessableEntity, "bad-key", fmt.Sprintf("Send as %s a random word of %d to %d visible characters, such as a UUID.", keyHeader, minKey, maxKey)))
		return
	}
	v := visitorOf(c.Request.Context())
	id := repeatIDOf(v, key)
	for {
		entry, fresh := s.repeats.begin(id, s.now())
		if fresh {
			s.firstTime(c, v, key, entry)
			return
		}
		select {
		case <-entry.done:
		case <-c.Request.Context().Done():
			writeProblem(c, asProblem(s.answerFor(c.Request.Context(), "", context.Canceled)))
			return
		}
		if entry.kept {
			s.again(c, entry)
			return
		}
	}
}

func isKey(key string) bool {
	return len(key) >= minKey && len(key) <= maxKey && !strings.ContainsFunc(key, func(r rune) bool { return r < '!' || r > '~' })
}

// repeatIDOf makes keys of different visitors different ones.
func repeatIDOf(v *visitor, key string) repeatID {
	who := "network " + network(v.addr).String()
	if name := v.auditName(); name != "" {
		who = "person " + string(name)
	}
	return sha256.Sum256([]byte(who + "\x00" + key))
}

// firstTime makes the request, and keeps what it was and how it was answered.
func (s *Server) firstTime(c *gin.Context, v *visitor, key string, entry *repeat) {
	body := &hashedBody{ReadCloser: c.Request.Body, sum: requestHash(c.Request)}
	c.Request.Body = body
	w := &recorder{ResponseWriter: c.Writer}
	c.Writer = w
	defer func() { s.repeats.finish(entry, s.now()) }() // also if the handler panics
	c.Next()
	if w.Status() < 200 || w.Status() >= 300 || w.tooLong || !body.whole() {
		return
	}
	entry.kept, entry.status, entry.body = true, w.Status(), w.body.Bytes()
	body.sum.Sum(entry.request[:0])
	entry.header = http.Header{}
	for _, name := range []string{"Content-Type", "Set-Cookie", "ETag"} {
		if values := w.Header().Values(name); len(values) > 0 {
			entry.header[name] = values
		}
	}
	// Whoever got a session by the request comes back with it, or without if the answer was lost.
	if id := repeatIDOf(v, key); id != entry.ids[0] {
		entry.ids = append(entry.ids, id)
	}
}

// again answers a request as the first time.
func (s *Server) again(c *gin.Context, entry *repeat) {
	sum := requestHash(c.Request)
	limit := http.NewResponseController(c.Writer)
	// A writer without deadlines, as tests have, has no slow client either.
	_ = limit.SetReadDeadline(time.Now().Add(importPatience))
	_, err := io.Copy(sum, http.MaxBytesReader(c.Writer, c.Request.Body, maxRepeated))
	_ = limit.SetReadDeadline(time.Time{})
	if err != nil || !bytes.Equal(sum.Sum(nil), entry.request[:]) {
		writeProblem(c, problem(http.StatusUnprocessableEntity, "key-used", "This Idempotency-Key was sent with another request. Make a new key for each request."))
		return
	}
	for name, values := range entry.header {
		c.Writer.Header()[name] = values
	}
	c.Status(entry.status)
	c.Abort()
	_, _ = c.Writer.Write(entry.body) // a client that has gone again may come again
}

// requestHash begins the hash of a request; its body follows.
func requestHash(r *http.Request) hash.Hash {
	sum := sha256.New()
	_, _ = io.WriteString(sum, r.Method+" "+r.URL.RequestURI()+"\n") // a hash takes everything
	return sum
}

// hashedBody hashes what a handler reads.
type hashedBody struct {
	io.ReadCloser
	sum   hash.Hash
	ended bool
}

func (b *hashedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.sum.Write(p[:n]) // a hash takes everything
	b.ended = b.ended || err == io.EOF
	return n, err
}

// whole reads what the handler had no use for, and says whether the hash is that of the whole body.
func (b *hashedBody) whole() bool {
	if !b.ended {
		_, _ = io.Copy(io.Discard, io.LimitReader(b, maxRepeated)) // then it has not ended
	}
	return b.ended
}

// recorder keeps what is answered.
type recorder struct {
	gin.ResponseWriter
	body    bytes.Buffer
	tooLong bool
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.body.Len()+len(b) > maxAnswer {
		r.tooLong = true
	}
	if !r.tooLong {
		r.body.Write(b)
	}
	return r.ResponseWriter.Write(b)
}

func (r *recorder) WriteString(s string) (int, error) { return r.Write([]byte(s)) }

// Unwrap lets http.ResponseController find the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
