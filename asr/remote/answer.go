package remote

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"mime"
	"strconv"
	"time"
	"unicode/utf8"

	"souffleur/asr"
)

// answer is what a service heard, in the fields of OpenAI's verbose JSON and of services that follow it more or less.
type answer struct {
	Text     *string         `json:"text"`
	Language string          `json:"language"`
	Words    []piece         `json:"words"`
	Segments []segment       `json:"segments"`
	Error    json.RawMessage `json:"error"`
}

// segment is a part of the text with its time.
type segment struct {
	Text    string            `json:"text"`
	Start   number            `json:"start"` // seconds
	End     number            `json:"end"`
	LogProb number            `json:"avg_logprob"`
	Ratio   number            `json:"compression_ratio"`
	Tokens  []json.RawMessage `json:"tokens"`
	Words   []piece           `json:"words"`
}

// piece is a word with its time. whisper.cpp's server calls its tokens words: they are parts of words, or punctuation.
type piece struct {
	Word        string `json:"word"`
	Start       number `json:"start"` // seconds
	End         number `json:"end"`
	Probability number `json:"probability"` // whisper.cpp, faster-whisper
	Prob        number `json:"prob"`
	Score       number `json:"score"` // WhisperX
}

// number is a number that may be missing, null, or written as a string, as vLLM writes durations.
type number struct {
	value float64
	known bool
}

// UnmarshalJSON reads a number. What is none is unknown and no error: a service's oddity in one field must not lose the text.
func (n *number) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseFloat(string(bytes.Trim(b, `"`)), 64)
	*n = number{}
	if err == nil && !math.IsNaN(v) && !math.IsInf(v, 0) {
		*n = number{value: v, known: true}
	}
	return nil
}

// duration returns n seconds, within an hour of zero; -1 if n is unknown.
func (n number) duration() time.Duration {
	if !n.known {
		return -1
	}
	return time.Duration(min(max(n.value, 0), 3600) * float64(time.Second))
}

// probability returns what a piece tells about itself.
func (p piece) probability() number {
	for _, n := range []number{p.Probability, p.Prob, p.Score} {
		if n.known {
			return n
		}
	}
	return number{}
}

// parseAnswer reads a service's answer. Some answer with plain text although they were asked for JSON. Errors hold nothing of the
// answer: it is speech.
func parseAnswer(body []byte, contentType string) (answer, error) {
	kind, _, err := mime.ParseMediaType(contentType)
	trimmed := bytes.TrimSpace(body)
	if err == nil && kind == "text/plain" && !bytes.HasPrefix(trimmed, []byte("{")) {
		text := string(trimmed)
		return answer{Text: &text}, nil
	}
	var said *answer // stays nil for null
	if err := json.Unmarshal(body, &said); err != nil || said == nil {
		return answer{}, fmt.Errorf("%w: it is not the JSON that was asked for", ErrAnswer)
	}
	if len(said.Error) > 0 && !bytes.Equal(said.Error, []byte("null")) {
		return answer{}, fmt.Errorf("%w: it reports an error with a status of success", ErrAnswer)
	}
	if said.Text == nil && said.Segments == nil {
		return answer{}, fmt.Errorf("%w: it has no text", ErrAnswer)
	}
	return *said, nil
}

// result makes of an answer what a recogniser returns for req, which was decoded in lang if that is not "".
func (a answer) result(req asr.Request, lang string) asr.Result {
	length := time.Duration(len(req.PCM)) * time.Second / asr.SampleRate
	r := asr.Result{Lang: lang, Words: a.words(length, req.VoiceEnd)}
	if r.Lang == "" {
		r.Lang = languageCode(a.Language)
	}
	if p := a.logProb(); p.known && len(r.Words) > 0 {
		r.LogProb = p.value
	}
	return r
}

// logProb returns the mean log probability of the tokens.
func (a answer) logProb() number {
	sum, weight := 0.0, 0.0
	for _, s := range a.Segments {
		p := s.logProb()
		if !p.known {
			continue
		}
		w := float64(len(s.Tokens))
		if w == 0 {
			w = float64(utf8.RuneCountInString(s.Text))
		}
		sum += w * p.value
		weight += w
	}
	if weight == 0 {
		return number{}
	}
	return number{value: min(sum/weight, 0), known: true}
}

// logProb returns the segment's log probability. vLLM wrote -1 for it and for the compression ratio, which cannot be negative,
// before it computed either (vllm-project/vllm pull request 31059).
func (s segment) logProb() number {
	if s.Ratio.known && s.Ratio.value < 0 {
		return number{}
	}
	return s.LogProb
}
