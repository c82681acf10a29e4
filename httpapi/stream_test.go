package httpapi

import (
	"bufio"
	"context"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/internal/bubble"
)

// sse is one event as a browser would have it.
type sse struct {
	id, event, data string
}

func (e sse) change(t testing.TB) wireChange {
	t.Helper()
	var c wireChange
	if err := json.Unmarshal([]byte(e.data), &c); err != nil {
		t.Fatalf("%+v: %v", e, err)
	}
	return c
}

// String tells the event in short.
func (e sse) short(t testing.TB) string {
	c := e.change(t)
	return strings.Join(strings.Fields(fmt.Sprint(e.event, " ", c.Service, " ", c.ID, " ", c.Node, " ", c.Was, " ", c.Status)), " ")
}

// events reads a stream; what is no event with data is passed over.
func events(r io.Reader) func() (sse, error) {
	lines := bufio.NewReader(r)
	return func() (sse, error) {
		var e sse
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return e, err
			}
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch name {
			case "id":
				e.id = value
			case "event":
				e.event = value
			case "data":
				e.data = value
			case "":
				if e.data != "" {
					return e, nil
				}
			}
		}
	}
}

// follow reads the stream of a running server; the first event, which is hello, is read.
func follow(t *testing.T, s *Server, query, last string) (next func() sse, hello sse, leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+s.Addr().String()+"/v1/covey/stream"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if w.StatusCode != 200 || w.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", w.StatusCode, w.Header)
	}
	read := events(w.Body)
	next = func() sse {
		t.Helper()
		e, err := read()
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if hello = next(); hello.event != "hello" {
		t.Fatalf("it begins with %+v", hello)
	}
	return next, hello, func() { cancel(); w.Body.Close() }
}

// arrive is addHost of a host that is known to live before it states anything, so that no
// view shows it otherwise.
func arrive(a *twin, instances ...*catalog.Instance) {
	a.store.SetLiveness(catalog.NodeID(md5.Sum([]byte("n2"))), catalog.Alive)
	a.addHost("n2", "10.0.0.2", catalog.Alive, instances...)
}

func TestTheStreamTellsWhatChanges(t *testing.T) {
	s, a := start(t, nil)
	next, _, leave := follow(t, s, "", "")
	defer leave()
	for _, step := range []struct {
		does func()
		want []string
	}{
		{func() { arrive(a, instance("api", "a"), instance("web", "w")) },
			[]string{"node-joined n2 passing", "registered api a n2 passing", "registered web w n2 passing"}},
		{func() { a.addHost("n2", "10.0.0.2", catalog.Alive, instance("api", "a", withStatus(catalog.Critical))) },
			[]string{"health api a n2 passing critical"}},
		{func() { a.addHost("n2", "10.0.0.2", catalog.Failed) },
			[]string{"node-status n2 passing critical", "health web w n2 passing critical"}},
		{func() { a.addHost("n2", "10.0.0.2", catalog.Alive) },
			[]string{"node-status n2 critical passing", "health web w n2 critical passing"}},
		{func() {
			i := instance("web", "w")
			i.Port = 4242
			a.addHost("n2", "10.0.0.2", catalog.Alive, i)
		}, []string{"modified web w n2 passing"}},
		{func() {
			i := instance("web", "w")
			i.Port, i.Meta = 4242, map[string]string{"v": "2"}
			a.addHost("n2", "10.0.0.2", catalog.Alive, i)
		}, []string{"modified web w n2 passing"}},
		{func() { a.store.Drop(catalog.NodeID(md5.Sum([]byte("n2")))) },
			[]string{"node-left n2", "deregistered api a n2", "deregistered web w n2"}},
	} {
		step.does()
		var got []string
		for range step.want {
			got = append(got, next().short(t))
		}
		if !slices.Equal(got, step.want) {
			t.Fatalf("got %q, want %q", got, step.want)
		}
	}
}

func TestAReaderOfSomeServicesHearsOfThese(t *testing.T) {
	s, a := start(t, nil)
	next, _, leave := follow(t, s, "?service=WEB&service=db", "")
	defer leave()
	arrive(a, instance("api", "a"), instance("db", "d"), instance("web", "w"))
	for _, want := range []string{"node-joined n2 passing", "registered db d n2 passing", "registered web w n2 passing"} {
		if got := next().short(t); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWhoComesBackGetsWhatItMissed(t *testing.T) {
	s, a := start(t, nil)
	next, hello, leave := follow(t, s, "", "")
	arrive(a, instance("web", "w1"))
	next()
	last := next()
	if last.id <= hello.id {
		t.Errorf("ids go back: %s, then %s", hello.id, last.id)
	}
	leave()
	a.addHost("n2", "10.0.0.2", catalog.Alive, instance("web", "w2"))
	for s.Stats().Streams > 0 {
		runtime.Gosched()
	}
	a.addHost("n2", "10.0.0.2", catalog.Alive, instance("web", "w3"))
	next, hello, leave = follow(t, s, "", last.id)
	defer leave()
	if hello.data != fmt.Sprintf(`{"Index":%d,"Resumed":true}`, a.store.View().Index()) || hello.id != last.id {
		t.Errorf("hello is %+v, after %s", hello, last.id)
	}
	for _, want := range []string{"registered web w2 n2 passing", "registered web w3 n2 passing"} {
		if got := next().short(t); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	number, _, _ := strings.Cut(last.id, "-")
	for _, unknown := range []string{"1", "9000000000000000000", number, number + "-00c0ffee"} { // the last is another agent's
		_, hello, leave := follow(t, s, "?index="+unknown, "")
		leave()
		if !strings.Contains(hello.data, `"Resumed":false`) {
			t.Errorf("resumed after %s: %+v", unknown, hello)
		}
	}
	if code, body := get(t, s, "/v1/covey/stream?index=x"); code != 400 || !strings.Contains(body, "Last-Event-ID") {
		t.Errorf("%d %s", code, body)
	}
}

// stuck is a client that takes nothing until it is let go.
type stuck struct {
	*httptest.ResponseRecorder
	reached chan struct{} // closed at the second write
	let     chan struct{}
	writes  int
}

func (w *stuck) Write(b []byte) (int, error) {
	if w.writes++; w.writes == 2 { // the first one is hello
		close(w.reached)
		<-w.let
	}
	return w.ResponseRecorder.Write(b)
}

func TestASlowReaderLosesItsPlaceAndIsToldSo(t *testing.T) {
	s, a := newTestServer(t)
	w := &stuck{ResponseRecorder: httptest.NewRecorder(), reached: make(chan struct{}), let: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1/v1/covey/stream", nil))
	}()
	for s.Stats().Streams == 0 {
		runtime.Gosched()
	}
	a.addHost("n2", "10.0.0.2", catalog.Alive, instance("web", "w"))
	<-w.reached
	many := make([]wireChange, 1000)
	for i := range many {
		many[i] = wireChange{Type: changeHealth, Service: strings.Repeat("s", 60), ID: strings.Repeat("i", 200), Node: "n2"}
	}
	for range 2 * maxFeedBytes / (260 * len(many)) {
		s.feed.add(many)
	}
	if s.feed.size > maxFeedBytes {
		t.Errorf("%d bytes are kept", s.feed.size)
	}
	close(w.let)
	<-done
	var last sse
	for read := events(w.Body); ; {
		e, err := read()
		if err != nil {
			break
		}
		last = e
	}
	if last.event != "lost" || !strings.Contains(last.data, "too slowly") || s.Stats().StreamsLost != 1 {
		t.Errorf("it ends with %+v, %d lost", last, s.Stats().StreamsLost)
	}
	close(s.stopping)
	s.feed.runner.Wait()
}

func TestEventsAreGatheredOnlyWhileSomebodyReads(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		a := newTwin()
		f := newFeed(a.store.View)
		stopping := make(chan struct{})
		next, leave := f.subscribe(stopping)
		arrive(a, instance("web", "w"))
		time.Sleep(feedPace)
		bubble.Wait()
		if events, _, _, ok := f.from(next, 1<<20); !ok || len(events) != 2 {
			t.Errorf("%d events, %v", len(events), ok)
		}
		leave()
		time.Sleep(feedKeep / 2)
		again, leave := f.subscribe(stopping)
		if events, _, _, ok := f.from(next, 1<<20); !ok || len(events) != 2 || again != next+2 {
			t.Errorf("who came back soon finds %d events, %v", len(events), ok)
		}
		leave()
		time.Sleep(2 * feedKeep)
		bubble.Wait()
		if f.running {
			t.Error("nobody reads, and events are gathered")
		}
		later, leave := f.subscribe(stopping)
		defer leave()
		if _, _, _, ok := f.from(again, 1<<20); ok || later <= again {
			t.Errorf("events are missing between %d and %d, and nothing says so", again, later)
		}
		close(stopping)
		f.runner.Wait()
	})
}

func TestAQuietStreamIsHeardOf(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s, _ := newTestServer(t)
		ctx, cancel := context.WithCancel(t.Context())
		w := httptest.NewRecorder()
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.ServeHTTP(w, httptest.NewRequest("GET", "http://127.0.0.1/v1/covey/stream", nil).WithContext(ctx))
		}()
		time.Sleep(2*streamBeat + time.Second)
		cancel()
		<-done
		if n := strings.Count(w.Body.String(), "\n:\n"); n != 2 {
			t.Errorf("%d signs of life in %q", n, w.Body)
		}
		close(s.stopping)
		s.feed.runner.Wait()
	})
}

func TestCloseEndsStreams(t *testing.T) {
	s, _ := start(t, nil)
	r, err := http.Get("http://" + s.Addr().String() + "/v1/covey/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	text, err := io.ReadAll(r.Body)
	if err != nil || !strings.Contains(string(text), ": the agent stops") {
		t.Errorf("%q %v", text, err)
	}
}
