package health

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// The whole of it against real servers and the real clock.
func TestARealServiceIsFollowedThroughItsStates(t *testing.T) {
	var code atomic.Int32
	code.Store(200)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(int(code.Load()))
	}))
	defer web.Close()
	hang := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer hangs.Close()
	defer close(hang)

	reports := make(chan Report, 100)
	m := New(Config{Report: func(r Report) { reports <- r }})
	ran := make(chan error)
	go func() { ran <- m.Run(context.Background()) }()

	wait := func(id string, status catalog.Status) {
		t.Helper()
		deadline := time.After(20 * time.Second)
		for {
			select {
			case r := <-reports:
				if r.CheckID == id && r.Status == status {
					return
				}
			case <-deadline:
				t.Fatalf("%s never became %v", id, status)
			}
		}
	}
	often := definition.Check{ID: "web", HTTP: web.URL, Interval: 10 * time.Millisecond}
	m.Set(&often, catalog.Critical, "")
	wait("web", catalog.Passing)
	code.Store(429)
	wait("web", catalog.Warning)
	code.Store(500)
	wait("web", catalog.Critical)
	m.Set(&definition.Check{ID: "port", TCP: web.Listener.Addr().String(), Interval: time.Hour}, catalog.Critical, "")
	wait("port", catalog.Passing)
	m.Set(&definition.Check{ID: "hang", HTTP: hangs.URL, Interval: time.Hour, Timeout: 50 * time.Millisecond}, catalog.Passing, "")
	wait("hang", catalog.Critical)
	m.Set(&definition.Check{ID: "hang", HTTP: hangs.URL, Interval: 10 * time.Millisecond}, catalog.Critical, "") // under way at Close
	m.Set(&definition.Check{ID: "job", TTL: 10 * time.Millisecond}, catalog.Passing, "")
	wait("job", catalog.Critical)

	m.Close()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	wantNoGoroutine(t)
}

// wantNoGoroutine gives goroutines whose work is over a moment to be gone.
func wantNoGoroutine(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; runtime.Gosched() {
		var stacks bytes.Buffer
		pprof.Lookup("goroutine").WriteTo(&stacks, 2)
		if !strings.Contains(stacks.String(), "health.(*") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a goroutine is left:\n%s", stacks.String())
		}
	}
}
