// Package endpointtest is an OpenAI-compatible server for tests. Its model is honest and dull: it reads the prompts that package endpoint
// writes, quotes lines of the transcript as facts, and facts as lines. Around it, tests play what real servers do wrong.
package endpointtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// Message is one part of a conversation.
type Message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// Request is what the server was asked.
type Request struct {
	Header      http.Header                `json:"-"`
	Fields      map[string]json.RawMessage `json:"-"` // all of the body
	Model       string                     `json:"model"`
	Messages    []Message                  `json:"messages"`
	Temperature *float64                   `json:"temperature"`
	TopP        *float64                   `json:"top_p"`
	MaxTokens   int                        `json:"max_tokens"`
	Format      struct {
		Type string `json:"type"`
	} `json:"response_format"`
}

// Reply is what the server answers.
type Reply struct {
	Status       int // 0: 200
	Header       map[string]string
	Raw          string // the whole body, instead of what follows
	Content      string
	Reasoning    string
	Finish       string // "": stop
	PromptTokens int    // negative: it does not say
}

// Model answers a request.
type Model func(Request) Reply

// Server is a running server.
type Server struct {
	URL    string // ends in /v1
	Models []string

	http *httptest.Server
	mu   sync.Mutex // guards asked
	all  []Request
}

// New starts a server, which stops with the test.
func New(t testing.TB, model Model) *Server {
	s := &Server{Models: []string{"dull-1b"}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		req, err := readRequest(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		s.all = append(s.all, req)
		s.mu.Unlock()
		model(req).write(w, req)
	})
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, r *http.Request) {
		list := []map[string]string{}
		for _, m := range s.Models {
			list = append(list, map[string]string{"id": m, "object": "model"})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "data": list})
	})
	s.http = httptest.NewServer(mux)
	s.URL = s.http.URL + "/v1"
	t.Cleanup(s.http.Close)
	return s
}

// Asked returns the requests so far.
func (s *Server) Asked() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

const maxBody = 8 << 20

func readRequest(r *http.Request) (Request, error) {
	req := Request{Header: r.Header.Clone()}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return req, err
	}
	if err := json.Unmarshal(body, &req.Fields); err != nil {
		return req, err
	}
	return req, json.Unmarshal(body, &req)
}

func (r Reply) write(w http.ResponseWriter, req Request) {
	for name, value := range r.Header {
		w.Header().Set(name, value)
	}
	status := r.Status
	if status == 0 {
		status = http.StatusOK
	}
	if r.Raw != "" || status != http.StatusOK {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, r.Raw)
		return
	}
	message := map[string]any{"role": "assistant", "content": r.Content}
	if r.Reasoning != "" {
		message["reasoning_content"] = r.Reasoning
	}
	finish, usage := r.Finish, map[string]int{}
	if finish == "" {
		finish = "stop"
	}
	switch {
	case r.PromptTokens > 0:
		usage["prompt_tokens"] = r.PromptTokens
	case r.PromptTokens == 0:
		usage["prompt_tokens"] = req.Tokens()
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"object": "chat.completion", "model": req.Model, "usage": usage,
		"choices": []any{map[string]any{"index": 0, "message": message, "finish_reason": finish}},
	})
}

// Tokens counts the tokens of a request as a tokenizer with four characters a token would.
func (r Request) Tokens() int {
	n := 0
	for _, m := range r.Messages {
		n += utf8.RuneCountInString(m.Content)/4 + 4
	}
	return n
}

// French says whether the prompt asks for French.
func (r Request) French() bool {
	return len(r.Messages) > 0 && strings.Contains(r.Messages[0].Content, "français")
}

// Again says whether the request is about what was refused of an answer.
func (r Request) Again() bool { return len(r.Messages) > 2 }

var (
	said    = regexp.MustCompile(`(?m)^\[S([0-9]+)\] ([^:]+): (.*)$`)
	stated  = regexp.MustCompile(`(?m)^\[F([0-9]+)\] (.*)$`)
	atMost  = regexp.MustCompile(`(?:at most|au plus) ([0-9]+) f|(?:Write|Écris) [0-9]+ (?:to|à) ([0-9]+)`)
	decides = regexp.MustCompile(`(?i)\b(?:carried|agreed|decided|we accept|adjugé|décid|c'est d'accord|on prend)`)
	acts    = regexp.MustCompile(`(?i)\b(?:I'll|could you|je vais|je fais|je lui demanderai|tu leur)`)
)

// Line is a line of a transcript, as a prompt has it.
type Line struct {
	Number     int
	Name, Text string
}

// Lines returns the transcript of a request; none if it is about facts.
func (r Request) Lines() []Line {
	var lines []Line
	if len(r.Messages) < 2 {
		return nil
	}
	for _, m := range said.FindAllStringSubmatch(r.Messages[1].Content, -1) {
		n, _ := strconv.Atoi(m[1])
		lines = append(lines, Line{Number: n, Name: m[2], Text: m[3]})
	}
	return lines
}

// Fact is a fact in the form that package endpoint asks for.
type Fact struct {
	Kind     string   `json:"kind"`
	Text     string   `json:"text"`
	Evidence []string `json:"evidence"`
	Owner    string   `json:"owner"`
	Due      string   `json:"due"`
}

// Facts writes an answer about a block.
func Facts(title string, facts ...Fact) string {
	if facts == nil {
		facts = []Fact{}
	}
	return encode(map[string]any{"title": title, "facts": facts})
}

func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only texts and lists of them are encoded
	}
	return string(b)
}

// most returns how many sentences a prompt asks for.
func (r Request) most() int {
	m := atMost.FindStringSubmatch(r.Messages[0].Content)
	if m == nil {
		return 3
	}
	n, _ := strconv.Atoi(m[1] + m[2])
	return n
}

// Honest is the honest model: what it says was said.
func Honest(r Request) Reply {
	if len(r.Messages) < 2 {
		return Reply{Content: "Hello."}
	}
	if r.Again() {
		if len(r.Lines()) == 0 {
			return Reply{Content: `{"title":"","lines":[]}`}
		}
		return Reply{Content: Facts("")}
	}
	if lines := r.Lines(); len(lines) > 0 {
		return Reply{Content: Facts("", honestFacts(lines, r.most())...)}
	}
	out := []map[string]any{}
	for _, m := range stated.FindAllStringSubmatch(r.Messages[1].Content, -1) {
		if len(out) < r.most() {
			out = append(out, map[string]any{"text": m[2], "facts": []string{"F" + m[1]}})
		}
	}
	return Reply{Content: encode(map[string]any{"title": "", "lines": out})}
}

const (
	wordsOfAFact = 5
	byWeight     = "decision action question point"
)

func honestFacts(lines []Line, most int) []Fact {
	var facts []Fact
	for _, l := range lines {
		if len(strings.Fields(l.Text)) < wordsOfAFact {
			continue
		}
		f := Fact{Kind: "point", Text: l.Text, Evidence: []string{fmt.Sprintf("S%d", l.Number)}}
		switch {
		case decides.MatchString(l.Text):
			f.Kind = "decision"
		case acts.MatchString(l.Text):
			f.Kind, f.Owner = "action", l.Name
		case strings.HasSuffix(l.Text, "?"):
			f.Kind = "question"
		}
		facts = append(facts, f)
	}
	// The most important first, as the prompt says.
	slices.SortStableFunc(facts, func(a, b Fact) int { return strings.Index(byWeight, a.Kind) - strings.Index(byWeight, b.Kind) })
	return facts[:min(len(facts), most)]
}
