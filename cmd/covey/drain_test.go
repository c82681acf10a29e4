package main

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// Whoever was taken back in while the command waited serves clients, and stays.
func TestDrainMakesNobodyLeaveWhoServesAgain(t *testing.T) {
	for _, c := range []struct{ path, now, says string }{
		{"/v1/covey/status", strings.Replace(cluster["/v1/covey/status"], "2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z", 1), "was started anew"},
		{"/v1/covey/checks", "[]", "maintenance of n1 was ended"},
	} {
		agent := newTwin(t, maps.Clone(cluster))
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			agent.ServeHTTP(w, r)
			if r.URL.Path == "/v1/covey/drain" {
				agent.mu.Lock()
				defer agent.mu.Unlock()
				agent.canned[c.path] = c.now
			}
		}))
		defer proxy.Close()
		s := newSession()
		code := s.run("drain", "--open", "0s", "--http-addr", proxy.Listener.Addr().String())
		if got := s.err.String(); code != 1 || !strings.Contains(got, c.says) {
			t.Errorf("exit code %d, %s; want 1 and %q", code, got, c.says)
		}
		if told := agent.heard(); slices.ContainsFunc(told, func(s string) bool { return strings.Contains(s, "leave") }) {
			t.Errorf("the agent was told %q", told)
		}
	}
}
