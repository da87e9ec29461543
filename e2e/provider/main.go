// Command provider is an identity provider for the browser test: a real OpenID provider with the people of a JSON file. It is for
// tests only.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"souffleur/internal/oidctest"
)

func main() {
	listen := flag.String("listen", "", "HOST:PORT")
	config := flag.String("config", "", "file with the provider's configuration, as oidctest.Config has it")
	flag.Parse()
	if err := run(*listen, *config); err != nil {
		fmt.Fprintln(os.Stderr, "provider:", err)
		os.Exit(1)
	}
}

// run serves until the process is told to end.
func run(listen, config string) error {
	raw, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	var cfg oidctest.Config
	if err := json.Unmarshal(raw, &cfg); err != nil {
		return fmt.Errorf("read %s: %w", config, err)
	}
	provider, err := oidctest.New(cfg)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: listen, Handler: provider, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(closing); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	<-ended
	return nil
}
