package httpapi

import (
	"bufio"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"covey/internal/bubble"
)

func TestEventsAreListedByNameAndFoundByTheirIndex(t *testing.T) {
	s, _ := newTestServer(t)
	for _, name := range []string{"deploy", "restart", "deploy"} {
		if w := call(s, "PUT", "/v1/event/fire/"+name, "v1"); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	w := call(s, "GET", "/v1/event/list?name=restart", "")
	if n := strings.Count(w.Body.String(), `"Name":"restart"`); n != 1 || strings.Contains(w.Body.String(), "deploy") {
		t.Errorf("restart lists %s", w.Body)
	}
	// What clients compute of the ID 00000000-0000-4000-8000-000000000002.
	if got, want := w.Header().Get("X-Consul-Index"), fmt.Sprint(uint64(0x4000^0x8000000000000002)); got != want {
		t.Errorf("index %s, want %s", got, want)
	}
}

func TestWhoWaitsForAnEventIsWokenByIt(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s, _ := newTestServer(t)
		any := wait(s, "/v1/event/list?index=7&wait=1m")
		named := wait(s, "/v1/event/list?name=restart&index=7&wait=1m")
		if !any.blocked() || !named.blocked() {
			t.Fatal("a read of no events did not block")
		}
		call(s, "PUT", "/v1/event/fire/deploy", "")
		bubble.Wait()
		if any.blocked() || !strings.Contains(any.Body.String(), "deploy") {
			t.Errorf("not woken, or by something else: %s", any.Body)
		}
		if !named.blocked() {
			t.Errorf("woken by an event of another name")
		}
		<-named.done
		if named.took < time.Minute {
			t.Errorf("it waited %v", named.took)
		}
	})
}

func TestTheLogIsFollowedUntilTheClientGoes(t *testing.T) {
	s, _ := start(t, nil)
	r, err := http.Get("http://" + s.Addr().String() + "/v1/agent/monitor?loglevel=warn&logjson")
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(r.Body).ReadString('\n')
	if err != nil || r.StatusCode != 200 || line != "from WARN, json true\n" {
		t.Errorf("%d %q %v", r.StatusCode, line, err)
	}
	r.Body.Close()
	for s.count.monitors.Load() != 0 {
		runtime.Gosched()
	}
}

func TestOnlySoManyFollowTheLog(t *testing.T) {
	s, _ := start(t, nil)
	for range maxMonitors {
		r, err := http.Get("http://" + s.Addr().String() + "/v1/agent/monitor")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
	}
	if code, body := get(t, s, "/v1/agent/monitor"); code != 503 {
		t.Errorf("%d %s", code, body)
	}
}
