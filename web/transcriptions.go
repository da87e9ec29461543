package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"souffleur/storage"
)

// transcriptionsPath is OpenAI's address for recordings. It is no part of our own API, nor of its description: what it takes and
// answers, others have decided (https://platform.openai.com/docs/api-reference/audio/createTranscription).
const transcriptionsPath = "/v1/audio/transcriptions"

// Recording is what somebody wants to have transcribed.
type Recording struct {
	Path   string // of the file, which is removed afterwards
	Model  string // that was asked for; "" = the server's own
	Lang   string // spoken, BCP 47 primary subtag; "" = detect
	Prompt string // text that could have been said before; may be empty
	Voices bool   // its speakers are to be told apart, if that can be done
}

// Transcriber turns recordings into text. It is called for one recording at a time.
type Transcriber interface {
	// Transcribe returns the recording's transcript, with its length as EndedUnixMS. When ctx ends it gives up soon.
	// Where Voices is set and speakers could be told apart, each has a name in its Names.
	// ErrBadRecording says that the file cannot be read, ErrNoModel that there is no such model.
	Transcribe(ctx context.Context, r Recording) (*storage.Transcript, error)
}

// Errors of a [Transcriber] that are not its own fault.
var (
	ErrBadRecording = errors.New("the recording cannot be read")
	ErrNoModel      = errors.New("no such speech model")
)

// transcriptions lets requests have their recordings transcribed one after the other: whoever talks in a meeting comes first, and
// one recording takes a core.
type transcriptions struct {
	transcriber Transcriber
	dir         string
	maxUpload   int64
	// places has room for those who upload, wait or are transcribed. When it is full, requests are refused with 429: their
	// senders try again, while a longer queue would outlive their patience.
	places chan struct{}
	turn   chan struct{} // held while a recording is transcribed

	closing context.Context // ends when the server shuts down
	stop    context.CancelFunc
}

// uploadPrefix begins the names of uploads.
const uploadPrefix = "upload-"

// newTranscriptions empties the folder of uploads: a server that was killed could not.
func newTranscriptions(cfg Config, t Transcriber) (*transcriptions, error) {
	if cfg.UploadDir == "" {
		return nil, errors.New("web configuration: UploadDir is empty")
	}
	if err := os.MkdirAll(cfg.UploadDir, 0o700); err != nil {
		return nil, fmt.Errorf("make folder of uploads: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(cfg.UploadDir, uploadPrefix+"*"))
	if err != nil {
		return nil, fmt.Errorf("look for old uploads: %w", err)
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("remove old upload: %w", err)
		}
	}
	ts := &transcriptions{
		transcriber: t, dir: cfg.UploadDir, maxUpload: cfg.MaxUpload,
		places: make(chan struct{}, 1+cfg.TranscriptionsWaiting), turn: make(chan struct{}, 1),
	}
	ts.closing, ts.stop = context.WithCancel(context.Background())
	return ts, nil
}

// busyPause is what a refused client should wait: most recordings take longer, and few as long as its patience.
const busyPause = 30 * time.Second

// uploadPatience bounds how long one upload may take.
const uploadPatience = 10 * time.Minute

// transcribe answers a request as OpenAI's API does.
func (s *Server) transcribe(c *gin.Context) {
	if bearer, ok := bearerOf(c); !ok || s.bearer(c, &visitor{}, bearer) != nil {
		refuse(c, http.StatusUnauthorized, "invalid_api_key", "Send the API token of this server as bearer token.")
		return
	}
	ts := s.transcriptions
	limit := http.NewResponseController(c.Writer)
	// A writer without deadlines, as tests have, has no slow client either.
	_ = limit.SetReadDeadline(time.Now().Add(uploadPatience))
	body := http.MaxBytesReader(c.Writer, c.Request.Body, ts.maxUpload+maxFields)
	select {
	case ts.places <- struct{}{}:
		defer func() { <-ts.places }()
	default:
		_, _ = io.Copy(io.Discard, body) // a client that is refused while it sends would see a broken connection, not the answer
		c.Header("Retry-After", strconv.Itoa(int(busyPause/time.Second)))
		refuse(c, http.StatusTooManyRequests, "rate_limit_exceeded", "Other recordings are being transcribed. Try again later.")
		return
	}
	up, err := ts.receive(c.Request, body)
	defer up.remove(s)
	_ = limit.SetReadDeadline(time.Time{}) // else the connection, and with it the request, would end at that time
	if err != nil {
		refuseUpload(c, err)
		return
	}
	t, err := ts.inTurn(c.Request.Context(), up.recording())
	if err != nil {
		s.refuseTranscript(c, up, err)
		return
	}
	answerTranscript(c, up, t)
}

// errClosing says that the server shuts down.
var errClosing = errors.New("the server shuts down")

// inTurn transcribes a recording when it is its turn. It gives up when the client does, or the server shuts down.
func (ts *transcriptions) inTurn(ctx context.Context, r Recording) (*storage.Transcript, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ts.closing, cancel)()
	select {
	case ts.turn <- struct{}{}:
		defer func() { <-ts.turn }()
	case <-ctx.Done():
	}
	t, err := (*storage.Transcript)(nil), ctx.Err()
	if err == nil {
		t, err = ts.transcriber.Transcribe(ctx, r)
	}
	if err != nil && ts.closing.Err() != nil {
		err = errClosing
	}
	return t, err
}

// Bounds of a form beside its file.
const (
	maxFields = 256 << 10 // bytes of everything but the file
	maxField  = 16 << 10  // bytes of one field
	maxParts  = 40
)

// upload is a request as it arrived.
type upload struct {
	path          string // of the recording; "" if none came
	model         string
	lang          string
	prompt        string
	format        string
	words         bool // of timestamp_granularities
	segments      bool
	granularities bool // were named
}

// remove deletes the recording.
func (u *upload) remove(s *Server) {
	if u.path == "" {
		return
	}
	if err := os.Remove(u.path); err != nil {
		s.log.Error("upload stays until the next start", "error", err)
	}
}

// ownModels are the names that clients of OpenAI's API send when they have no choice, the second for diarized JSON; they mean the
// server's own model.
var ownModels = []string{"whisper-1", "gpt-4o-transcribe-diarize"}

func (u *upload) recording() Recording {
	r := Recording{Path: u.path, Model: u.model, Lang: u.lang, Prompt: u.prompt, Voices: u.format == formatDiarized}
	if slices.Contains(ownModels, r.Model) {
		r.Model = ""
	}
	return r
}

// badField is a mistake in the request.
type badField struct{ name, problem string }

func (e *badField) Error() string { return e.name + " " + e.problem }

// receive reads a request to its end, the recording into a file. What it returns must be removed, also with an error.
func (ts *transcriptions) receive(r *http.Request, body io.ReadCloser) (*upload, error) {
	u := &upload{format: formatJSON}
	r.Body = body
	form, err := r.MultipartReader()
	if err != nil {
		return u, &badField{"The body", "must be multipart/form-data."}
	}
	for range maxParts {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			_, _ = io.Copy(io.Discard, body) // only behind the end of the body does the server notice that the client has gone
			return u, u.complete()
		}
		if err != nil {
			return u, fmt.Errorf("read form: %w", err)
		}
		if err := ts.readPart(u, part); err != nil {
			return u, err
		}
	}
	return u, &badField{"The form", "has too many fields."}
}

func (ts *transcriptions) readPart(u *upload, part *multipart.Part) error {
	if part.FormName() == "file" {
		if u.path != "" {
			return &badField{"file", "was sent twice."}
		}
		return ts.keep(u, part)
	}
	value, err := io.ReadAll(io.LimitReader(part, maxField+1))
	if err != nil {
		return fmt.Errorf("read form: %w", err)
	}
	if len(value) > maxField {
		return &badField{part.FormName(), "is too long."}
	}
	return u.set(part.FormName(), string(value))
}

// keep writes the recording into a file.
func (ts *transcriptions) keep(u *upload, part io.Reader) error {
	file, err := os.CreateTemp(ts.dir, uploadPrefix+"*")
	if err != nil {
		return fmt.Errorf("keep upload: %w", err)
	}
	u.path = file.Name()
	n, err := io.Copy(file, io.LimitReader(part, ts.maxUpload+1))
	if n > ts.maxUpload {
		err = &http.MaxBytesError{Limit: ts.maxUpload}
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("keep upload: %w", err)
	}
	return nil
}

var (
	languageForm = regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$`)
	modelForm    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$`)
)

// set takes a field. Those that make no difference here, temperature among them, are passed over.
func (u *upload) set(name, value string) error {
	switch name {
	case "model":
		if value != "" && !modelForm.MatchString(value) {
			return &badField{name, "is no name of a model."}
		}
		u.model = value
	case "language":
		if value == "auto" {
			value = ""
		}
		if value != "" && !languageForm.MatchString(value) {
			return &badField{name, "must be a code such as fr."}
		}
		u.lang = value
	case "prompt":
		u.prompt = strings.ReplaceAll(strings.ToValidUTF8(value, ""), "\x00", "")
	case "response_format":
		if value != "" && !slices.Contains(formats, value) {
			return &badField{name, "must be json, text, verbose_json, diarized_json, srt or vtt."}
		}
		if value != "" {
			u.format = value
		}
	case "timestamp_granularities[]", "timestamp_granularities": // the second is how Python's requests sends a list
		u.granularities = true
		switch value {
		case "word":
			u.words = true
		case "segment":
			u.segments = true
		default:
			return &badField{name, "must be word or segment."}
		}
	}
	return nil
}

// complete checks what only shows at the end.
func (u *upload) complete() error {
	if u.path == "" {
		return &badField{"file", "is missing."}
	}
	if !u.granularities {
		u.segments = true
	}
	return nil
}

// refuseUpload answers a request that cannot be read.
func refuseUpload(c *gin.Context, err error) {
	var bad *badField
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &bad):
		refuse(c, http.StatusBadRequest, "invalid_request", bad.Error())
	case errors.As(err, &large):
		refuse(c, http.StatusRequestEntityTooLarge, "file_too_large", "The recording is longer than this server takes.")
	case errors.Is(err, os.ErrDeadlineExceeded):
		refuse(c, http.StatusRequestTimeout, "timeout", "The recording came too slowly.")
	default:
		refuse(c, http.StatusBadRequest, "invalid_request", "The request broke off, or is no valid form.")
	}
}

// refuseTranscript answers a request whose recording was not transcribed.
func (s *Server) refuseTranscript(c *gin.Context, u *upload, err error) {
	switch {
	case errors.Is(err, ErrBadRecording):
		refuse(c, http.StatusBadRequest, "invalid_file", "The recording is damaged, longer than 4 hours, or none of Ogg Opus, WAV, FLAC and MP3.")
	case errors.Is(err, ErrNoModel) && u.recording().Model != "":
		refuse(c, http.StatusNotFound, "model_not_found", "This model is not installed. Leave the field out to use the server's own.")
	case errors.Is(err, ErrNoModel):
		refuse(c, http.StatusServiceUnavailable, "no_model", "No speech model is installed on this server.")
	case errors.Is(err, errClosing):
		refuse(c, http.StatusServiceUnavailable, "restarting", "The server restarts. Try again in a minute.")
	case c.Request.Context().Err() != nil:
		c.Abort() // nobody is there to read an answer
	default:
		s.log.Error("recording not transcribed", "error", err)
		refuse(c, http.StatusInternalServerError, "server_error", "The recording could not be transcribed.")
	}
}
