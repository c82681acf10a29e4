package apiclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// serve returns a client of a server that answers with h.
func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := New(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestCallsAreWhatTheAPIHas(t *testing.T) {
	var got string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = strings.TrimSpace(fmt.Sprintf("%s %s %s %s", r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"), body))
		io.WriteString(w, "null")
	})
	ctx := t.Context()
	for _, k := range []struct {
		want string
		call func() error
	}{
		{"GET /v1/agent/members", func() error { _, err := c.Members(ctx); return err }},
		{"PUT /v1/agent/join/10.0.0.1:7946", func() error { return c.Join(ctx, "10.0.0.1:7946") }},
		{"PUT /v1/agent/join/%5B::1%5D:1", func() error { return c.Join(ctx, "[::1]:1") }},
		{"PUT /v1/agent/leave", func() error { return c.Leave(ctx) }},
		{"GET /v1/covey/checks", func() error { _, err := c.Checks(ctx); return err }},
		{"PUT /v1/covey/check/run/a%2Fb", func() error { _, err := c.RunCheck(ctx, "a/b"); return err }},
		{"GET /v1/covey/timeline", func() error { _, err := c.Timeline(ctx, ""); return err }},
		{"GET /v1/covey/timeline?service=a+b", func() error { _, err := c.Timeline(ctx, "a b"); return err }},
		{"PUT /v1/covey/drain?reason=a+b", func() error { _, err := c.Drain(ctx, "a b"); return err }},
		{"PUT /v1/agent/force-leave/n1", func() error { return c.ForceLeave(ctx, "n1", false) }},
		{"PUT /v1/agent/force-leave/n1?prune=true", func() error { return c.ForceLeave(ctx, "n1", true) }},
		{"PUT /v1/agent/service/register?replace-existing-checks=true application/json {}", func() error { return c.Register(ctx, []byte("{}")) }},
		{"PUT /v1/agent/service/deregister/a%2Fb%20c", func() error { return c.Deregister(ctx, "a/b c") }},
		{"GET /v1/agent/services", func() error { _, err := c.LocalServices(ctx); return err }},
		{"GET /v1/catalog/services", func() error { _, err := c.ServiceTags(ctx); return err }},
		{"GET /v1/catalog/nodes", func() error { _, err := c.Nodes(ctx); return err }},
		{"GET /v1/catalog/node-services/n1", func() error { _, err := c.NodeServices(ctx, "n1"); return err }},
		{"GET /v1/health/service/web", func() error { _, err := c.Health(ctx, "web"); return err }},
		{"GET /v1/health/node/n1", func() error { _, err := c.NodeChecks(ctx, "n1"); return err }},
		{"GET /v1/covey/status", func() error { _, err := c.Status(ctx); return err }},
		{"GET /v1/covey/lookup/web?tag=a&tag=b&type=A", func() error { _, err := c.Lookup(ctx, "web", []string{"a", "b"}, "A"); return err }},
		{"GET /v1/covey/lookup/web?type=SRV", func() error { _, err := c.Lookup(ctx, "web", nil, "SRV"); return err }},
	} {
		if err := k.call(); err != nil {
			t.Errorf("%s: %v", k.want, err)
		}
		if got != k.want {
			t.Errorf("sent %q, want %q", got, k.want)
		}
	}
}

func TestRefusalIsTheAgentsOwnWords(t *testing.T) {
	for _, k := range []struct {
		code              int
		body, want        string
		notFound, invalid bool
	}{
		{400, "Port: 70000 is not in 0..65535\n", "Port: 70000 is not in 0..65535", false, true},
		{404, "unknown service ID \"x\".", "unknown service ID \"x\"", true, false},
		{503, "", "answered PUT /v1/agent/leave with 503 Service Unavailable", false, false},
		{500, strings.Repeat("x", 2*maxRefusal), strings.Repeat("x", maxRefusal), false, false},
	} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(k.code)
			io.WriteString(w, k.body)
		})
		err := c.Leave(t.Context())
		var s *StatusError
		if !errors.As(err, &s) || s.Code != k.code || !strings.HasSuffix(err.Error(), k.want) || len(err.Error()) > maxRefusal+100 {
			t.Errorf("%d: %v", k.code, err)
		}
		if IsNotFound(err) != k.notFound || IsInvalid(err) != k.invalid {
			t.Errorf("%d: not found is %v, invalid is %v", k.code, IsNotFound(err), IsInvalid(err))
		}
	}
}

func TestAgentThatIsNotThereIsUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for _, addr := range []string{l.Addr().String(), "unix://" + filepath.Join(t.TempDir(), "none")} {
		c, err := New(addr)
		if err != nil {
			t.Fatal(err)
		}
		err = c.Leave(t.Context())
		var u *UnreachableError
		if !errors.As(err, &u) || u.Timeout || strings.Contains(err.Error(), "dial") {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestAgentThatDoesNotAnswerInTimeIsUnreachable(t *testing.T) {
	asked := make(chan struct{})
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := c.Leave(ctx)
	<-asked
	var u *UnreachableError
	if !errors.As(err, &u) || !u.Timeout {
		t.Errorf("got %v", err)
	}
}

func TestCallerWhoGivesUpIsNotTheAgentsFault(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if err := c.Leave(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestServerThatIsNoAgentIsFoundOut(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") })
	_, err := c.Members(t.Context())
	var u *UnreachableError
	if err == nil || errors.As(err, &u) || !strings.Contains(err.Error(), "does another server listen there?") {
		t.Errorf("got %v", err)
	}
}

func TestUnixSocketIsServed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Skipf("no unix sockets here: %v", err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"Node":%q}`, r.Host)
	}))
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	c, err := New("unix://" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := c.Status(t.Context()); err != nil || got.Node != "localhost" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestMemberStatusIsAWord(t *testing.T) {
	body := `[{"Status":1},{"Status":2},{"Status":3},{"Status":4},{"Status":"failed"}]`
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) })
	members, err := c.Members(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range members {
		got = append(got, string(m.Status))
	}
	if want := []string{"alive", "leaving", "left", "failed", "failed"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, body = range []string{`[{"Status":9}]`, `[{"Status":-1}]`, `[{"Status":{}}]`} {
		if members, err := c.Members(t.Context()); err == nil {
			t.Errorf("%s is taken for %v", body, members)
		}
	}
}

func TestWaitGoneEndsWhenNobodyListens(t *testing.T) {
	started := time.Unix(1, 0).UTC()
	polled := make(chan struct{}, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"Started":%q}`, started.Format(time.RFC3339))
		polled <- struct{}{}
	}))
	c, err := New(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() { gone <- c.WaitGone(t.Context(), started) }()
	<-polled
	<-polled
	select {
	case err := <-gone:
		t.Fatalf("ended with %v while the agent was there", err)
	default:
	}
	s.Close()
	if err := <-gone; err != nil {
		t.Errorf("got %v", err)
	}
}

func TestWaitGoneEndsWhenAnotherAgentAnswers(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"Started":"2026-01-01T00:00:00Z"}`) })
	if err := c.WaitGone(t.Context(), time.Unix(1, 0)); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestWaitGoneGivesUpWithItsContext(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"Started":"2026-01-01T00:00:00Z"}`) })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	started := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := c.WaitGone(ctx, started); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestSummariesKeepTheirOrderAndAskAFewAtOnce(t *testing.T) {
	const n = 50
	var now, most atomic.Int64
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/catalog/services" {
			var names []string
			for i := range n {
				names = append(names, fmt.Sprintf(`"s%02d":[]`, i))
			}
			io.WriteString(w, "{"+strings.Join(names, ",")+"}")
			return
		}
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		io.WriteString(w, `[{"Checks":[{"Status":"maintenance"}]}]`)
	})
	got, err := c.Summary(t.Context())
	if err != nil || len(got) != n {
		t.Fatalf("%d services, %v", len(got), err)
	}
	for i, s := range got {
		if want := fmt.Sprintf("s%02d", i); s.Name != want || s.Critical != 1 {
			t.Errorf("service %d is %+v, want %s with one critical", i, s, want)
		}
	}
	if most.Load() > fanOut {
		t.Errorf("%d requests at once, may be %d", most.Load(), fanOut)
	}
}

func TestSummaryEndsWithTheFirstError(t *testing.T) {
	var asked atomic.Int64
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/catalog/nodes" {
			io.WriteString(w, "["+strings.Repeat(`{"Node":"n"},`, 99)+`{"Node":"n"}]`)
			return
		}
		asked.Add(1)
		http.Error(w, "the disk is full", http.StatusInternalServerError)
	})
	_, err := c.NodeSummaries(t.Context())
	if err == nil || err.Error() != "the disk is full" {
		t.Errorf("got %v", err)
	}
	if asked.Load() > 2*fanOut {
		t.Errorf("%d requests were sent all the same", asked.Load())
	}
}
