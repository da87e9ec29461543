package main

import (
	"log/slog"

	"souffleur/internal/webhook"
	"souffleur/storage"
)

// webhookFlags are of what is sent to webhooks.
type webhookFlags struct {
	WebhookPrivate bool `help:"Let webhooks call addresses of this machine and of private networks. Only where admins of Souffleur may reach those anyway." env:"SOUFFLEUR_WEBHOOK_PRIVATE"`
}

// hooks are what tells webhooks.
type hooks struct {
	listener *webhook.Listener
	sender   *webhook.Sender
}

func (f webhookFlags) hooks(sys *system, store *storage.Webhooks, meetings *storage.Meetings, audit *storage.Audit, log *slog.Logger) hooks {
	return hooks{
		listener: webhook.NewListener(sys.bus, sys.keys, meetings, store, log),
		sender:   webhook.NewSender(store, audit, webhook.Config{AllowPrivate: f.WebhookPrivate, Version: version}, log),
	}
}
