package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"covey/internal/fault"
)

// ServeHTTP lets through what may come in and hands it to its route.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c, ok := r.Context().Value(returnedKey{}).(*returned); ok {
		if c.served++; c.served == 1 {
			s.parking.leave() // net/http answers it even if the server closes from now on
		}
	}
	if !afterWait(r) {
		s.count.requests.Add(1)
	}
	defer s.recovered(w, r)
	// Nothing here is a page: what is opened in a browser runs, loads and frames nothing.
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	if len(r.TransferEncoding) > 0 {
		// Where a proxy goes by Content-Length instead, what it takes for the body's rest must
		// not become a request (RFC 9112 section 6.1).
		w.Header().Set("Connection", "close")
	}
	if r.ContentLength != 0 {
		// A body nobody reads is drained by net/http; this bounds that too.
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	}
	if !overSocket(r) && !s.hosts.allow(r.Host) {
		s.count.hostsRefused.Add(1)
		s.fail(w, r, fault.New(fault.Forbidden,
			"the host name %q is not one this agent is known by: use an IP address, or add the name to http_config.allowed_hosts in its configuration", r.Host))
		return
	}
	if err := s.origins.Check(r); err != nil {
		s.count.sitesRefused.Add(1)
		s.fail(w, r, fault.New(fault.Forbidden, "a write from a page of another site is refused: %w", err))
		return
	}
	s.mux.ServeHTTP(w, exactPath(r))
}

// recovered turns a panic into a 500: one bad request must not take the agent, and
// with it the host's DNS, down.
func (s *Server) recovered(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if v == http.ErrAbortHandler {
		panic(v) // net/http's own way to drop a connection
	}
	s.count.panics.Add(1)
	s.count.failures.Add(1)
	s.log.Error("an HTTP request failed by a fault in the program",
		"method", r.Method, "path", r.URL.Path, "panic", v, "stack", string(debug.Stack()))
	s.text(w, http.StatusInternalServerError, "internal error: the agent's log has the details")
}

// hostList holds the names, in lower case, that a request's Host may bear. A nil one
// lets everything through.
type hostList map[string]bool

func newHostList(names []string) hostList {
	l := hostList{"localhost": true}
	for _, name := range names {
		if name = canonicalHost(name); name != "" {
			l[name] = true
		}
	}
	return l
}

// allow reports whether a Host header may be served. No browser sends an empty one or
// an IP address that is not this host's own; HTTP/1.0 clients send none.
func (l hostList) allow(hostport string) bool {
	if l == nil || hostport == "" {
		return true
	}
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = canonicalHost(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	if l[host] || strings.HasSuffix(host, ".localhost") { // RFC 6761: always loopback
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

func canonicalHost(name string) string {
	return strings.ToLower(strings.TrimSuffix(name, "."))
}
