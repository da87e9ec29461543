package endpoint

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"souffleur/summarize/endpoint/endpointtest"
	"souffleur/summarize/minutes"
)

// always answers each request alike.
func always(r endpointtest.Reply) endpointtest.Model {
	return func(endpointtest.Request) endpointtest.Reply { return r }
}

// first answers the first n requests with r, and the others honestly.
func first(n int32, r endpointtest.Reply) endpointtest.Model {
	var asked atomic.Int32
	return func(req endpointtest.Request) endpointtest.Reply {
		if asked.Add(1) <= n {
			return r
		}
		return endpointtest.Honest(req)
	}
}

// bent changes what the honest model says about blocks.
func bent(change func(content string) endpointtest.Reply) endpointtest.Model {
	return func(r endpointtest.Request) endpointtest.Reply {
		if len(r.Lines()) == 0 || r.Again() {
			return endpointtest.Honest(r)
		}
		return change(endpointtest.Honest(r).Content)
	}
}

func TestRequestsCarryWhatServersNeed(t *testing.T) {
	server := endpointtest.New(t, endpointtest.Honest)
	w, _ := testWriter(t, server.URL+"/", func(c *Config) {
		c.APIKey, c.MaxOutput, c.Extra = "k3y", 700, json.RawMessage(`{"chat_template_kwargs":{"enable_thinking":false},"seed":null,"top_p":0.5}`)
	})
	write(t, w, council())
	r := server.Asked()[0]
	if r.Model != "dull-1b" || r.MaxTokens != 700 || r.Temperature == nil || *r.Temperature > 0.2 || r.TopP == nil || *r.TopP != 0.5 || r.Format.Type != "json_schema" {
		t.Errorf("request %+v", r)
	}
	if r.Header.Get("Authorization") != "Bearer k3y" || r.Fields["seed"] != nil || string(r.Fields["chat_template_kwargs"]) == "" || string(r.Fields["stream"]) != "false" {
		t.Errorf("headers %v, fields %s", r.Header, r.Fields)
	}
	if len(r.Messages) != 2 || r.Messages[0].Role != "system" || r.Messages[1].Role != "user" {
		t.Errorf("messages %+v", r.Messages)
	}
}

func TestAnswersInAllFormsAreRead(t *testing.T) {
	for name, change := range map[string]func(string) endpointtest.Reply{
		"code fence": func(c string) endpointtest.Reply {
			return endpointtest.Reply{Content: "Sure!\n```json\n" + c + "\n```\nAnything else?"}
		},
		"think tags": func(c string) endpointtest.Reply {
			return endpointtest.Reply{Content: "<think>Hm {\"facts\":[1]} S99</think>\n" + c}
		},
		"only their end":  func(c string) endpointtest.Reply { return endpointtest.Reply{Content: "Hm {\"facts\":[]}</think>" + c} },
		"reasoning field": func(c string) endpointtest.Reply { return endpointtest.Reply{Content: c, Reasoning: `{"facts":[]}`} },
		"channels": func(c string) endpointtest.Reply {
			return endpointtest.Reply{Content: "<|channel|>analysis<|message|>Hm<|end|><|channel|>final<|message|>" + c}
		},
		"trailing comma": func(c string) endpointtest.Reply {
			return endpointtest.Reply{Content: strings.Replace(c, "]}", "],}", 1)}
		},
		"raw line break": func(c string) endpointtest.Reply {
			return endpointtest.Reply{Content: strings.Replace(c, "Mill Lane", "Mill\n Lane", 1)}
		},
		"a list alone": func(c string) endpointtest.Reply {
			return endpointtest.Reply{Content: c[strings.Index(c, "["):strings.LastIndex(c, "]")] + "]"}
		},
		"spaces without end": func(c string) endpointtest.Reply {
			return endpointtest.Reply{Content: c + strings.Repeat(" \n", 500), Finish: "length"}
		},
		"no usage": func(c string) endpointtest.Reply { return endpointtest.Reply{Content: c, PromptTokens: -1} },
		"content in parts": func(c string) endpointtest.Reply {
			part, _ := json.Marshal([]map[string]string{{"type": "text", "text": c}})
			return endpointtest.Reply{Raw: `{"choices":[{"message":{"content":` + string(part) + `},"finish_reason":"stop"}]}`}
		},
	} {
		server := endpointtest.New(t, bent(change))
		w, _ := testWriter(t, server.URL)
		doc := write(t, w, council())
		if len(doc.Decisions) != 1 || !says(doc, "Mill Lane") {
			t.Errorf("%s: the document says %q", name, texts(doc))
		}
		if n := len(server.Asked()); n > 3 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

func TestTheLadderOfFormsIsRemembered(t *testing.T) {
	for _, c := range []struct {
		name  string
		takes []string // values of response_format.type that work; "": none is sent
		no    endpointtest.Reply
		want  rung
	}{
		{"no schema", []string{"json_object", ""}, endpointtest.Reply{Status: 400, Raw: `{"error":"response_format not supported"}`}, objectRung},
		{"neither", []string{""}, endpointtest.Reply{Status: 422, Raw: `{"detail":"extra fields"}`}, plainRung},
		{"fails inside", []string{"json_object", ""}, endpointtest.Reply{Status: 500, Raw: `{"error":"grammar"}`}, objectRung},
		{"nonsense", []string{""}, endpointtest.Reply{Content: "{{{{{"}, plainRung},
		{"empty", []string{"json_object", ""}, endpointtest.Reply{}, objectRung},
	} {
		server := endpointtest.New(t, func(r endpointtest.Request) endpointtest.Reply {
			if !slices.Contains(c.takes, r.Format.Type) {
				return c.no
			}
			return endpointtest.Honest(r)
		})
		w, _ := testWriter(t, server.URL)
		write(t, w, council())
		before := len(server.Asked())
		write(t, w, council())
		for _, r := range server.Asked()[before:] {
			if !slices.Contains(c.takes, r.Format.Type) {
				t.Errorf("%s: asked for %q again", c.name, r.Format.Type)
			}
		}
		if got := w.service.ladder.rung(0); got != c.want {
			t.Errorf("%s: rung %d, want %d", c.name, got, c.want)
		}
	}
}

func TestAnswersThatAreNoneEndInAFailure(t *testing.T) {
	for name, r := range map[string]endpointtest.Reply{
		"broken JSON":  {Content: `{"facts": [ {"kind": `},
		"prose":        {Content: "The meeting was about a market."},
		"empty":        {},
		"null":         {Raw: `{"choices":[{"message":{"content":null}}]}`},
		"no choice":    {Raw: `{"choices":[]}`},
		"HTML":         {Raw: "<html>Welcome</html>"},
		"another form": {Content: `{"summary":"x"}`},
		"bad request":  {Status: 400, Raw: `{"error":"no"}`},
		"only thought": {Content: "<think>I wonder"},
	} {
		server := endpointtest.New(t, always(r))
		w, _ := testWriter(t, server.URL)
		fails(t, w, council(), minutes.EndpointBroken)
		if n := len(server.Asked()); n > 5 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

func TestOneBadBlockIsNoReasonToGiveUp(t *testing.T) {
	if testing.Short() {
		t.Skip("long meetings")
	}
	server := endpointtest.New(t, func(r endpointtest.Request) endpointtest.Reply {
		if lines := r.Lines(); len(lines) > 0 && lines[0].Number == 1 {
			return endpointtest.Reply{Content: "I cannot."}
		}
		return endpointtest.Honest(r)
	})
	w, _ := testWriter(t, server.URL, func(c *Config) { c.ContextTokens = leastContext })
	job := long(t, "en-02", "en-03", "en-06", "en-07")
	blocks := 0
	doc, err := w.Write(t.Context(), job, func(_, of int) { blocks = of - 1 })
	if blocks <= mostBroken {
		t.Fatalf("%d blocks are too few for this test", blocks)
	}
	if err != nil || !slices.Contains(doc.Warnings, minutes.EndpointBroken) {
		t.Errorf("%v: %+v", err, doc)
	}
}

func TestRefusalsAndTroubleHaveTheirCodes(t *testing.T) {
	for _, c := range []struct {
		status int
		code   minutes.Warning
		asked  int
	}{
		{401, minutes.EndpointRefused, 1}, {403, minutes.EndpointRefused, 1}, {404, minutes.EndpointRefused, 1}, {402, minutes.EndpointRefused, 1},
		{429, minutes.EndpointBusy, mostTries}, {503, minutes.EndpointDown, mostTries}, {502, minutes.EndpointDown, mostTries},
		{500, minutes.EndpointDown, mostTries},
	} {
		server := endpointtest.New(t, always(endpointtest.Reply{Status: c.status, Raw: `{"error":{"message":"you said: zebra crossing"}}`}))
		w, _ := testWriter(t, server.URL, func(cfg *Config) { cfg.APIKey = "k3y" })
		err := fails(t, w, council(), c.code)
		if n := len(server.Asked()); n != c.asked {
			t.Errorf("%d: asked %d times, want %d", c.status, n, c.asked)
		}
		if err != nil && (strings.Contains(err.Error(), "zebra") || strings.Contains(err.Error(), "k3y")) {
			t.Errorf("%d: the error holds what was said, or the key: %v", c.status, err)
		}
	}
}

func TestTroubleThatPassesIsWaitedFor(t *testing.T) {
	for _, c := range []struct {
		r    endpointtest.Reply
		n    int32
		wait time.Duration // 0: any of the client's own
	}{
		{endpointtest.Reply{Status: 429, Header: map[string]string{"Retry-After": "17"}}, 2, 17 * time.Second},
		{endpointtest.Reply{Status: 429, Header: map[string]string{"Retry-After": time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)}}, 1, 0},
		{endpointtest.Reply{Status: 503, Header: map[string]string{"Retry-After": "1"}}, 1, time.Second},
		{endpointtest.Reply{Status: 429}, 3, 0},
		{endpointtest.Reply{Status: 500}, 1, 0},
		{endpointtest.Reply{Raw: "{"}, 1, 0},
		{endpointtest.Reply{Raw: `{"error":{"code":503,"message":"loading model"}}`}, 1, 0},
	} {
		server := endpointtest.New(t, first(c.n, c.r))
		w, p := testWriter(t, server.URL)
		write(t, w, council())
		if len(p.all) != int(c.n) {
			t.Errorf("%+v: %d pauses, want %d", c.r, len(p.all), c.n)
		}
		for _, got := range p.all {
			if c.wait > 0 && got != c.wait || got > time.Minute {
				t.Errorf("%+v: waited %v, want %v", c.r, got, c.wait)
			}
		}
	}
	server := endpointtest.New(t, always(endpointtest.Reply{Status: 429, Header: map[string]string{"Retry-After": "86400"}}))
	w, _ := testWriter(t, server.URL)
	fails(t, w, council(), minutes.EndpointBusy)
	if n := len(server.Asked()); n != 1 {
		t.Errorf("a server that asks for a day was asked %d times", n)
	}
}

func TestPausesGrowAndDiffer(t *testing.T) {
	seen := map[time.Duration]bool{}
	for try := 1; try < mostTries; try++ {
		base := firstPause << (try - 1)
		for range 20 {
			d := pauseAfter(nil, try)
			if d < base/2 || d >= base*3/2 {
				t.Errorf("try %d: %v", try, d)
			}
			seen[d] = true
		}
	}
	if len(seen) < 10 {
		t.Error("pauses do not differ")
	}
}

func TestAServerThatHangsIsGivenUp(t *testing.T) {
	release := make(chan struct{})
	server := endpointtest.New(t, func(endpointtest.Request) endpointtest.Reply {
		<-release
		return endpointtest.Reply{}
	})
	defer close(release)
	w, _ := testWriter(t, server.URL, func(c *Config) { c.Timeout = 50 * time.Millisecond })
	fails(t, w, council(), minutes.EndpointTimeout)
	if n := len(server.Asked()); n != mostTimeouts {
		t.Errorf("asked %d times, want %d", n, mostTimeouts)
	}
}

func TestAServerThatIsAwayIsDown(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	url := server.URL + "/v1"
	server.Close()
	w, p := testWriter(t, url)
	fails(t, w, council(), minutes.EndpointDown)
	if len(p.all) != mostTries-1 {
		t.Errorf("%d pauses", len(p.all))
	}
}

func TestAServerThatFailsIsLeftAloneForAWhile(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	server := endpointtest.New(t, func(r endpointtest.Request) endpointtest.Reply {
		if broken.Load() {
			return endpointtest.Reply{Status: 503}
		}
		return endpointtest.Honest(r)
	})
	w, _ := testWriter(t, server.URL)
	now := time.Unix(1e9, 0)
	w.service.now = func() time.Time { return now }
	for range trips {
		fails(t, w, council(), minutes.EndpointDown)
	}
	before := len(server.Asked())
	fails(t, w.Keeping(nil), council(), minutes.EndpointDown)
	if n := len(server.Asked()); n != before {
		t.Errorf("it was asked %d times more", n-before)
	}
	broken.Store(false)
	now = now.Add(leftAlone)
	write(t, w, council())
	write(t, w, council())
}

func TestNothingIsSentElsewhere(t *testing.T) {
	stranger := endpointtest.New(t, endpointtest.Honest)
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := endpointtest.New(t, always(endpointtest.Reply{Status: status, Header: map[string]string{"Location": stranger.URL + "/chat/completions"}}))
		w, _ := testWriter(t, server.URL)
		fails(t, w, council(), minutes.EndpointRefused)
	}
	if n := len(stranger.Asked()); n != 0 {
		t.Errorf("a stranger was asked %d times", n)
	}
}

func TestAnswersWithoutEndAreNotRead(t *testing.T) {
	server := endpointtest.New(t, always(endpointtest.Reply{Raw: `{"choices":[{"message":{"content":"` + strings.Repeat("a", maxAnswer) + `"}}]}`}))
	w, _ := testWriter(t, server.URL)
	fails(t, w, council(), minutes.EndpointBroken)
}

func TestPromptsThatAreCutSilentlyAreNoticed(t *testing.T) {
	for _, limit := range []int{2048, 1026, 900} {
		job := script(t, "en-02")
		server := endpointtest.New(t, func(r endpointtest.Request) endpointtest.Reply {
			n := r.Tokens()
			if n <= limit {
				return endpointtest.Honest(r)
			}
			return endpointtest.Reply{Content: endpointtest.Facts("", endpointtest.Fact{Kind: "point", Text: "Truncated.", Evidence: []string{"S1"}}), PromptTokens: limit}
		})
		w, _ := testWriter(t, server.URL, func(c *Config) { c.ContextTokens = 16384 })
		doc := write(t, w, job)
		if len(doc.Decisions) == 0 || len(doc.Actions) == 0 {
			t.Errorf("limit %d: the document says %q", limit, texts(doc))
		}
	}
	server := endpointtest.New(t, func(r endpointtest.Request) endpointtest.Reply {
		said := endpointtest.Honest(r)
		said.PromptTokens = 60
		return said
	})
	w, _ := testWriter(t, server.URL)
	fails(t, w, script(t, "en-02"), minutes.EndpointTruncates)
}

func TestPromptsOfDifferentLengthsThatAreCountedAlikeWereCut(t *testing.T) {
	var g gauge
	ask := func(chars, counted int) bool {
		return g.truncated(question{lang: "en", messages: []message{{Content: strings.Repeat("word ", chars/5)}}}, counted)
	}
	if ask(8000, 1900) || ask(7000, 1660) {
		t.Error("plausible counts are taken for cut ones")
	}
	if ask(8000, 1500) {
		t.Error("another tokenizer is taken for a cut")
	}
	if !ask(10000, 1500) {
		t.Error("two prompts that differ by a quarter have the same count")
	}
	if !ask(8000, 1024) || !ask(10000, 2048) || ask(10000, 0) {
		t.Error("a page that is full is not noticed, or silence is taken for a cut")
	}
}

func TestEstimatesFollowWhatServersCount(t *testing.T) {
	var g gauge
	text := strings.Repeat("réunion du comité ", 100)
	before := g.tokens("fr", text)
	for range 6 {
		g.truncated(question{lang: "fr", messages: []message{{Content: text}}}, 900)
	}
	if after := g.tokens("fr", text); after < 850 || after > 950 || before > 600 {
		t.Errorf("estimated %d before and %d after, the server counts 900", before, after)
	}
}

func TestPromptsThatDoNotFitBecomeSmaller(t *testing.T) {
	if testing.Short() {
		t.Skip("long meetings")
	}
	for _, no := range []endpointtest.Reply{
		{Status: 400, Raw: `{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":9,"n_ctx":8}}`},
		{Raw: `{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}`},
		{Status: 400, Raw: `{"object":"error","message":"This model's maximum context length is 2048 tokens."}`},
		{Status: 413},
	} {
		server := endpointtest.New(t, func(r endpointtest.Request) endpointtest.Reply {
			if len(r.Lines()) > 20 {
				return no
			}
			return endpointtest.Honest(r)
		})
		w, _ := testWriter(t, server.URL)
		doc := write(t, w, script(t, "en-02"))
		if len(doc.Decisions) == 0 {
			t.Errorf("%+v: the document says %q", no, texts(doc))
		}
		server = endpointtest.New(t, always(no))
		w, _ = testWriter(t, server.URL)
		fails(t, w, script(t, "en-02"), minutes.EndpointTruncates)
	}
}

func TestAnswersThatAreTooLongAreAskedForInParts(t *testing.T) {
	var cut atomic.Int32
	server := endpointtest.New(t, func(r endpointtest.Request) endpointtest.Reply {
		said := endpointtest.Honest(r)
		if len(r.Lines()) > 12 {
			cut.Add(1)
			said.Content, said.Finish = said.Content[:len(said.Content)*2/3], "length"
		}
		return said
	})
	w, _ := testWriter(t, server.URL)
	doc := write(t, w, script(t, "en-02"))
	if cut.Load() == 0 || len(doc.Decisions) == 0 || len(doc.Questions) == 0 {
		t.Errorf("%d cut: the document says %q", cut.Load(), texts(doc))
	}
	// A block that cannot be split gives what was whole in it.
	server = endpointtest.New(t, bent(func(c string) endpointtest.Reply {
		return endpointtest.Reply{Content: c[:strings.LastIndex(c, `"text"`)], Finish: "length"}
	}))
	w, _ = testWriter(t, server.URL)
	if doc := write(t, w, council()); !says(doc, "Mill Lane") {
		t.Errorf("the document says %q", texts(doc))
	}
	server = endpointtest.New(t, always(endpointtest.Reply{Content: "<think>" + strings.Repeat("hm ", 500), Finish: "length"}))
	w, _ = testWriter(t, server.URL)
	fails(t, w, council(), minutes.EndpointTruncates)
}

func TestAnotherLanguageIsAskedAgainOnceAndThenAFailure(t *testing.T) {
	french := endpointtest.Fact{Kind: "point", Text: "Le conseil a parlé du passage piéton et de la place du marché avec les commerçants, et de leur avis sur le parking.", Evidence: []string{"S1"}}
	server := endpointtest.New(t, func(r endpointtest.Request) endpointtest.Reply {
		if r.Again() {
			if !strings.Contains(r.Messages[3].Content, wrongLanguageEN) {
				return endpointtest.Reply{Content: endpointtest.Facts("", french)}
			}
			return endpointtest.Reply{Content: endpointtest.Facts("", endpointtest.Fact{Kind: "point", Text: "The county has not surveyed the crossing yet.", Evidence: []string{"S1"}})}
		}
		if len(r.Lines()) > 0 {
			return endpointtest.Reply{Content: endpointtest.Facts("", french)}
		}
		return endpointtest.Honest(r)
	})
	w, _ := testWriter(t, server.URL)
	if doc := write(t, w, council()); !says(doc, "surveyed") || says(doc, "conseil") {
		t.Errorf("the document says %q", texts(doc))
	}
	server = endpointtest.New(t, always(endpointtest.Reply{Content: endpointtest.Facts("", french)}))
	w, _ = testWriter(t, server.URL)
	fails(t, w, council(), minutes.EndpointLanguage)
}

func TestCertificatesOfAnOwnAuthority(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(`{"data":[{"id":"one"},{"id":""},{"id":"two"}]}`))
	}))
	defer server.Close()
	cfg := Config{BaseURL: server.URL + "/v1"}
	if _, err := Check(t.Context(), cfg); Code(err) != minutes.EndpointDown || err == nil {
		t.Errorf("without the authority: %v", err)
	}
	cfg.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(cfg.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Check(t.Context(), cfg); err != nil || !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("with it: %q, %v", got, err)
	}
	cfg.CAFile = filepath.Join(t.TempDir(), "missing.pem")
	if _, err := Check(t.Context(), cfg); err == nil {
		t.Error("a file that is missing is no error")
	}
}

func TestCheckListsModels(t *testing.T) {
	server := endpointtest.New(t, endpointtest.Honest)
	if got, err := Check(t.Context(), Config{BaseURL: server.URL}); err != nil || !slices.Equal(got, []string{"dull-1b"}) {
		t.Errorf("%q, %v", got, err)
	}
	for status, code := range map[int]minutes.Warning{401: minutes.EndpointRefused, 404: minutes.EndpointRefused, 500: minutes.EndpointDown, 200: minutes.EndpointBroken} {
		other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }))
		if _, err := Check(t.Context(), Config{BaseURL: other.URL + "/v1"}); err == nil || Code(err) != code {
			t.Errorf("%d: %v", status, err)
		}
		other.Close()
	}
}

func TestConfigurationsAreChecked(t *testing.T) {
	good := Config{BaseURL: "https://llm.example.org/team/v1", Model: "m"}
	for _, change := range []func(*Config){
		func(*Config) {}, func(c *Config) { c.BaseURL = "http://localhost:11434/v1/" }, func(c *Config) { c.Extra = json.RawMessage(`{}`) },
		func(c *Config) { c.ContextTokens, c.MaxOutput, c.Parallel = 4096, 2048, 2 },
	} {
		c := good
		change(&c)
		if err := c.Validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for name, change := range map[string]func(*Config){
		"BaseURL":       func(c *Config) { c.BaseURL = "http://localhost:11434" },
		"BaseURL ":      func(c *Config) { c.BaseURL = "http://me:secret@h/v1" },
		"BaseURL  ":     func(c *Config) { c.BaseURL = "http://h/v1?key=secret" },
		"BaseURL   ":    func(c *Config) { c.BaseURL = "file:///v1" },
		"Model":         func(c *Config) { c.Model = "" },
		"APIKey":        func(c *Config) { c.APIKey = "secret\nX: y" },
		"ContextTokens": func(c *Config) { c.ContextTokens = 512 },
		"MaxOutput":     func(c *Config) { c.MaxOutput = 5000 },
		"Timeout":       func(c *Config) { c.Timeout = -1 },
		"Parallel":      func(c *Config) { c.Parallel = 3 },
		"Extra":         func(c *Config) { c.Extra = json.RawMessage(`[]`) },
	} {
		c := good
		change(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(name)) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add(`{"title":"a","facts":[{"kind":"point","text":"b","evidence":["S1",2,"[S3]"],"owner":null,"due":3}]}`)
	f.Add("<think>x</think>```json\n[{\"kind\":\"action\"},{\"text\":\"\n\",}]\n```")
	f.Add(`{"lines":[{"text":"a","facts":"F1, F2"},{"te`)
	f.Add(strings.Repeat(`{"a":[`, 50))
	f.Fuzz(func(t *testing.T, text string) {
		text = withoutReasoning(text)
		if a, ok := readFacts(text); ok && len(a.Facts) > mostFacts {
			t.Errorf("%d facts", len(a.Facts))
		}
		if a, ok := readLines(text); ok && len(a.Lines) > mostFacts {
			t.Errorf("%d lines", len(a.Lines))
		}
		if object, used := repaired([]byte(text)); object != nil && (!json.Valid(object) || used > len(text)) {
			t.Errorf("%q was mended to %q", text, object)
		}
	})
}

func FuzzCompletion(f *testing.F) {
	f.Add([]byte(`{"choices":[{"message":{"content":"a"},"finish_reason":"length"}],"usage":{"prompt_tokens":3}}`))
	f.Add([]byte(`{"error":{"code":"400","message":"context_length"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if said, err := readCompletion(body); err == nil && said.prompt < 0 {
			t.Error("negative tokens " + strconv.Itoa(said.prompt))
		}
	})
}
