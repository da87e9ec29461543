package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	exporting "souffleur/storage/export"
)

// maxBody is the longest body an operation accepts, in bytes. The longest we expect is a room's name and languages.
const maxBody = 64 << 10

// Tags group operations in the API's description.
const (
	tagSession  = "Session"
	tagRooms    = "Rooms"
	tagMeetings = "Meetings"
	tagInstance = "Instance"
)

// describe registers all operations and builds the API's description from them.
func (s *Server) describe(engine *gin.Engine, group *gin.RouterGroup) error {
	api := humagin.NewWithGroup(engine, group, apiConfig())
	s.describeSession(api)
	s.describeRooms(api)
	s.describeEntrances(api)
	s.describeRoomAI(api)
	s.describeMeetings(api)
	s.describeSearch(api)
	s.describeAudio(api)
	s.describeRetention(api)
	s.describeInstance(api)
	s.describeSignIn(api)
	s.describeAccess(api)
	s.describeShares(api)
	s.describeWebhooks(api)
	s.describeTokens(api)
	s.describeAudit(api)
	s.describeModels(api)
	s.describeVoices(api)
	s.describeMinutes(api)
	describeRaw(api.OpenAPI())
	s.keyedRoutes = keyedRoutes(api.OpenAPI())

	spec, err := json.Marshal(api.OpenAPI())
	if err != nil {
		return fmt.Errorf("describe API: %w", err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, spec, "", "  "); err != nil {
		return fmt.Errorf("describe API: %w", err)
	}
	indented.WriteByte('\n')
	s.spec = indented.Bytes()
	group.GET("/openapi.json", func(c *gin.Context) { c.Data(http.StatusOK, "application/openapi+json", s.spec) })
	return nil
}

// apiConfig leaves out what huma would add by itself: pages of documentation that load scripts from elsewhere, and links
// to schemas in every answer. The version is that of the API; the program's stands in GET /me.
func apiConfig() huma.Config {
	cfg := huma.DefaultConfig("Souffleur", "1")
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "", "", ""
	cfg.CreateHooks = nil
	cfg.Transformers = []huma.Transformer{tidyProblem}
	cfg.Info.Description = "Rooms, AI policy, transcripts and settings of a Souffleur installation. " +
		"A browser is known by its session cookie, a program by \"Authorization: Bearer\" with the API token. " +
		"Errors are problem details (RFC 9457): \"type\" is stable, \"detail\" says what to do."
	cfg.Servers = []*huma.Server{{URL: basePath}}
	cfg.Tags = []*huma.Tag{{Name: tagSession}, {Name: tagRooms}, {Name: tagMeetings}, {Name: tagInstance}}
	cfg.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"cookie": {Type: "apiKey", In: "cookie", Name: secureCookie},
		"token":  {Type: "http", Scheme: "bearer"},
	}
	return cfg
}

// operation returns the description of one operation. errs are the statuses it answers beside what every operation may:
// 401 for a wrong token, 422 for an invalid request, 503 when storage does not answer; and, where something is changed, 403 for
// another site's page, and what may be wrong with a body.
func operation(tag, id, method, path string, status int, summary string, errs ...int) huma.Operation {
	errs = append(errs, http.StatusUnauthorized, http.StatusServiceUnavailable)
	if !safeMethod(method) {
		errs = append(errs, http.StatusBadRequest, http.StatusForbidden, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	slices.Sort(errs)
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, DefaultStatus: status, Tags: []string{tag},
		Errors: slices.Compact(errs), MaxBodyBytes: maxBody,
		Security: []map[string][]string{{}, {"cookie": {}}, {"token": {}}},
	}
}

// describeRaw adds what is served without huma: the WebSocket, which OpenAPI cannot model, and the download.
func describeRaw(spec *huma.OpenAPI) {
	signal := operation(tagRooms, "signal", http.MethodGet, "/signal", http.StatusSwitchingProtocols,
		"WebSocket of a participant: the first message is hello with the token that joining gave")
	signal.Responses = map[string]*huma.Response{
		"101": {Description: "Messages are JSON objects in text frames, at most 64 KiB"},
		"400": {Description: "A WebSocket whose handshake is wrong"},
		"403": {Description: "The page that connects is not ours"},
		"426": {Description: "Not a WebSocket"},
		"429": {Description: "Too many connections from one network"},
		"503": {Description: "The server restarts or is full"},
	}
	spec.AddOperation(&signal)

	export := operation(tagMeetings, "export-transcript", http.MethodGet, "/meetings/{meeting}/export", http.StatusOK,
		"Download the transcript. Organizers, and those with whom the meeting is shared; an admin must give a reason, which is audited")
	export.Parameters = []*huma.Param{
		{Name: "meeting", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}},
		{Name: "format", In: "query", Required: true, Schema: &huma.Schema{Type: huma.TypeString, Enum: exportFormats()}},
		{Name: "lang", In: "query", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "Language of what nobody in the meeting said, such as that sound was lost: en or fr; else as the browser prefers"},
		{Name: "reason", In: "query", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: ptr(maxReason)}},
	}
	export.Responses = refusals(map[string]string{
		"401": "The token is wrong",
		"403": "Not an organizer, or an admin without a reason",
		"404": "No such meeting, or its data was deleted",
		"422": "Unknown format, or the reason is too long",
		"503": "Storage does not answer",
	})
	export.Responses["200"] = &huma.Response{Description: "The file, as attachment", Content: map[string]*huma.MediaType{}}
	for _, f := range exporting.Formats() {
		export.Responses["200"].Content[f.ContentType()] = &huma.MediaType{}
	}
	spec.AddOperation(&export)
	describeAudioStream(spec)
	describeImport(spec)
	describeMinutesExport(spec)
}

func describeImport(spec *huma.OpenAPI) {
	imported := keyed(operation(tagMeetings, "import-meeting", http.MethodPost, "/rooms/{room}/meetings", http.StatusCreated,
		"Store a transcript that was exported as JSON, by this installation or another, as an ended meeting of the room. Organizers"))
	imported.Parameters = append(imported.Parameters, &huma.Param{Name: "room", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
	imported.RequestBody = &huma.RequestBody{
		Required:    true,
		Description: "The file as it was exported, at most 32 MiB; docs/transcript.schema.json describes it",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}}},
	}
	imported.Responses = refusals(map[string]string{
		"401": "The token is wrong",
		"403": "Not an organizer",
		"404": "No such room",
		"409": "The meeting is here already, or an admin does not allow transcripts in this room",
		"413": "Larger than 32 MiB",
		"415": "Not application/json",
		"422": "Not a transcript, or one of a newer version",
		"429": "Too many imports",
		"503": "Storage does not answer",
	})
	imported.Responses["201"] = &huma.Response{
		Description: "The meeting",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/MeetingBody"}}},
	}
	spec.AddOperation(&imported)
}

// describeAudioStream adds what is served in parts.
func describeAudioStream(spec *huma.OpenAPI) {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		sound := operation(tagMeetings, strings.ToLower(method)+"-audio", method, "/meetings/{meeting}/audio/{track}", http.StatusOK,
			"The sound of one track, whose time is the transcript's: Ogg Opus, also in parts (Range). Organizers; an admin must give a reason, which is audited")
		sound.Parameters = []*huma.Param{
			{Name: "meeting", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}},
			{Name: "track", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}},
			{Name: "reason", In: "query", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: ptr(maxReason)}},
		}
		sound.Responses = refusals(map[string]string{
			"401": "The token is wrong",
			"403": "Not an organizer, or an admin without a reason",
			"404": "No such meeting, or no sound was kept of the track",
			"422": "The reason is too long",
			"503": "Storage does not answer",
		})
		stream := map[string]*huma.MediaType{"audio/ogg": {}}
		sound.Responses["200"] = &huma.Response{Description: "The stream", Content: stream}
		sound.Responses["206"] = &huma.Response{Description: "The part that was asked for", Content: stream}
		sound.Responses["416"] = &huma.Response{Description: "The part lies behind the end"}
		spec.AddOperation(&sound)
	}
}

// refusals describes answers that are problems, by their statuses.
func refusals(why map[string]string) map[string]*huma.Response {
	responses := make(map[string]*huma.Response, len(why))
	for status, text := range why {
		responses[status] = &huma.Response{
			Description: text,
			Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/ErrorModel"}}},
		}
	}
	return responses
}

func ptr[T any](v T) *T { return &v }
