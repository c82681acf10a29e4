//go:build unix

package health

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// badChecks are checks of which nothing good can come, and what is said of each.
func badChecks(t *testing.T) map[string]struct {
	definition.Check
	says string
} {
	hang := make(chan struct{})
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hangs":
			<-hang
		case "/redirects":
			http.Redirect(w, r, "/redirects", http.StatusFound)
		case "/metadata":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/", http.StatusFound)
		case "/endless":
			w.WriteHeader(http.StatusInternalServerError)
			for {
				if _, err := io.WriteString(w, strings.Repeat("x", 1<<16)); err != nil {
					return
				}
			}
		case "/megabyte":
			w.WriteHeader(http.StatusInternalServerError)
			io.WriteString(w, strings.Repeat("y", 1<<20))
		}
	}))
	t.Cleanup(bad.Close)
	t.Cleanup(func() { close(hang) })
	garbage := raw(t, func(c net.Conn) { endlessly(c, []byte("\x00\xff\x1b[31mgarbage\r\n")) })
	off := false
	type check = struct {
		definition.Check
		says string
	}
	return map[string]check{
		"hangs":         {definition.Check{HTTP: bad.URL + "/hangs"}, "no answer within"},
		"redirects":     {definition.Check{HTTP: bad.URL + "/redirects"}, "no more are followed"},
		"metadata":      {definition.Check{HTTP: bad.URL + "/metadata"}, "only to the same host and port"},
		"forbidden":     {definition.Check{TCP: "169.254.169.254:80"}, "may not reach"},
		"endless":       {definition.Check{HTTP: bad.URL + "/endless"}, "500 Internal Server Error"},
		"megabyte":      {definition.Check{HTTP: bad.URL + "/megabyte"}, "500 Internal Server Error"},
		"garbage":       {definition.Check{HTTP: "http://" + garbage}, "malformed"},
		"garbage h2":    {definition.Check{H2PING: garbage, H2PingUseTLS: &off}, "does not speak HTTP/2"},
		"garbage rpc":   {definition.Check{GRPC: garbage}, "does not speak HTTP/2"},
		"garbage tls":   {definition.Check{TCP: garbage, TCPUseTLS: true}, "TLS"},
		"garbage agent": {definition.Check{AgentCheck: garbage}, "of which nothing is a word of the agent-check protocol"},
		"endless agent": {definition.Check{AgentCheck: raw(t, func(c net.Conn) { endlessly(c, []byte("up ")) })}, "a line of more than 1023 bytes"},
		"silent agent":  {definition.Check{AgentCheck: raw(t, func(c net.Conn) { <-hang })}, "no answer within"},
		"writes":        {sh("i=0; while [ $i -lt 2000 ]; do printf %01024d 0; i=$((i+1)); done; exit 3"), "0000"},
		"forks":         {sh("sleep 600 & sleep 600 & echo forked; exit 2"), "forked"},
		"deaf":          {sh("trap '' TERM; while :; do sleep 1; done"), "was killed"},
		"no program":    {definition.Check{Args: []string{"/nonexistent"}}, "cannot run"},
		"no unit":       {definition.Check{OSService: "covey-test-of-no-such-unit"}, "Service covey-test"},
		"no process":    {definition.Check{Process: "2147483647"}, "does not run"},
		"no alias":      {definition.Check{AliasService: "none"}, "there is no service none"},
		"no runtime":    {definition.Check{DockerContainerID: "web", Args: []string{"true"}}, "no container runtime"},
	}
}

// All of them at once, again and again and more of them than may run, keep no one from
// seeing how a good service is.
func TestBadChecksHurtNobodyElse(t *testing.T) {
	store := catalog.NewStore(1)
	id := catalog.NodeID{1}
	store.Apply(catalog.Update{Owner: id, Put: []catalog.Record{&catalog.Node{ID: id, Name: "n1", Address: "10.0.0.1", Datacenter: "dc1"}}})
	store.SetLiveness(id, catalog.Alive)
	m := startLive(t, Config{
		Scripts: true, MaxConcurrent: 8, DockerHost: "unix://" + t.TempDir() + "/none",
		Catalog: func() Catalog { return Catalog{View: store.View(), Node: "n1"} },
	})
	waiting := map[string]string{}
	for name, c := range badChecks(t) {
		for i := range 2 {
			def := c.Check
			def.ID, def.Interval, def.Timeout = fmt.Sprintf("%s %d", name, i), 200*time.Millisecond, 700*time.Millisecond
			waiting[def.ID] = c.says
			m.Set(&def, catalog.Passing, "")
		}
	}
	var well atomic.Bool
	well.Store(true)
	good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !well.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer good.Close()
	m.Set(&definition.Check{ID: "good", HTTP: good.URL, Interval: 20 * time.Millisecond, Timeout: 5 * time.Second}, catalog.Critical, "")

	turns, want := 0, catalog.Passing
	deadline := time.After(60 * time.Second)
	for len(waiting) > 0 || turns < 6 {
		select {
		case r := <-m.reports:
			switch {
			case r.CheckID == "good":
				if r.Status == want {
					turns++
					well.Store(!well.Load())
					want = catalog.Critical - want // and back
				}
			case r.Status != catalog.Critical || len(r.Output) > catalog.MaxOutput:
				t.Errorf("%+v", r)
			case strings.Contains(r.Output, waiting[r.CheckID]):
				delete(waiting, r.CheckID)
			}
		case <-deadline:
			t.Fatalf("the good service was seen to change %d times; of the others nothing was said that is expected: %v", turns, waiting)
		}
	}
}
