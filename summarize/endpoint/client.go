package endpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	maxAnswer    = 4 << 20  // bytes of an answer that are read
	maxRefusal   = 64 << 10 // bytes of a refusal that are looked at
	maxRedirects = 3        // within the same server
	maxWait      = 5 * time.Minute
)

var (
	errRedirect = errors.New("the server wants to send what was said to another address")
	errTooLong  = errors.New("the prompt is longer than the server's context")
	errAnswer   = errors.New("not an answer of an OpenAI-compatible server")
)

// message is one part of a conversation.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// question is what a model is asked.
type question struct {
	messages []message
	lang     string // of the prompt, to estimate its tokens
	form     form   // of the answer
	down     int    // rungs below what the server is known to take
}

// reply is what a model said.
type reply struct {
	text   string // without reasoning
	cut    bool   // it is longer than it may be
	prompt int    // tokens of the prompt that the server saw; 0: it does not say
	rung   rung
}

// refusal is an answer that is none.
type refusal struct {
	status  int
	tooLong bool
	wait    time.Duration // as Retry-After says; negative: it does not say
}

// Error names the status. What the server says about it is left out: it may repeat what was said.
func (r *refusal) Error() string {
	return fmt.Sprintf("the server answered %d %s", r.status, http.StatusText(r.status))
}

// stayThere lets a server redirect to itself only: nobody else may get what was said, or the key.
func stayThere(req *http.Request, via []*http.Request) error {
	first := via[0]
	if req.URL.Scheme != first.URL.Scheme || req.URL.Host != first.URL.Host || req.Method != first.Method || len(via) > maxRedirects {
		return errRedirect
	}
	return nil
}

// service is one server with what is known of it. It is safe for concurrent use.
type service struct {
	cfg     Config
	base    *url.URL
	client  *http.Client
	ladder  ladder
	gauge   gauge
	breaker breaker

	pause func(ctx context.Context, d time.Duration) error // waits; tests replace it
	now   func() time.Time
}

// firstSeed is the seed of a first try. A question that got no answer is asked with another, or would get the same again.
const firstSeed = 7

// body makes the body of one request. Temperature and top_p are always sent: vLLM takes those of the model's repository otherwise.
func (s *service) body(q question, r rung) ([]byte, error) {
	fields := map[string]any{
		"model": s.cfg.Model, "messages": q.messages, "temperature": 0.1, "top_p": 0.9, "seed": firstSeed + q.down, "max_tokens": s.cfg.MaxOutput, "stream": false,
	}
	if f := q.form.responseFormat(r); f != nil {
		fields["response_format"] = f
	}
	if len(s.cfg.Extra) > 0 {
		var extra map[string]any
		if err := json.Unmarshal(s.cfg.Extra, &extra); err != nil {
			return nil, fmt.Errorf("read the extra fields: %w", err)
		}
		for name, v := range extra {
			if v == nil {
				delete(fields, name)
				continue
			}
			fields[name] = v
		}
	}
	return json.Marshal(fields)
}

// once makes one request of a conversation.
func (s *service) once(ctx context.Context, q question, r rung) (reply, error) {
	body, err := s.body(q, r)
	if err != nil {
		return reply{}, err
	}
	data, err := s.do(ctx, http.MethodPost, "/chat/completions", body)
	if err != nil {
		return reply{}, err
	}
	said, err := readCompletion(data)
	said.rung = r
	return said, err
}

// do makes one request and returns the body of its answer.
func (s *service) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.base.String()+path, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("make the request: the address is wrong")
	}
	req.Header.Set("Accept", "application/json")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	if s.cfg.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+s.cfg.APIKey)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, s.withoutAddress(err)
	}
	defer res.Body.Close()
	if res.StatusCode < 200 || res.StatusCode > 299 {
		said, _ := io.ReadAll(io.LimitReader(res.Body, maxRefusal))
		return nil, &refusal{status: res.StatusCode, tooLong: saysTooLong(res.StatusCode, said), wait: s.retryAfter(res)}
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, s.withoutAddress(err)
	}
	if len(data) > maxAnswer {
		return nil, fmt.Errorf("%w: it has more than %d bytes", errAnswer, maxAnswer)
	}
	return data, nil
}

// withoutAddress says what went wrong with a request but not with its address.
func (s *service) withoutAddress(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fmt.Errorf("ask the server at %s: %w", s.base.Host, err)
}

// retryAfter returns how long a server wants to be left alone (RFC 9110 §10.2.3); negative if it does not say.
func (s *service) retryAfter(res *http.Response) time.Duration {
	said := res.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(said); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, int(24*time.Hour/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(said); err == nil {
		return max(at.Sub(s.now()), 0)
	}
	return -1
}

// saysTooLong says whether a refusal is one of a prompt that does not fit: llama.cpp says exceed_context_size_error, vLLM and OpenAI speak
// of the maximum context length.
func saysTooLong(status int, said []byte) bool {
	if status == http.StatusRequestEntityTooLarge {
		return true
	}
	text := strings.ToLower(string(said))
	return status >= 400 && status != http.StatusTooManyRequests &&
		(strings.Contains(text, "context_size") || strings.Contains(text, "context length") || strings.Contains(text, "context_length") ||
			strings.Contains(text, "context size") || strings.Contains(text, "context window") || strings.Contains(text, "too many tokens"))
}

// completion is what servers answer, as far as it is read: reasoning_content and its like are not.
type completion struct {
	Choices []struct {
		Message struct {
			Content json.RawMessage `json:"content"`
		} `json:"message"`
		Finish string `json:"finish_reason"`
	} `json:"choices"`
	Usage struct {
		Prompt int `json:"prompt_tokens"`
	} `json:"usage"`
	Error json.RawMessage `json:"error"`
}

// readCompletion reads an answer. Some servers report errors with a status of success.
func readCompletion(data []byte) (reply, error) {
	var c completion
	if err := json.Unmarshal(data, &c); err != nil {
		return reply{}, fmt.Errorf("%w: it is no JSON", errAnswer)
	}
	if len(c.Error) > 0 && !bytes.Equal(c.Error, []byte("null")) {
		var e struct {
			Code json.Number `json:"code"`
		}
		_ = json.Unmarshal(c.Error, &e) // a code that is no number is no status
		status, err := strconv.Atoi(e.Code.String())
		if err != nil || status < 400 || status > 599 {
			status = http.StatusInternalServerError
		}
		return reply{}, &refusal{status: status, tooLong: saysTooLong(status, c.Error), wait: -1}
	}
	if len(c.Choices) == 0 {
		return reply{}, fmt.Errorf("%w: it has no choice", errAnswer)
	}
	return reply{
		text: withoutReasoning(textOf(c.Choices[0].Message.Content)), cut: c.Choices[0].Finish == "length", prompt: max(c.Usage.Prompt, 0),
	}, nil
}

// textOf reads content: a string, or a list of parts.
func textOf(content json.RawMessage) string {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return text
	}
	var parts []struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(content, &parts) != nil {
		return ""
	}
	for _, p := range parts {
		text += p.Text
	}
	return text
}

// models lists what the server has.
func (s *service) models(ctx context.Context) ([]string, error) {
	data, err := s.do(ctx, http.MethodGet, "/models", nil)
	if err != nil {
		return nil, failure(err)
	}
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, failure(fmt.Errorf("%w: its list of models is no JSON", errAnswer))
	}
	names := []string{}
	for _, m := range list.Data {
		if m.ID != "" && len(m.ID) <= maxModelName && len(names) < maxModels {
			names = append(names, m.ID)
		}
	}
	return names, nil
}

// Bounds of a list of models; a gateway may know hundreds.
const (
	maxModels    = 1000
	maxModelName = 300 // bytes
)
