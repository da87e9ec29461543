package main

import (
	"fmt"
	"log/slog"
	"os"

	"souffleur/internal/meeting"
	"souffleur/internal/node"
	"souffleur/internal/supervise"
)

// children describes the processes that serve supervises: this program in other roles, with the same settings. A C++ library that
// aborts in one of them ends no meeting.
func (c *serveCmd) children(n *node.Node, log *slog.Logger) ([]supervise.Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own program: %w", err)
	}
	env := childEnv(c.systemFlags)
	children := []supervise.Child{{
		Name: "asr", Path: self, Args: []string{"asr", "--supervised"}, Env: env, Log: log, Lower: 5,
		Started: func() { n.SetRecognisers("") },
		Stopped: func(code int) {
			if code == exitNoModel {
				n.SetRecognisers(meeting.ReasonNoModel)
			}
		},
	}}
	if c.tellsVoicesApart(log) { // and gives way to recognisers
		children = append(children, supervise.Child{Name: "diarize", Path: self, Args: []string{"diarize", "--supervised"}, Env: env, Log: log, Lower: 7})
	}
	return children, nil
}

// tellsVoicesApart says whether the models are there that tell voices at shared microphones apart.
func (c *serveCmd) tellsVoicesApart(log *slog.Logger) bool {
	model, err := c.missingVoiceModel(c.ownVoiceFlags, log)
	if err != nil {
		log.Info("voices at shared microphones are not told apart: there is no model; fetch it with: souffleur models pull "+model, "model", model)
	}
	return err == nil
}
