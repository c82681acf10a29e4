package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"covey/internal/fault"
)

// start runs a server on a free port until the test ends.
func start(t testing.TB, adjust func(*Config)) (*Server, *twin) {
	t.Helper()
	a := newTwin()
	c := a.config()
	c.Addr = "127.0.0.1:0"
	if adjust != nil {
		adjust(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- s.Run() }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ran; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
	return s, a
}

func get(t testing.TB, s *Server, path string) (int, string) {
	t.Helper()
	r, err := http.Get("http://" + s.Addr().String() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

func TestPort0IsAnyFreeOneAndCanBeAsked(t *testing.T) {
	s, _ := start(t, nil)
	if code, body := get(t, s, "/v1/catalog/datacenters"); code != 200 || body != `["dc1"]` {
		t.Errorf("%d %s", code, body)
	}
}

func TestATakenPortSaysWhatToDo(t *testing.T) {
	s, _ := start(t, nil)
	c := newTwin().config()
	c.Addr = s.Addr().String()
	_, err := New(c)
	if err == nil || fault.KindOf(err) != fault.Conflict ||
		!strings.Contains(err.Error(), c.Addr) || !strings.Contains(err.Error(), "--http") || !strings.Contains(err.Error(), "another agent or Consul") {
		t.Errorf("got %v", err)
	}
	c.Addr = "192.0.2.1:0" // nobody's here: RFC 5737
	if _, err := New(c); err == nil || !strings.Contains(err.Error(), c.Addr) || !strings.Contains(err.Error(), "--http") {
		t.Errorf("got %v", err)
	}
}

func TestAUnixSocketIsServedAndPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions of sockets are Unix's")
	}
	path := filepath.Join(t.TempDir(), "api.sock")
	s, _ := start(t, func(c *Config) { c.Addr = "unix://" + path })
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	r, err := client.Get("http://any.name.at.all/v1/catalog/datacenters")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 200 {
		t.Errorf("answered %d", r.StatusCode)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	client.CloseIdleConnections()

	c := newTwin().config()
	c.Addr = "unix://" + path
	if _, err := New(c); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a socket that is served was taken: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the socket was left behind: %v", err)
	}
}

func TestOnlyAnAbandonedSocketIsReplaced(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("sockets in the file system are Unix's")
	}
	path := filepath.Join(t.TempDir(), "api.sock")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen("unix://"+path, Socket{}); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a file was replaced: %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "precious" {
		t.Errorf("the file holds %q", text)
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false) // as after kill -9
	dead.Close()
	l, err := listen("unix://"+path, Socket{})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestConnectionsOverTheLimitAreTold503(t *testing.T) {
	s, _ := start(t, func(c *Config) { c.MaxConns = 2 })
	for range 2 {
		c := dial(t, s)
		fmt.Fprint(c, "GET /v1/catalog/datacenters HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if r, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || r.StatusCode != 200 {
			t.Fatalf("%v %v", r, err)
		}
	}
	r, err := http.ReadResponse(bufio.NewReader(dial(t, s)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(r.Body); r.StatusCode != 503 || !strings.Contains(string(body), "too many") {
		t.Errorf("%d %s", r.StatusCode, body)
	}
	if st := s.Stats(); st.ConnsRefused != 1 {
		t.Errorf("%+v", st)
	}
}

func dial(t *testing.T, s *Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestABodyTooLongIsRefusedWhetherItsLengthIsSaidOrNot(t *testing.T) {
	s, a := start(t, nil)
	body := `{"Name":"` + strings.Repeat("a", 2*maxBody) + `"}`
	for name, reader := range map[string]io.Reader{"length": strings.NewReader(body), "chunked": io.MultiReader(strings.NewReader(body))} {
		r, err := http.NewRequest("PUT", "http://"+s.Addr().String()+"/v1/agent/service/register", reader)
		if err != nil {
			t.Fatal(err)
		}
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text, _ := io.ReadAll(w.Body)
		w.Body.Close()
		if w.StatusCode != 400 || !strings.Contains(string(text), "1 MiB") || len(a.services) != 0 {
			t.Errorf("%s: %d %s", name, w.StatusCode, text)
		}
	}
}

// Nginx modules ask over HTTP/1.0 and without a Host.
func TestHTTP10IsServed(t *testing.T) {
	s, _ := start(t, nil)
	mustRegister(t, s)
	c := dial(t, s)
	fmt.Fprint(c, "GET /v1/health/service/item-service?recurse&index=1 HTTP/1.0\r\n\r\n")
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	var entries []wireEntry
	if err := json.NewDecoder(r.Body).Decode(&entries); err != nil || r.StatusCode != 200 || len(entries) != 1 {
		t.Errorf("%d, %d entries, %v", r.StatusCode, len(entries), err)
	}
}

func TestCloseReleasesBlockedClientsAndWaits(t *testing.T) {
	s, _ := start(t, nil)
	const n = 100
	codes := make(chan int, n)
	for range n {
		go func() {
			r, err := http.Get("http://" + s.Addr().String() + "/v1/health/service/web?index=99999")
			if err != nil {
				codes <- 0
				return
			}
			r.Body.Close()
			codes <- r.StatusCode
		}()
	}
	for s.Stats().Waiting < n {
		runtime.Gosched()
	}
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took >= closeGrace {
		t.Errorf("closing took %v", took)
	}
	for range n {
		if code := <-codes; code != 200 {
			t.Errorf("a blocked client was answered %d", code)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func TestCloseBeforeRunFreesThePort(t *testing.T) {
	c := newTwin().config()
	c.Addr = "127.0.0.1:0"
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(); err != nil {
		t.Errorf("Run after Close: %v", err)
	}
	l, err := net.Listen("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestAClientThatDisconnectsFreesItsPlace(t *testing.T) {
	s, _ := start(t, nil)
	c := dial(t, s)
	fmt.Fprint(c, "GET /v1/health/service/web?index=99999 HTTP/1.1\r\nHost: localhost\r\n\r\n")
	for s.Stats().Waiting != 1 {
		runtime.Gosched()
	}
	c.Close()
	for s.Stats().Waiting != 0 || s.Stats().Conns != 0 {
		runtime.Gosched()
	}
}
