package health

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"sync"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/internal/fault"
)

// Report says how a check stands.
type Report struct {
	CheckID string
	Status  catalog.Status
	Output  string
	Wish    bool // critical by the service's own wish, as catalog.Check.Withdrawn
}

// Config of a Monitor. Report must be set; the zero value of all else is usable.
type Config struct {
	// Logger is told of what spoils runs; nil for silence. What the checks find goes to
	// Report alone.
	Logger *slog.Logger

	// Report is called from one goroutine of the Monitor's. What it is told must have
	// taken effect when it returns: a report that took effect only after a Set would
	// undo what that said, and nothing would be reported until the check changes again.
	// It should return soon, since reports wait for one another. It may call any method
	// but Run, Close and Flush.
	Report func(Report)

	// Load is called after a run that was answered, with what the answer said of the
	// service's load, which is plausible; with nil if it said nothing while the one before
	// did, and when the check is removed or replaced. It is called under a lock, so it must
	// return at once and call no method of the Monitor. Nil if nobody wants to know.
	Load func(checkID string, r *catalog.Reading)

	// MaxConcurrent is how many runs may be under way at once; 256 if 0. Each costs a
	// goroutine and a socket, so it bounds what the checks can take from this process;
	// half of it is closed to checks that timed out last time, so that services which
	// hang do not keep the others from being checked.
	MaxConcurrent int

	// AllowAddresses are exempt from the rule that no check may reach link-local
	// addresses and those of cloud metadata services.
	AllowAddresses []netip.Prefix

	// Scripts lets checks run programs (definition.Check.Runs), as this process's user.
	Scripts bool

	// DockerHost is where the container runtime is, as DOCKER_HOST has it; "" for Docker's
	// socket.
	DockerHost string

	// Catalog is where alias checks look. It is not called before Run; nil if there are
	// none.
	Catalog func() Catalog
}

const defaultMaxConcurrent = 256

// Monitor carries out checks. Its methods may be called at any time from any goroutine.
//
//	New -> Set, Remove, Beat ... -> Run -> the same -> Close
//
// Before Run nothing is carried out and no TTL expires; after Close nothing changes.
type Monitor struct {
	logger   *slog.Logger
	report   func(Report)
	load     func(checkID string, r *catalog.Reading)
	newProbe func(definition.Check) probe // nil for a TTL check

	wake chan struct{} // has room for one; the schedule has something sooner
	done chan struct{} // closed when Run has returned

	mu       sync.Mutex // guards all below, and what the checks' comments say
	checks   map[string]*check
	schedule agenda
	lanes    lanes
	stats    Stats // but for what is counted when it is asked for
	outbox   outbox
	phase    phase
	cancel   context.CancelFunc // of Run's context; nil before Run
	running  context.Context    // of all runs
	workers  sync.WaitGroup     // one for each worker; only added to while phase is up
	watchers sync.WaitGroup     // their goroutines; they begin in runs
	warned   time.Time          // when a spoilt run was last logged
}

// phase is how far a Monitor's life has come.
type phase int

const (
	idle phase = iota // Run was not called yet
	up
	down // ended, or closed before it began
)

// New returns a Monitor without checks.
func New(cfg Config) *Monitor {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.MaxConcurrent <= 0 {
		cfg.MaxConcurrent = defaultMaxConcurrent
	}
	if cfg.Load == nil {
		cfg.Load = func(string, *catalog.Reading) {}
	}
	probes := &maker{dialer: &dialer{allowed: cfg.AllowAddresses}, scripts: cfg.Scripts, docker: cfg.DockerHost, catalog: cfg.Catalog}
	m := &Monitor{
		logger:   cfg.Logger,
		report:   cfg.Report,
		load:     cfg.Load,
		newProbe: probes.probe,
		wake:     make(chan struct{}, 1),
		done:     make(chan struct{}),
		checks:   map[string]*check{},
		schedule: agenda{rand: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))},
		lanes:    lanes{limit: cfg.MaxConcurrent},
	}
	m.outbox.arrived.L = &m.mu
	return m
}

// Set adds the check, or replaces the one with its ID. It stands as status and output
// say, which is not reported; its first run is soon, its TTL begins.
//
// If the definition is the one the check has already, its runs go on as scheduled: a
// service that registers itself every few seconds is not checked more often for it. Else
// what a run under way of the replaced check finds is dropped.
//
// The definition is kept, not copied: nobody may change it any more.
func (m *Monitor) Set(def *definition.Check, status catalog.Status, output string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.phase == down {
		return
	}
	old := m.checks[def.ID]
	m.outbox.disturb(def.ID)
	if old != nil && reflect.DeepEqual(old.def, def) {
		old.begin(status, output)
		m.schedule.renew(old, time.Now())
		m.nudge(old)
		return
	}
	if old != nil {
		m.drop(old)
	}
	c := newCheck(def, m.newProbe(*def))
	c.begin(status, output)
	if w, ok := c.probe.(watcher); ok {
		w.watch(func() { m.hasten(c) }, &m.watchers)
	}
	m.checks[def.ID] = c
	m.schedule.add(c, time.Now())
	m.nudge(c)
}

// Remove ends the check; unknown IDs are passed over. What a run under way finds is
// dropped, but a report already being delivered may still arrive.
func (m *Monitor) Remove(checkID string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.checks[checkID]; c != nil {
		m.outbox.disturb(checkID)
		m.drop(c)
		delete(m.checks, checkID)
	}
}

// drop takes c, which is in m.checks, out of all plans.
func (m *Monitor) drop(c *check) {
	c.gone = true
	c.answer(c.asked)
	c.asked = nil
	m.load(c.def.ID, nil)
	m.schedule.remove(c)
	if c.cancel != nil {
		c.cancel()
	}
	c.close()
}

// Beat is the update of a TTL check by its service: it sets the status and begins the
// TTL anew. The error is of kind NotFound for an unknown check, Invalid for one that is
// not TTL, Unavailable after Close.
func (m *Monitor) Beat(checkID string, status catalog.Status, output string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.checks[checkID]
	switch {
	case m.phase == down:
		return fault.New(fault.Unavailable, "update check %q: the agent is stopping", checkID)
	case c == nil:
		return fault.New(fault.NotFound, "update check %q: there is no such check on this agent", checkID)
	case c.probe != nil:
		return fault.New(fault.Invalid, "update check %q: it is carried out by the agent (%s); only a TTL check can be updated", checkID, c.def.Kind())
	}
	c.status, c.output, c.wish = status, Clean(output, c.def.OutputMaxSize), false
	m.tell(c)
	m.schedule.renew(c, time.Now())
	m.nudge(c)
	return nil
}

// Flush returns when every change made before it was called has been reported: after
// Beat and Flush, Report has been told what Beat said. It fails if ctx ends first or the
// Monitor has ended.
func (m *Monitor) Flush(ctx context.Context) error {
	flushed := make(chan struct{})
	m.mu.Lock()
	over := m.outbox.closed
	if !over {
		m.outbox.put(letter{flushed: flushed})
	}
	m.mu.Unlock()
	if over {
		return fault.New(fault.Unavailable, "wait for reports: the monitor has ended")
	}
	select {
	case <-flushed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
