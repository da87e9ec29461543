package sfu

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// pionLogs hands pion's warnings and errors to slog at debug level: strangers' packets cause most of them, so they must
// not fill a log by default. The lower levels are dropped unformatted.
type pionLogs struct{ log *slog.Logger }

func (p pionLogs) NewLogger(scope string) logging.LeveledLogger {
	return pionLog{log: p.log, scope: scope}
}

// pionLog names its scope only when it logs: a connection has twenty loggers that mostly keep silent.
type pionLog struct {
	log   *slog.Logger
	scope string
}

func (pionLog) Trace(string)          {}
func (pionLog) Tracef(string, ...any) {}
func (pionLog) Debug(string)          {}
func (pionLog) Debugf(string, ...any) {}
func (pionLog) Info(string)           {}
func (pionLog) Infof(string, ...any)  {}

func (l pionLog) Warn(msg string)                { l.log.Debug(msg, "scope", l.scope) }
func (l pionLog) Warnf(format string, a ...any)  { l.format(format, a) }
func (l pionLog) Error(msg string)               { l.log.Debug(msg, "scope", l.scope) }
func (l pionLog) Errorf(format string, a ...any) { l.format(format, a) }

func (l pionLog) format(format string, a []any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug(fmt.Sprintf(format, a...), "scope", l.scope)
	}
}
