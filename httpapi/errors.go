package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"covey/internal/fault"
)

// refusal is an error whose status code Consul's clients expect though its kind would
// say another.
type refusal struct {
	status int
	text   string
}

func (e *refusal) Error() string { return e.text }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// statusOf is the one place that gives an error its status code.
func statusOf(err error) int {
	var r *refusal
	if errors.As(err, &r) {
		return r.status
	}
	switch fault.KindOf(err) {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// fail answers with an error. This is where an error's way ends, so those that are
// the agent's own doing are logged here.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the client has gone
	}
	status := statusOf(err)
	if status >= http.StatusInternalServerError {
		s.count.failures.Add(1)
	}
	var known *refusal
	if status == http.StatusInternalServerError && !errors.As(err, &known) {
		s.log.Error("an HTTP request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	s.text(w, status, err.Error())
}

// text answers with a line of plain text.
func (s *Server) text(w http.ResponseWriter, status int, line string) {
	s.send(w, status, "text/plain; charset=utf-8", []byte(line))
}

// send writes an answer. Every answer is written here.
func (s *Server) send(w http.ResponseWriter, status int, contentType string, body []byte) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error here means that the client has gone
}
