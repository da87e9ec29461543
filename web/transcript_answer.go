package web

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"math"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"souffleur/internal/meeting"
	"souffleur/storage"
	"souffleur/storage/export"
)

// Forms of an answer, as OpenAI's API names them.
const (
	formatJSON     = "json"
	formatText     = "text"
	formatVerbose  = "verbose_json"
	formatDiarized = "diarized_json" // with WhisperX's fields beside, as the summary service of La Suite Meet reads them
	formatSRT      = "srt"
	formatVTT      = "vtt"
)

var formats = []string{formatJSON, formatText, formatVerbose, formatDiarized, formatSRT, formatVTT}

// apiFault is an error as OpenAI's API writes it.
type apiFault struct {
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    string  `json:"code"`
	} `json:"error"`
}

// refuse answers with an error.
func refuse(c *gin.Context, status int, code, message string) {
	var f apiFault
	f.Error.Message, f.Error.Code, f.Error.Type = message, code, "invalid_request_error"
	if status >= http.StatusInternalServerError {
		f.Error.Type = "server_error"
	}
	c.Abort()
	writeJSON(c, status, f)
}

// writeJSON answers with v; text stays readable.
func writeJSON(c *gin.Context, status int, v any) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		c.AbortWithStatus(http.StatusInternalServerError) // finite numbers and strings always encode
		return
	}
	c.Data(status, "application/json", b.Bytes())
}

// answerTranscript answers with a transcript in the form that was asked for.
func answerTranscript(c *gin.Context, u *upload, t *storage.Transcript) {
	switch u.format {
	case formatText:
		c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte(wholeText(t)+"\n"))
	case formatVerbose:
		writeJSON(c, http.StatusOK, verboseOf(t, u))
	case formatDiarized:
		writeJSON(c, http.StatusOK, diarizedOf(t))
	case formatSRT:
		answerSubtitles(c, export.SRT, t)
	case formatVTT:
		answerSubtitles(c, export.VTT, t)
	default:
		writeJSON(c, http.StatusOK, map[string]string{"text": wholeText(t)})
	}
}

func answerSubtitles(c *gin.Context, format export.Format, t *storage.Transcript) {
	var file bytes.Buffer
	if err := export.Write(&file, format, export.English, t); err != nil {
		refuse(c, http.StatusInternalServerError, "server_error", "The transcript could not be written.")
		return
	}
	c.Data(http.StatusOK, format.ContentType(), file.Bytes())
}

func wholeText(t *storage.Transcript) string {
	texts := make([]string, len(t.Segments))
	for i, s := range t.Segments {
		texts[i] = s.Text
	}
	return strings.Join(texts, " ")
}

// languageOf returns the language in which most is written; "" if none is known.
func languageOf(t *storage.Transcript) string {
	if langs := t.Langs(); len(langs) > 0 {
		return langs[0]
	}
	return ""
}

// seconds is a time as the API writes it.
func seconds(ms int64) float64 { return float64(ms) / 1000 }

func lengthOf(t *storage.Transcript) float64 { return seconds(t.EndedUnixMS - t.BeganUnixMS) }

// verbose is OpenAI's verbose JSON. The language is a code ("fr"), as other servers than OpenAI's write it.
type verbose struct {
	Task     string           `json:"task"`
	Language string           `json:"language"`
	Duration float64          `json:"duration"`
	Text     string           `json:"text"`
	Words    []verboseWord    `json:"words,omitempty"`
	Segments []verboseSegment `json:"segments,omitempty"`
}

type verboseWord struct {
	Word        string  `json:"word"`
	Start       float64 `json:"start"`
	End         float64 `json:"end"`
	Probability float32 `json:"probability"` // as faster-whisper has it
}

// verboseSegment has every field that typed clients require. Tokens and seek are of a decoder that they do not see; the
// probability of no speech is 0 because silence never reaches the recogniser.
type verboseSegment struct {
	ID               int     `json:"id"`
	Seek             int     `json:"seek"`
	Start            float64 `json:"start"`
	End              float64 `json:"end"`
	Text             string  `json:"text"`
	Tokens           []int   `json:"tokens"`
	Temperature      float64 `json:"temperature"`
	AvgLogProb       float64 `json:"avg_logprob"`
	CompressionRatio float64 `json:"compression_ratio"`
	NoSpeechProb     float64 `json:"no_speech_prob"`
}

func verboseOf(t *storage.Transcript, u *upload) verbose {
	v := verbose{Task: "transcribe", Language: languageOf(t), Duration: lengthOf(t), Text: wholeText(t)}
	for i, s := range t.Segments {
		if u.segments {
			v.Segments = append(v.Segments, verboseSegment{
				ID: i, Start: seconds(s.T0), End: seconds(s.T1), Text: s.Text, Tokens: []int{},
				AvgLogProb: logOf(s.Conf), CompressionRatio: compressionRatio(s.Text),
			})
		}
		for _, w := range s.Words {
			if u.words {
				v.Words = append(v.Words, verboseWord{w.Text, seconds(w.T0), seconds(w.T1), w.P})
			}
		}
	}
	return v
}

// minConfidence keeps the logarithm of a confidence finite.
const minConfidence = 1e-4

func logOf(confidence float32) float64 {
	return math.Log(min(max(float64(confidence), minConfidence), 1))
}

// compressionRatio is how much shorter zlib makes a text: Whisper's measure of repetition.
func compressionRatio(text string) float64 {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write([]byte(text)) // into memory: cannot fail
	_ = w.Close()
	return math.Round(1000*float64(len(text))/float64(b.Len())) / 1000
}

// diarized is OpenAI's diarized JSON with WhisperX's fields beside. Where speakers could not be told apart each is null: one label for
// all would be taken for one person.
type diarized struct {
	Task         string            `json:"task"`
	Language     string            `json:"language"`
	Duration     float64           `json:"duration"`
	Text         string            `json:"text"`
	Segments     []diarizedSegment `json:"segments"`
	WordSegments []diarizedWord    `json:"word_segments"`
}

type diarizedSegment struct {
	Type    string         `json:"type"`
	ID      string         `json:"id"`
	Start   float64        `json:"start"`
	End     float64        `json:"end"`
	Text    string         `json:"text"`
	Speaker *string        `json:"speaker"`
	Words   []diarizedWord `json:"words"`
}

type diarizedWord struct {
	Word    string  `json:"word"`
	Start   float64 `json:"start"`
	End     float64 `json:"end"`
	Score   float32 `json:"score"`
	Speaker *string `json:"speaker"`
}

func diarizedOf(t *storage.Transcript) diarized {
	d := diarized{
		Task: "transcribe", Language: languageOf(t), Duration: lengthOf(t), Text: wholeText(t),
		Segments: []diarizedSegment{}, WordSegments: []diarizedWord{},
	}
	names := make(map[meeting.SpeakerID]*string, len(t.Names))
	for _, n := range t.Names {
		names[n.Spk] = &n.Name
	}
	for _, s := range t.Segments {
		words := diarizedWords(s.Words, names[s.Spk])
		d.Segments = append(d.Segments, diarizedSegment{
			Type: "transcript.text.segment", ID: string(s.Seg), Start: seconds(s.T0), End: seconds(s.T1), Text: s.Text, Speaker: names[s.Spk], Words: words,
		})
		d.WordSegments = append(d.WordSegments, words...)
	}
	return d
}

func diarizedWords(words []meeting.Word, speaker *string) []diarizedWord {
	out := []diarizedWord{}
	for _, w := range words {
		out = append(out, diarizedWord{Word: w.Text, Start: seconds(w.T0), End: seconds(w.T1), Score: w.P, Speaker: speaker})
	}
	return out
}
