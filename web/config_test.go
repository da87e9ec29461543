package web

import (
	"strings"
	"testing"
)

func TestDefaultConfigIsValid(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"address without scheme", func(c *Config) { c.PublicURL = "meet.example.org" }, "PublicURL"},
		{"address with a path", func(c *Config) { c.PublicURL = "https://example.org/meet" }, "PublicURL"},
		{"address with a password", func(c *Config) { c.PublicURL = "https://a:b@example.org" }, "PublicURL"},
		{"short token", func(c *Config) { c.APIToken = "secret" }, "APIToken"},
		{"no session life", func(c *Config) { c.SessionLife = 0 }, "SessionLife"},
		{"no probes", func(c *Config) { c.PingEvery = -1 }, "PingEvery"},
		{"no joins", func(c *Config) { c.JoinsPerMinute = 0 }, "JoinsPerMinute"},
		{"no upload", func(c *Config) { c.MaxUpload = 0 }, "MaxUpload"},
		{"nobody waits", func(c *Config) { c.TranscriptionsWaiting = -1 }, "TranscriptionsWaiting"},
		{"no messages", func(c *Config) { c.MessagesPerSecond = 0 }, "MessagesPerSecond"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := DefaultConfig()
			c.change(&cfg)
			err := cfg.Validate()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want a word about %s", err, c.want)
			}
			if err != nil && cfg.APIToken != "" && strings.Contains(err.Error(), cfg.APIToken) {
				t.Error("the error repeats the token")
			}
		})
	}
}
