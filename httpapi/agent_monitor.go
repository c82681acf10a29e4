package httpapi

import (
	"cmp"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"covey/internal/fault"
)

// logLevels are Consul's names of them; trace is as much as there is.
var logLevels = map[string]slog.Level{
	"trace": slog.LevelDebug, "debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn,
	"err": slog.LevelError, "error": slog.LevelError,
}

// maxMonitors is how many may follow the log at once.
const maxMonitors = 16

// agentMonitor sends what the agent logs, line by line, until the client goes, the agent
// stops, or the client's token opens this no more, which the last line says.
func (s *Server) agentMonitor(w http.ResponseWriter, r *request) error {
	name := strings.ToLower(cmp.Or(r.params.Get("loglevel"), "info"))
	level, ok := logLevels[name]
	if !ok {
		return fault.Field("loglevel", "%q is none of trace, debug, info, warn and error", name)
	}
	defer s.count.monitors.Add(-1)
	if s.count.monitors.Add(1) > maxMonitors {
		return fault.New(fault.Unavailable, "%d clients follow this agent's log already, as many as may", maxMonitors)
	}
	permit, err := s.permit(r)
	if err != nil {
		return err
	}
	lines, stop := s.cfg.Agent.Monitor(level, r.present("logjson"))
	defer stop()
	defer r.waits()()
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	write := func(line []byte) bool {
		_ = control.SetWriteDeadline(time.Now().Add(writeTimeout))
		_, err := w.Write(line)
		return err == nil && control.Flush() == nil
	}
	for going := write(nil); going; { // what comes first is that it has begun
		select {
		case line := <-lines:
			going = write(line)
		case <-permit.changed:
			if err := permit.renew(); err != nil {
				write([]byte(err.Error() + "\n"))
				return nil
			}
		case <-s.stopping:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
	return nil
}
