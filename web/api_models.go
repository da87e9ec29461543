package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// Models knows the speech models of this machine.
type Models interface {
	// Installed returns the models that are there, or should be, with what they are used for.
	Installed() ([]InstalledModel, error)
}

// InstalledModel is a speech model of this machine.
type InstalledModel struct {
	Name        string   `json:"name"`
	State       string   `json:"state" enum:"verified,damaged,missing,service" doc:"verified: its checksum was right when it was installed and it has not been touched since; service: speech is recognised elsewhere, at the address the operator named"`
	Size        int64    `json:"size" doc:"Bytes; 0: not known"`
	Uses        []string `json:"uses" nullable:"false" enum:"partials,finals,choice,voice" doc:"partials: captions while people speak; finals: lasting texts; choice: admins may choose it for rooms; voice: finds speech"`
	Languages   string   `json:"languages,omitempty" doc:"As its manifest describes them"`
	Licence     string   `json:"licence,omitempty"`
	Attribution string   `json:"attribution,omitempty"`
}

func (s *Server) describeModels(api huma.API) {
	huma.Register(api, operation(tagInstance, "list-models", http.MethodGet, "/models", http.StatusOK,
		"Speech models of this machine. The operator installs them: souffleur models. Admins", http.StatusForbidden), s.listModels)
}

type modelsOutput struct {
	Body struct {
		Models []InstalledModel `json:"models" nullable:"false"`
		Known  bool             `json:"known" doc:"False: recognisers run on other machines, which this server cannot look into"`
	}
}

func (s *Server) listModels(ctx context.Context, _ *struct{}) (*modelsOutput, error) {
	if !visitorOf(ctx).admin() {
		return nil, errNotAdmin()
	}
	out := &modelsOutput{}
	out.Body.Models = []InstalledModel{}
	if s.models == nil {
		return out, nil
	}
	models, err := s.models.Installed()
	if err != nil {
		return nil, s.answerFor(ctx, "list models", err)
	}
	out.Body.Models, out.Body.Known = models, true
	return out, nil
}
