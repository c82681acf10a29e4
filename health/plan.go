package health

import (
	"context"
	"time"

	"covey/internal/fault"
)

// Plan is when a check is carried out. A zero time is never.
type Plan struct {
	Ran  time.Time     // when the last run ended
	Took time.Duration // how long it took
	Next time.Time     // when the next one is due; of a TTL check, when it expires
}

// Plans returns the plan of each check, by ID.
func (m *Monitor) Plans() map[string]Plan {
	m.mu.Lock()
	defer m.mu.Unlock()
	plans := make(map[string]Plan, len(m.checks))
	for id, c := range m.checks {
		p := Plan{Ran: c.ran, Took: c.took}
		if c.slot.at != nowhere && m.phase == up {
			p.Next = c.slot.due
		}
		plans[id] = p
	}
	return plans
}

// RunNow carries out the check out of its turn, and returns when that has ended and what
// it changed is reported. It fails if ctx ends first, the check is removed or replaced
// meanwhile, or the Monitor has ended. The error is of kind NotFound for an unknown check,
// Invalid for a TTL check, which nobody but its service can carry out.
func (m *Monitor) RunNow(ctx context.Context, checkID string) error {
	m.mu.Lock()
	c := m.checks[checkID]
	switch {
	case m.phase != up:
		m.mu.Unlock()
		return fault.New(fault.Unavailable, "run check %q: this agent is not running, or stopping", checkID)
	case c == nil:
		m.mu.Unlock()
		return fault.New(fault.NotFound, "run check %q: there is no such check on this agent", checkID)
	case c.probe == nil:
		m.mu.Unlock()
		return fault.New(fault.Invalid, "run check %q: it is a TTL check, whose service says how it is; the agent has nothing to run", checkID)
	}
	ended := make(chan struct{})
	c.asked = append(c.asked, ended)
	m.mu.Unlock()
	m.hasten(c)
	select {
	case <-ended:
	case <-m.done:
		return fault.New(fault.Unavailable, "run check %q: the agent is stopping", checkID)
	case <-ctx.Done():
		return ctx.Err()
	}
	m.mu.Lock()
	gone := c.gone
	m.mu.Unlock()
	if gone {
		return fault.New(fault.NotFound, "run check %q: it was removed or replaced meanwhile", checkID)
	}
	return m.Flush(ctx)
}

// answer tells those who asked for a run that it has ended, or will never be.
func (c *check) answer(asked []chan struct{}) {
	for _, ended := range asked {
		close(ended)
	}
}
