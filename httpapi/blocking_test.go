package httpapi

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/internal/bubble"
)

// waiter is a blocking request under way in a synctest bubble.
type waiter struct {
	*httptest.ResponseRecorder
	done   chan struct{}
	cancel context.CancelFunc
	began  time.Time
	took   time.Duration
}

// wait sends a request and returns once it is blocked or answered.
func wait(s *Server, target string) *waiter {
	ctx, cancel := context.WithCancel(context.Background())
	w := &waiter{httptest.NewRecorder(), make(chan struct{}), cancel, time.Now(), 0}
	r := httptest.NewRequestWithContext(ctx, "GET", target, nil)
	r.Host = "localhost"
	go func() {
		defer cancel()
		defer close(w.done)
		s.ServeHTTP(w.ResponseRecorder, r)
		w.took = time.Since(w.began)
	}()
	bubble.Wait()
	return w
}

func (w *waiter) blocked() bool {
	select {
	case <-w.done:
		return false
	default:
		return true
	}
}

func (w *waiter) index(t testing.TB) uint64 {
	t.Helper()
	return indexOf(t, w.ResponseRecorder)
}

func indexOf(t testing.TB, w *httptest.ResponseRecorder) uint64 {
	t.Helper()
	i, err := strconv.ParseUint(w.Header().Get("X-Consul-Index"), 10, 63)
	if err != nil || i == 0 || w.Code != 200 {
		t.Fatalf("%d, index %q: %v %s", w.Code, w.Header().Get("X-Consul-Index"), err, w.Body)
	}
	return i
}

// change registers an instance anew with another address, which changes its service.
func change(t testing.TB, s *Server, service, address string) {
	t.Helper()
	if w := call(s, "PUT", "/v1/agent/service/register", fmt.Sprintf(`{"Name":%q,"Address":%q}`, service, address)); w.Code != 200 {
		t.Fatalf("registering %s: %d %s", service, w.Code, w.Body)
	}
}

// Each question is woken by a change of its own and sleeps through the others'.
func TestBlockedReadsAreWokenByTheirOwnChangeOnly(t *testing.T) {
	tests := []struct {
		target string
		own    func(*testing.T, *Server, *twin)
		other  func(*testing.T, *Server, *twin)
	}{
		{"/v1/health/service/web", changes("web"), changes("api")},
		{"/v1/health/service/web?passing", changes("web"), changes("api")},
		{"/v1/health/service/web", nodeChanges, changes("api")},
		{"/v1/health/checks/web", changes("web"), changes("api")},
		{"/v1/catalog/service/web", changes("web"), changes("api")},
		{"/v1/health/service/unborn", changes("unborn"), changes("api")},
		{"/v1/catalog/services", changes("unborn"), changes("api")},
		{"/v1/catalog/services?node-meta=rack:r1", changes("web"), nil},
		{"/v1/catalog/nodes", nodeChanges, changes("api")},
		{"/v1/catalog/node/n1", changes("web"), otherHostChanges},
		{"/v1/catalog/node-services/n1", changes("web"), otherHostChanges},
		{"/v1/health/node/n1", changes("web"), otherHostChanges},
		{"/v1/health/node/unborn", func(_ *testing.T, _ *Server, a *twin) { a.addHost("unborn", "10.0.0.7", catalog.Alive) }, changes("api")},
		{"/v1/health/state/any", changes("api"), nil},
	}
	for _, test := range tests {
		t.Run(test.target, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				s, a := newTestServer(t)
				a.addHost("n2", "10.0.0.2", catalog.Alive, instance("api", "api-2"))
				change(t, s, "web", "10.1.0.1")
				change(t, s, "api", "10.1.0.2")
				index := indexOf(t, call(s, "GET", test.target, ""))

				w := wait(s, test.target+sep(test.target)+"index="+strconv.FormatUint(index, 10))
				if !w.blocked() {
					t.Fatalf("did not block: %d %s", w.Code, w.Body)
				}
				if test.other != nil {
					test.other(t, s, a)
					if bubble.Wait(); !w.blocked() {
						t.Fatalf("woken by another's change, index %d after %d", w.index(t), index)
					}
				}
				test.own(t, s, a)
				<-w.done
				if got := w.index(t); got <= index || w.took != 0 {
					t.Errorf("woken after %v with index %d, asked for more than %d", w.took, got, index)
				}
			})
		})
	}
}

func changes(service string) func(*testing.T, *Server, *twin) {
	return func(t *testing.T, s *Server, _ *twin) { change(t, s, service, "10.1.0.99") }
}

func nodeChanges(t *testing.T, s *Server, _ *twin) {
	call(s, "PUT", "/v1/agent/maintenance?enable=true", "")
}

func otherHostChanges(_ *testing.T, _ *Server, a *twin) {
	a.addHost("n2", "10.0.0.2", catalog.Failed, instance("other", "other-2"))
}

func TestTheIndexNeverGoesBackWhenAServiceComesAndGoes(t *testing.T) {
	s, _ := newTestServer(t)
	last := uint64(seed)
	for range 5 {
		for _, step := range []func(){
			func() { change(t, s, "web", "10.1.0.1") },
			func() { change(t, s, "api", "10.1.0.1") },
			func() { call(s, "PUT", "/v1/agent/service/deregister/web", "") },
			func() { call(s, "PUT", "/v1/agent/service/deregister/api", "") },
		} {
			step()
			index := indexOf(t, call(s, "GET", "/v1/health/service/web", ""))
			if index < last {
				t.Fatalf("index %d after %d", index, last)
			}
			last = index
		}
	}
}

func TestABlockedReadEndsWithItsWait(t *testing.T) {
	for query, want := range map[string]time.Duration{
		"":              300 * time.Second,
		"&wait=0s":      300 * time.Second,
		"&wait=16s":     16 * time.Second,
		"&wait=60000ms": 60 * time.Second,
		"&wait=24h":     600 * time.Second,
	} {
		t.Run(query, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				s, _ := newTestServer(t)
				change(t, s, "web", "10.1.0.1")
				index := indexOf(t, call(s, "GET", "/v1/health/service/web", ""))
				w := wait(s, fmt.Sprintf("/v1/health/service/web?index=%d%s", index, query))
				<-w.done
				if w.took < want || w.took > want+want/16+time.Nanosecond {
					t.Errorf("took %v, want %v and at most a sixteenth more", w.took, want)
				}
				if w.index(t) != index || !strings.Contains(w.Body.String(), `"web"`) {
					t.Errorf("index %d, want %d: %s", w.index(t), index, w.Body)
				}
			})
		})
	}
}

func TestIndexBelowTheCurrentOneAnswersAtOnceAndAboveItBlocks(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s, _ := newTestServer(t)
		change(t, s, "web", "10.1.0.1")
		index := indexOf(t, call(s, "GET", "/v1/health/service/web", ""))
		for _, below := range []uint64{0, 1, index - 1} {
			if w := wait(s, fmt.Sprintf("/v1/health/service/web?index=%d", below)); w.blocked() {
				t.Errorf("index %d blocks", below)
			}
		}
		w := wait(s, fmt.Sprintf("/v1/health/service/web?wait=10s&index=%d", index+1000))
		change(t, s, "web", "10.1.0.2")
		if bubble.Wait(); !w.blocked() {
			t.Error("a change that does not reach the index asked for ends the wait")
		}
		if <-w.done; w.took < 10*time.Second || w.index(t) <= index {
			t.Errorf("answered after %v with index %d", w.took, w.index(t))
		}
	})
}

func TestAClientThatGoesEndsItsWait(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s, _ := newTestServer(t)
		w := wait(s, "/v1/health/service/web?index=99999")
		if s.Stats().Waiting != 1 {
			t.Fatalf("%d waiting", s.Stats().Waiting)
		}
		w.cancel()
		<-w.done
		if w.Body.Len() != 0 || s.Stats().Waiting != 0 || w.took != 0 {
			t.Errorf("answered %q after %v, %d still waiting", w.Body, w.took, s.Stats().Waiting)
		}
	})
}

func TestThousandsWaitAndAllAreWokenOnce(t *testing.T) {
	const n = 2000
	bubble.Test(t, func(t *testing.T) {
		s, _ := newTestServer(t)
		change(t, s, "web", "10.1.0.1")
		index := indexOf(t, call(s, "GET", "/v1/health/service/web", ""))
		before := s.Stats()
		waiters := make([]*waiter, n)
		for i := range waiters {
			waiters[i] = wait(s, fmt.Sprintf("/v1/health/service/web?index=%d", index))
		}
		if got := s.Stats().Waiting; got != n {
			t.Fatalf("%d waiting", got)
		}
		change(t, s, "web", "10.1.0.2")
		for _, w := range waiters {
			<-w.done
			if w.index(t) <= index || !strings.Contains(w.Body.String(), "10.1.0.2") {
				t.Fatalf("answered %s", w.Body)
			}
		}
		if rendered := s.Stats().CacheMisses - before.CacheMisses; rendered != 1 {
			t.Errorf("the one answer was rendered %d times", rendered)
		}
	})
}

func TestWaitersAreBounded(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		c := newTwin().config()
		c.MaxWaiting = 2
		s, err := newServer(c)
		if err != nil {
			t.Fatal(err)
		}
		const target = "/v1/health/service/web?index=99999&wait=1m"
		first, second, third := wait(s, target), wait(s, target), wait(s, target)
		if !first.blocked() || !second.blocked() || third.Code != 503 {
			t.Errorf("the third is answered %d %s", third.Code, third.Body)
		}
		if <-first.done; s.Stats().WaitsRefused != 1 {
			t.Errorf("%+v", s.Stats())
		}
		<-second.done
		if w := wait(s, target); !w.blocked() {
			t.Error("no room after the others are done")
		} else {
			<-w.done
		}
	})
}

func TestAClosingServerReleasesWhoWaits(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s, _ := newTestServer(t)
		change(t, s, "web", "10.1.0.1")
		index := indexOf(t, call(s, "GET", "/v1/health/service/web", ""))
		w := wait(s, fmt.Sprintf("/v1/health/service/web?index=%d", index))
		close(s.stopping) // as Close does, which needs a socket
		<-w.done
		if w.took != 0 || w.index(t) != index {
			t.Errorf("released after %v: %d %s", w.took, w.Code, w.Body)
		}
	})
}

func TestAReadOfOneInstanceBlocksOnItsHash(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s, _ := newTestServer(t)
		change(t, s, "web", "10.1.0.1")
		hash := call(s, "GET", "/v1/agent/service/web", "").Header().Get("X-Consul-ContentHash")
		if w := wait(s, "/v1/agent/service/web?hash=other"); w.blocked() {
			t.Error("a hash that is not the present one blocks")
		}
		w := wait(s, "/v1/agent/service/web?wait=1m&hash="+hash)
		change(t, s, "api", "10.1.0.1")
		if bubble.Wait(); !w.blocked() {
			t.Fatal("woken by another's change")
		}
		change(t, s, "web", "10.1.0.2")
		<-w.done
		if got := w.Header().Get("X-Consul-ContentHash"); w.Code != 200 || got == hash || got == "" {
			t.Errorf("%d, hash %q after %q", w.Code, got, hash)
		}
		if w := wait(s, "/v1/agent/service/web?wait=soon&hash="+w.Header().Get("X-Consul-ContentHash")); w.Code != 400 {
			t.Errorf("a bad wait: %d", w.Code)
		}
	})
}

func TestAReadOfAKeyBlocksForItsWholeWait(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s, _ := newTestServer(t)
		w := wait(s, "/v1/kv/upstreams/web?recurse&wait=16s&index=1")
		change(t, s, "web", "10.1.0.1")
		<-w.done
		if w.Code != 404 || w.Header().Get("X-Consul-Index") != "1" || w.took < 16*time.Second {
			t.Errorf("%d after %v, headers %v", w.Code, w.took, w.Header())
		}
	})
}
