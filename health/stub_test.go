package health

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/internal/bubble"
)

// stub is a service in the place of one that is asked.
type stub struct {
	mu     sync.Mutex
	answer verdict
	takes  time.Duration
	deaf   bool // to the end of ctx
	asked  []time.Time
	under  int // way
	most   int // under way at once
}

func (s *stub) ask(ctx context.Context) verdict {
	s.mu.Lock()
	s.asked = append(s.asked, time.Now())
	s.under++
	s.most = max(s.most, s.under)
	takes, deaf := s.takes, s.deaf
	s.mu.Unlock()

	done := ctx.Done()
	if deaf {
		done = nil
	}
	timedOut := false
	if takes > 0 {
		select {
		case <-time.After(takes):
		case <-done:
			timedOut = true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.under--
	if timedOut {
		return verdict{status: catalog.Critical, output: "hangs", timedOut: true}
	}
	return s.answer
}

func (s *stub) set(v verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = v
}

func (s *stub) times() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]time.Time(nil), s.asked...)
}

var (
	passes = verdict{status: catalog.Passing, output: "fine"}
	warns  = verdict{status: catalog.Warning, output: "busy"}
	fails  = verdict{status: catalog.Critical, output: "broken"}
)

// bench is a Monitor whose services are stubs, and the reports it made.
type bench struct {
	*Monitor
	stubs map[string]*stub // by TCP address

	mu      sync.Mutex
	reports []Report
	hold    chan struct{} // if set, each report waits for one receive
}

// Set gives the Monitor a copy, so that tests can go on from the definition they have.
func (b *bench) Set(def definition.Check, status catalog.Status, output string) {
	b.Monitor.Set(&def, status, output)
}

func newBench(cfg Config) *bench {
	b := &bench{stubs: map[string]*stub{}}
	if cfg.Report == nil {
		cfg.Report = b.take
	}
	b.Monitor = New(cfg)
	b.newProbe = func(def definition.Check) probe {
		if def.TTL > 0 {
			return nil
		}
		return b.stubs[def.TCP]
	}
	return b
}

func (b *bench) take(r Report) {
	b.mu.Lock()
	hold := b.hold
	b.reports = append(b.reports, r)
	b.mu.Unlock()
	if hold != nil {
		<-hold
	}
}

// taken returns the reports since it was last called.
func (b *bench) taken() []Report {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.reports
	b.reports = nil
	return all
}

// status returns how a check stands.
func (b *bench) status(id string) catalog.Status {
	b.Monitor.mu.Lock()
	defer b.Monitor.mu.Unlock()
	return b.checks[id].status
}

// in runs test in a bubble beside a running Monitor that is closed after it.
func in(t *testing.T, cfg Config, test func(t *testing.T, b *bench)) {
	t.Helper()
	bubble.Test(t, func(t *testing.T) {
		b := newBench(cfg)
		ran := make(chan error)
		go func() { ran <- b.Run(t.Context()) }()
		bubble.Wait()
		test(t, b)
		closed := make(chan error)
		go func() { closed <- b.Close() }()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		<-closed
	})
}

// service adds a stub that is asked each interval by a check of the same name.
func (b *bench) service(id string, interval time.Duration, v verdict) (*stub, definition.Check) {
	s := &stub{answer: v}
	b.stubs[id] = s
	return s, definition.Check{ID: id, TCP: id, Interval: interval, Timeout: interval}
}

func ttl(id string, d time.Duration) definition.Check { return definition.Check{ID: id, TTL: d} }

func pass(d time.Duration) {
	time.Sleep(d)
	bubble.Wait()
}

// found is the report of a check that nobody wishes to be as it is.
func found(id string, status catalog.Status, output string) Report {
	return Report{CheckID: id, Status: status, Output: output}
}

func wantReports(t *testing.T, got []Report, want ...Report) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("reports\n  %v, want\n  %v", got, want)
	}
}

func checkNamed(id string) definition.Check {
	return definition.Check{ID: id, TCP: id, Interval: time.Second, Timeout: time.Second}
}
