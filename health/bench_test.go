package health

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// BenchmarkScheduler measures one scheduled run among 5,000 checks without what the run
// itself costs: planning it, starting its goroutine, judging the result. Time is the
// benchmark's own, so that there is always a run due.
func BenchmarkScheduler(b *testing.B) {
	m := New(Config{Report: func(Report) {}})
	m.newProbe = func(definition.Check) probe { return at(passes) }
	for i := range 5000 {
		m.Set(&definition.Check{ID: fmt.Sprint(i), TCP: "x", Interval: 10 * time.Second}, catalog.Passing, "fine")
	}
	m.phase, m.running = up, b.Context()
	now := time.Now().Add(time.Minute)
	m.schedule.begin(now)
	b.ReportAllocs()
	for runs := 0; runs < b.N; {
		wait, _ := m.turn(now)
		m.mu.Lock()
		runs += len(m.schedule.due)
		m.mu.Unlock()
		m.workers.Wait()
		now = now.Add(wait)
	}
}

// at is a probe that answers at once.
type at verdict

func (v at) ask(context.Context) verdict { return verdict(v) }

// BenchmarkRun measures one run against a server on loopback, the server included.
func BenchmarkRun(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok")) }))
	defer s.Close()
	for _, def := range []definition.Check{{HTTP: s.URL}, {TCP: s.Listener.Addr().String()}} {
		b.Run(def.Kind(), func(b *testing.B) {
			p := (&maker{dialer: &dialer{}}).probe(def)
			b.ReportAllocs()
			for b.Loop() {
				if v := p.ask(b.Context()); v.status != catalog.Passing {
					b.Fatal(v)
				}
			}
		})
	}
}

// BenchmarkBeat measures TTL updates of 5,000 checks, each with its report.
func BenchmarkBeat(b *testing.B) {
	m := New(Config{Report: func(Report) {}})
	for i := range 5000 {
		m.Set(&definition.Check{ID: fmt.Sprint(i), TTL: time.Minute}, catalog.Passing, "")
	}
	var done sync.WaitGroup
	done.Go(func() { m.Run(b.Context()) })
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m.Beat(fmt.Sprint(i%5000), catalog.Passing, fmt.Sprint(i))
	}
	m.Close()
	done.Wait()
}
