package endpoint

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// Bounds of what is read of one answer; the rest is left out.
const (
	mostFacts    = 40
	mostEvidence = 24  // numbers of one fact, before they are checked
	mostText     = 600 // bytes of a sentence
	mostTitle    = 120
	mostName     = 80
	mostStarts   = 30 // braces at which an object may begin
)

// thoughts are what some models write before they answer.
var thoughts = regexp.MustCompile(`(?is)<(think|thinking|thought|reasoning)>.*?</(?:think|thinking|thought|reasoning)>`)

// withoutReasoning takes reasoning out of a text: in tags, which may lack their beginning because the chat template wrote it, or their end
// because the answer was cut; or in the channels of gpt-oss.
func withoutReasoning(text string) string {
	text = thoughts.ReplaceAllString(text, "")
	lower := strings.ToLower(text)
	for _, tag := range []string{"think", "thinking", "thought", "reasoning"} {
		if at := strings.LastIndex(lower, "</"+tag+">"); at >= 0 {
			text = text[at+len(tag)+3:]
			lower = strings.ToLower(text)
		}
		if at := strings.Index(lower, "<"+tag+">"); at >= 0 {
			text = text[:at]
			lower = strings.ToLower(text)
		}
	}
	if at := strings.LastIndex(text, "<|message|>"); at >= 0 {
		text = text[at+len("<|message|>"):]
	}
	return strings.TrimSpace(text)
}

// factAnswer is a model's answer about a block.
type factAnswer struct {
	Title looseText   `json:"title"`
	Facts []looseFact `json:"facts"`
}

type looseFact struct {
	Kind     looseText    `json:"kind"`
	Text     looseText    `json:"text"`
	Evidence looseNumbers `json:"evidence"`
	Owner    looseText    `json:"owner"`
	Due      looseText    `json:"due"`
}

// lineAnswer is a model's answer about facts.
type lineAnswer struct {
	Title looseText   `json:"title"`
	Lines []looseLine `json:"lines"`
}

type looseLine struct {
	Text  looseText    `json:"text"`
	Facts looseNumbers `json:"facts"`
}

// looseText reads a string; what is none is "", and no reason to lose the rest.
type looseText string

// UnmarshalJSON implements json.Unmarshaler.
func (t *looseText) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) != nil {
		s = ""
	}
	*t = looseText(s)
	return nil
}

// trim returns a text on one line, of at most so many bytes; longer ones are "", because half a sentence may say the contrary.
func (t looseText) trim(most int) string {
	s := strings.Join(strings.Fields(strings.ToValidUTF8(string(t), "")), " ")
	if len(s) > most {
		return ""
	}
	return s
}

// looseNumbers reads numbers of lines or facts: ["S12", "S13"], [12], "S12, S13", ["[S12]"].
type looseNumbers []int

var number = regexp.MustCompile(`[0-9]{1,9}`)

// UnmarshalJSON implements json.Unmarshaler.
func (n *looseNumbers) UnmarshalJSON(b []byte) error {
	*n = nil
	for _, m := range number.FindAll(b, mostEvidence) {
		if v, err := strconv.Atoi(string(m)); err == nil {
			*n = append(*n, v)
		}
	}
	return nil
}

// readFacts reads an answer about a block. ok is false if it is none.
func readFacts(text string) (a factAnswer, ok bool) {
	ok = findObject(text, func(object []byte) bool {
		var keys map[string]json.RawMessage
		if json.Unmarshal(object, &keys) != nil || json.Unmarshal(object, &a) != nil {
			return false
		}
		if keys["facts"] != nil {
			return true
		}
		var one looseFact // a list without its object around it begins with the first fact
		if keys["kind"] == nil || json.Unmarshal(object, &one) != nil {
			return false
		}
		a.Facts = append(a.Facts, one)
		return false
	}) || len(a.Facts) > 0
	if len(a.Facts) > mostFacts {
		a.Facts = a.Facts[:mostFacts]
	}
	return a, ok
}

// readLines reads an answer about facts.
func readLines(text string) (a lineAnswer, ok bool) {
	ok = findObject(text, func(object []byte) bool {
		var keys map[string]json.RawMessage
		return json.Unmarshal(object, &keys) == nil && keys["lines"] != nil && json.Unmarshal(object, &a) == nil
	})
	if len(a.Lines) > mostFacts {
		a.Lines = a.Lines[:mostFacts]
	}
	return a, ok
}

// findObject calls take with each object that a text may hold, until it takes one: models write before and after it, put it in code fences,
// leave commas at the end of lists, break lines inside of strings, or are cut in the middle.
func findObject(text string, take func(object []byte) bool) bool {
	data := []byte(text)
	for range mostStarts {
		at := bytes.IndexByte(data, '{')
		if at < 0 {
			return false
		}
		object, used := repaired(data[at:])
		if object != nil && take(object) {
			return true
		}
		if object == nil || used < 2 {
			used = 1
		}
		data = data[at+used:]
	}
	return false
}

// repaired returns the JSON object that data begins with, made valid, and how many bytes it took; nil if that cannot be done. An object that
// is cut keeps the elements that were complete.
func repaired(data []byte) (object []byte, used int) {
	r := repairer{out: make([]byte, 0, len(data))}
	for i, c := range data {
		if r.step(c) {
			return valid(r.out), i + 1
		}
	}
	return valid(r.closed()), len(data)
}

// isWhole says whether the first object of a text is complete. Behind it a model may have gone on until it was cut.
func isWhole(text string) bool {
	at := strings.IndexByte(text, '{')
	if at < 0 {
		return false
	}
	var r repairer
	for i := range len(text) - at {
		if r.step(text[at+i]) {
			return true
		}
	}
	return false
}

func valid(object []byte) []byte {
	if !json.Valid(object) {
		return nil
	}
	return object
}

// repairer copies JSON and mends it on the way.
type repairer struct {
	out      []byte
	open     []byte // brackets that are open
	inString bool
	escaped  bool
	whole    int    // length of out after the last complete element of a list or object that is inside of the outermost
	wholeAt  []byte // what was open then
}

// step takes one byte. It returns true when the outermost object is complete.
func (r *repairer) step(c byte) bool {
	if r.inString {
		r.inText(c)
		return false
	}
	switch c {
	case '"':
		r.inString = true
	case '{', '[':
		r.open = append(r.open, c)
	case '}', ']':
		r.out = bytes.TrimRight(r.out, " \t\r\n,")
		if len(r.open) > 0 {
			r.open = r.open[:len(r.open)-1]
		}
		r.out = append(r.out, c)
		if c == '}' {
			r.whole, r.wholeAt = len(r.out), bytes.Clone(r.open)
		}
		return len(r.open) == 0
	}
	r.out = append(r.out, c)
	return false
}

func (r *repairer) inText(c byte) {
	switch {
	case r.escaped:
		r.escaped = false
	case c == '\\':
		r.escaped = true
	case c == '"':
		r.inString = false
	case c < ' ':
		c = ' ' // a raw line break
	}
	r.out = append(r.out, c)
}

// closed returns what was complete, with its brackets closed.
func (r *repairer) closed() []byte {
	if r.whole == 0 {
		return nil
	}
	out := bytes.Clone(r.out[:r.whole])
	for i := len(r.wholeAt) - 1; i >= 0; i-- {
		out = append(out, r.wholeAt[i]+2) // '{' and '}', '[' and ']' are two apart in ASCII
	}
	return out
}
