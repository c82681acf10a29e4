package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"covey/catalog"
	"covey/gossip/replica"
	"covey/health"
	"covey/internal/fault"
	"covey/internal/journal"
)

// committer owns the registry. Requests that arrive while one sync is under way are
// written together with the next: group commit. A request is answered when what it
// changed is on disk and in this agent's catalogue.
type committer struct {
	log      *slog.Logger
	journal  *journal.Log // nil if nothing is kept
	registry *registry
	health   *health.Monitor
	local    *local
	publish  func(...replica.Put)
	pack     func(*catalog.Instance) *catalog.Packed    // as the catalogue keeps it
	node     func(checks []catalog.Check) *catalog.Node // the node's record
	index    func() uint64                              // of the catalogue
	outdated func() []string                            // keys of externals that no longer count

	start     startRecord
	compacted int64               // size of the journal after it was last written anew
	unshown   map[string]struct{} // services, "" for the node, with outputs held back
	unsaved   bool                // something holds that is not in the journal
	failing   bool                // the last write failed
	housekept time.Time           // when critical services were last looked at
	full      atomic.Bool         // the same, for others to see

	requests chan *request
	life     atomic.Int32
	once     sync.Once // closes stopping
	stopping chan struct{}
	done     chan struct{}
}

// request is one change, or several that stand or fall together.
type request struct {
	do      func(*batch) error
	promise bool // success means that it is on disk
	wrote   bool // it has something to be written
	err     error
	done    chan struct{}
}

const (
	maxRequests   = 512     // in one batch
	minCompact    = 4 << 20 // bytes; a smaller journal is let grow
	compactFactor = 4       // times its size when it was last written anew

	housekeepingEvery = 5 * time.Second
)

func newCommitter() *committer {
	return &committer{
		requests: make(chan *request, maxRequests),
		stopping: make(chan struct{}),
		done:     make(chan struct{}),
		registry: newRegistry(),
		local:    newLocal(),
		unshown:  map[string]struct{}{},
	}
}

// change carries out do and waits until it is durable and visible, or failed and
// without effect. The end of ctx does not take back what was asked for.
func (c *committer) change(ctx context.Context, do func(*batch) error) error {
	return c.ask(ctx, &request{do: do, promise: true, done: make(chan struct{})})
}

// find does the same for what a check found: it is visible when find returns, and on
// disk sooner or later.
func (c *committer) find(ctx context.Context, do func(*batch) error) error {
	return c.ask(ctx, &request{do: do, done: make(chan struct{})})
}

func (c *committer) ask(ctx context.Context, r *request) error {
	select {
	case c.requests <- r:
	case <-c.stopping:
		return errStopping
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-r.done:
		return r.err
	case <-c.done:
		select {
		case <-r.done:
			return r.err
		default:
			return errStopping
		}
	}
}

var errStopping = fault.New(fault.Unavailable, "this agent is stopping")

// run commits until stop, and then what is waiting.
func (c *committer) run() error {
	if !c.life.CompareAndSwap(unstarted, running) {
		return nil // ended before it began
	}
	defer close(c.done)
	housekeeping := time.NewTicker(housekeepingEvery)
	defer housekeeping.Stop()
	for {
		select {
		case r := <-c.requests:
			c.commit(c.gather(r))
		case now := <-housekeeping.C:
			c.reap(now)
			c.tidyExternals(now)
			c.showQuiet(now)
			c.keepIndex()
			c.compact()
		case <-c.stopping:
			for {
				select {
				case r := <-c.requests:
					c.commit(c.gather(r))
				default:
					return nil
				}
			}
		}
	}
}

func (c *committer) stop() { c.once.Do(func() { close(c.stopping) }) }

// end stops the committer and waits until it touches the journal no more.
func (c *committer) end() {
	c.stop()
	if c.life.CompareAndSwap(unstarted, ended) {
		close(c.done)
	}
	<-c.done
}

// The lives of a committer.
const (
	unstarted int32 = iota
	running
	ended // without having run
)

// gather takes the requests that wait besides the first. While it finds some it lets those
// run who are about to ask: what a batch costs by itself is shared by all in it.
func (c *committer) gather(first *request) []*request {
	list := []*request{first}
	for found := 0; len(list) < maxRequests; {
		select {
		case r := <-c.requests:
			list = append(list, r)
			continue
		default:
		}
		if len(list) == found {
			break
		}
		found = len(list)
		runtime.Gosched()
	}
	return list
}

// commit carries out requests as one batch: all that are valid reach the disk with
// one sync. If they cannot, promises are not given, but what checks found holds all
// the same: a full disk must not keep a dead instance in the answers.
func (c *committer) commit(list []*request) {
	b := c.carryOut(list)
	err := c.keep(b)
	if err != nil {
		b.back(mark{})
		var findings []*request
		for _, r := range list {
			switch {
			case !r.promise || !r.wrote:
				findings = append(findings, r)
			case r.err == nil:
				r.err = fmt.Errorf("nothing was changed: %w", err)
			}
		}
		b = c.carryOut(findings)
		c.unsaved = c.unsaved || len(b.records) > 0
	}
	c.tellDisk(err)
	c.show(b)
	for _, r := range list {
		close(r.done)
	}
}

// carryOut makes the changes that requests ask for, each whole or not at all.
func (c *committer) carryOut(list []*request) *batch {
	b := newBatch(c.registry, time.Now())
	for _, r := range list {
		m := b.mark()
		if r.err = r.do(b); r.err != nil {
			b.back(m)
		}
		r.wrote = len(b.records) > m.records
	}
	return b
}

// tellDisk logs when writing begins to fail, and when it works again.
func (c *committer) tellDisk(err error) {
	switch {
	case err != nil && !c.failing:
		c.log.Error("nothing can be registered or deregistered; answers go on", "error", err)
	case err == nil && c.failing:
		c.log.Info("registrations can be kept again")
	}
	c.failing = err != nil
	c.full.Store(c.failing)
}

// keep writes the batch. A journal that lost touch with its disk is written anew,
// which includes what the batch did.
func (c *committer) keep(b *batch) error {
	if c.journal == nil || len(b.records) == 0 {
		return nil
	}
	err := c.journal.Append(b.durable, b.records...)
	if errors.Is(err, journal.ErrSuspect) && c.rewrite() == nil {
		c.log.Warn("the journal was written anew after a failed sync", "failure", err)
		return nil
	}
	return err
}

// show publishes what the batch touched: to readers of the local state, to the
// catalogue and the others, and to health.
func (c *committer) show(b *batch) {
	changed := map[string]localService{}
	for id := range b.quiet {
		changed[id] = c.registry.local(id)
		c.unshown[id] = struct{}{}
	}
	puts := make([]replica.Put, 0, len(b.touched))
	for id := range b.touched {
		l := c.registry.local(id)
		changed[id] = l
		delete(c.unshown, id)
		switch {
		case id == "":
			n := c.node(states(c.registry.checksOf("")))
			puts = append(puts, replica.Put{Key: n.Key(), Payload: catalog.Encode(n), Value: n})
			c.local.setNode(n)
		case l.service == nil:
			puts = append(puts, replica.Put{Key: catalog.InstanceKeyPrefix + id})
		default:
			i := l.instance(l.checks)
			puts = append(puts, replica.Put{Key: i.Key(), Payload: catalog.Encode(i), Value: c.pack(i)})
		}
	}
	for key := range b.external {
		put := replica.Put{Key: key}
		if x := c.registry.externals[key]; x != nil {
			put.Payload, put.Value = catalog.Encode(x), x
		}
		puts = append(puts, put)
	}
	c.local.set(changed)
	if len(puts) > 0 {
		c.publish(puts...)
	}
	for _, tell := range b.monitor {
		tell(c.health)
	}
}

// showAll publishes everything, at the start.
func (c *committer) showAll() {
	b := newBatch(c.registry, time.Now())
	b.touched[""] = struct{}{}
	for id := range c.registry.services {
		b.touched[id] = struct{}{}
	}
	for key := range c.registry.externals {
		b.external[key] = struct{}{}
	}
	for _, k := range c.registry.checks {
		b.watch(k)
	}
	c.show(b)
}

// showQuiet publishes outputs that were held back for long enough.
func (c *committer) showQuiet(now time.Time) {
	b := newBatch(c.registry, now)
	for id := range c.unshown {
		for _, k := range c.registry.checksOf(id) {
			if now.Sub(k.shown) >= outputQuiet {
				b.touched[id] = struct{}{}
			}
		}
	}
	for id := range b.touched {
		for _, k := range c.registry.checksOf(id) {
			next := *k
			next.shown = now
			c.registry.put(k.state.ID, &next)
		}
	}
	c.show(b)
}

// reap deregisters services that have been critical for longer than a check allows.
func (c *committer) reap(now time.Time) {
	c.discountStall(now)
	doomed := map[string]bool{}
	for _, k := range c.registry.checks {
		after := k.definition.DeregisterCriticalServiceAfter
		if after == 0 || k.serviceID == "" || k.state.Status != catalog.Critical || now.Sub(k.changed) < after || doomed[k.serviceID] {
			continue
		}
		doomed[k.serviceID] = true
		c.log.Warn("deregistering a service: its check has been critical for too long", "service", k.serviceID, "check", k.state.ID, "since", k.changed)
	}
	var list []*request
	for id := range doomed {
		list = append(list, &request{do: func(b *batch) error { return b.deregisterService(id) }, promise: true, done: make(chan struct{})})
	}
	if len(list) > 0 {
		c.commit(list)
	}
}

// discountStall sees to it that the time in which this process stood still does not count
// as time that a service was critical: nobody looked whether it was.
func (c *committer) discountStall(now time.Time) {
	still := now.Sub(c.housekept) - housekeepingEvery
	first := c.housekept.IsZero()
	c.housekept = now
	if first || still < housekeepingEvery {
		return
	}
	var critical []*check
	for _, k := range c.registry.checks {
		if k.definition.DeregisterCriticalServiceAfter > 0 && k.state.Status == catalog.Critical {
			critical = append(critical, k)
		}
	}
	for _, k := range critical {
		next := *k
		if next.changed = k.changed.Add(still); next.changed.After(now) {
			next.changed = now
		}
		c.registry.put(k.state.ID, &next)
	}
}

// keepIndex notes how far the catalogue's index has come, so that a restart whose
// clock was set back goes on above it.
func (c *committer) keepIndex() {
	if index := c.index(); c.journal != nil && index > c.start.Index {
		c.start.Index = index
		_ = c.journal.Append(false, record{Start: &c.start}.encode()) // the next one will do
	}
}

// compact writes the journal anew when most of it is history.
func (c *committer) compact() {
	if c.journal == nil || !c.unsaved && c.journal.Size() < max(minCompact, compactFactor*c.compacted) {
		return
	}
	if err := c.rewrite(); err != nil && !c.failing {
		c.log.Warn("the journal could not be written anew; it will be tried again", "error", err)
	}
}

func (c *committer) rewrite() error {
	err := c.journal.Compact(func(emit func([]byte) error) error { return c.registry.snapshot(c.start, emit) })
	if err == nil {
		c.compacted, c.unsaved = c.journal.Size(), false
	}
	return err
}
