package httpapi

import (
	"net/http"
	"time"
)

// exchange is the answer to one request as it is written, with what is counted of it.
type exchange struct {
	http.ResponseWriter
	stats   *routeStats
	status  int           // 0 until the header is written
	blocked time.Duration // that the request waited for a change, by its own wish
	parked  bool          // it will be answered, and counted, later
}

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	return x.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// statusGone is how a request is counted whose client left before the answer.
const statusGone = 499

// observed counts what h answers, under the path that it is registered for.
func (s *Server) observed(path string, h http.Handler) http.Handler {
	stats := s.metrics.route(path)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{ResponseWriter: w, stats: stats}
		began, status := time.Now(), http.StatusInternalServerError // of a panic
		defer func() {
			if !x.parked {
				stats.observe(r.Method, status, time.Since(began)-x.blocked)
			}
		}()
		h.ServeHTTP(x, r)
		if status = x.status; status == 0 {
			status = statusGone
		}
	})
}
