package httpapi

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/internal/bubble"
)

// endless opens what has no end with a token.
func endless(t *testing.T, s *Server, path, token string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+s.Addr().String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Consul-Token", token)
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Body.Close() })
	if w.StatusCode != 200 {
		t.Fatalf("%s: %d", path, w.StatusCode)
	}
	return w
}

// Answers without end do not outlive the token that opened them.
func TestWhatGoesOnEndsWithItsToken(t *testing.T) {
	for path, last := range map[string]string{
		"/v1/covey/stream":  "event: refused\ndata: {\"Reason\":\"ACL not found: this agent does not know the token\"}\n\n",
		"/v1/agent/monitor": "ACL not found: this agent does not know the token\n",
	} {
		t.Run(path, func(t *testing.T) {
			s, _ := start(t, func(c *Config) { c.Tokens = someTokens(t, "") })
			w := endless(t, s, path, operateToken)
			other, err := ParseTokens([]byte("operate another-0123456789"))
			if err != nil {
				t.Fatal(err)
			}
			s.SetTokens(other)
			text, err := io.ReadAll(w.Body) // until it ends
			if err != nil || !strings.HasSuffix(string(text), last) {
				t.Errorf("it ends with %q, %v; want %q", text, err, last)
			}
		})
	}
}

// A token whose role became too little opens what it opened no more; one that still does is
// not disturbed by what becomes of others.
func TestWhatGoesOnIsHeldToTheRole(t *testing.T) {
	s, a := start(t, func(c *Config) { c.Tokens = someTokens(t, "") })
	log := endless(t, s, "/v1/agent/monitor", operateToken)
	stream := endless(t, s, "/v1/covey/stream", operateToken)
	next := events(stream.Body)
	if e, err := next(); err != nil || e.event != "hello" {
		t.Fatalf("%+v %v", e, err)
	}
	less, err := ParseTokens([]byte("read " + operateToken))
	if err != nil {
		t.Fatal(err)
	}
	s.SetTokens(less)
	if text, err := io.ReadAll(log.Body); err != nil || !strings.Contains(string(text), "Permission denied: this wants a token with the role operate") {
		t.Errorf("the log, with the role read: %q %v", text, err)
	}
	arrive(a, instance("api", "a"))
	if e, err := next(); err != nil || e.event != "node-joined" {
		t.Errorf("the stream, with the role read: %+v %v", e, err)
	}
	s.SetTokens(nil) // everyone may
	a.addHost("n2", "10.0.0.2", catalog.Alive, instance("api", "a"), instance("web", "w"))
	for {
		e, err := next()
		if err != nil {
			t.Fatal(err)
		}
		if e.event == "registered" && e.change(t).ID == "w" {
			return
		}
	}
}

// What waits in its own connection, since it is too long to be parked, is judged again too.
func TestALongRequestThatBlocksIsAskedForItsTokenAgain(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s, a, dial, stop := startInBubble(t, func(c *Config) { c.Tokens = someTokens(t, "") })
		c := talk(dial())
		c.ask(t, a.next(), "X-Consul-Token: "+readToken+"\r\nX-Padding: "+strings.Repeat("x", 8<<10)+"\r\n")
		bubble.Wait()
		if n := s.Stats().Waiting; n != 1 {
			t.Fatalf("%d wait", n)
		}
		other, err := ParseTokens([]byte("read another-0123456789"))
		if err != nil {
			t.Fatal(err)
		}
		s.SetTokens(other)
		began := time.Now()
		a.addHost("n2", "10.0.0.2", catalog.Alive, instance("web", "w"))
		if r, body := c.reply(t); r.StatusCode != 403 || time.Since(began) > time.Minute {
			t.Errorf("%d %s after %v", r.StatusCode, body, time.Since(began))
		}
		c.Close()
		stop()
	})
}
