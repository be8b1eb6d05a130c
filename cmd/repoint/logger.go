package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"
	"repoint/deploy"
)

// logger writes the structured log: text for people on a terminal, else JSON.
func (p *program) logger(w io.Writer) zerolog.Logger {
	if terminal(w) {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: p.getenv("NO_COLOR") != ""}
	}
	return zerolog.New(w).With().Timestamp().Logger()
}

// deployLog is the structured log of deploys: one JSON line for each step and
// for the end, in the file that $REPOINT_LOG names. The zero value logs
// nothing.
type deployLog struct {
	file *os.File
	sink deploy.Sink
}

// deployLog opens the log. A file that cannot be opened is said and stops no
// deploy.
func (p *program) deployLog(app string, talk io.Writer) deployLog {
	name := p.getenv("REPOINT_LOG")
	if name == "" {
		return deployLog{}
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		fmt.Fprintf(talk, "warning: cannot open $REPOINT_LOG: %v\n", err)
		return deployLog{}
	}
	log := p.logger(f).With().Str("app", app).Logger()
	return deployLog{f, func(e deploy.Event) { logEvent(log, e) }}
}

func logEvent(log zerolog.Logger, e deploy.Event) {
	line := log.Info()
	switch e.Kind {
	case deploy.Output, deploy.Begun, deploy.Hint:
		return
	case deploy.Warning:
		line = log.Warn()
	case deploy.Error:
		line = log.Error()
	}
	line.Int("deploy", e.Deploy).Str("kind", string(e.Kind))
	if e.Step != "" {
		line.Str("step", e.Step).Dur("took", e.Took)
	}
	line.Msg(e.Text)
}

func (l deployLog) close() {
	if l.file != nil {
		l.file.Close()
	}
}
