package health

import (
	"context"
	"time"
)

// startWorkers starts a goroutine for each check that is ready and may run; m.mu is
// held. There are no idle workers: between runs nothing is kept but the check.
func (m *Monitor) startWorkers() {
	for m.phase == up {
		c := m.lanes.take()
		if c == nil {
			return
		}
		m.workers.Add(1)
		go m.work(c)
	}
}

// work carries out c and then what else is ready.
func (m *Monitor) work(c *check) {
	defer m.workers.Done()
	for c != nil {
		c = m.carryOut(c)
	}
}

// carryOut runs c once and returns what to run next, nil if nothing may.
func (m *Monitor) carryOut(c *check) *check {
	timeout := timeoutOf(*c.def)
	ctx, cancel := context.WithTimeout(m.running, timeout)
	defer cancel()
	m.mu.Lock()
	c.cancel = cancel
	gone := c.gone
	asked := c.asked
	c.asked = nil
	began := time.Now()
	if !gone {
		m.stats.Runs++
		m.stats.Lateness.add(began.Sub(c.ready))
	}
	m.mu.Unlock()

	var v verdict
	if !gone {
		v = c.probe.ask(ctx)
	}
	now := time.Now()
	// Nothing but a process that stood still takes so much longer than it may.
	stalled := now.Sub(began) > timeout+stallAfter

	m.mu.Lock()
	defer m.mu.Unlock()
	defer c.answer(asked) // when the report is posted
	c.ran, c.took = now, now.Sub(began)
	m.lanes.done(c)
	c.busy, c.cancel = false, nil
	switch {
	case c.gone, m.phase != up, m.running.Err() != nil:
	case v.spoilt != nil:
		m.stats.Spoilt++
		m.warn(c, v.spoilt)
	case !stalled:
		c.slow = v.timedOut
		if v.timedOut {
			m.stats.TimedOut++
		}
		c.judge(v)
		m.tell(c)
		if v.answered {
			m.tellLoad(c, v.load)
		}
	}
	if m.phase != up {
		return nil
	}
	if c.again && !c.gone {
		c.again, c.busy, c.ready = false, true, time.Now()
		m.lanes.pushFirst(c)
	}
	return m.lanes.take()
}

// warn logs that a run said nothing, once a minute at most.
func (m *Monitor) warn(c *check, err error) {
	const every = time.Minute
	if now := time.Now(); m.warned.IsZero() || now.Sub(m.warned) >= every {
		m.warned = now
		m.logger.Warn("checks cannot be carried out and keep their status: this agent lacks what it needs; raise its limit of open files, or of processes",
			"check", c.def.ID, "error", err)
	}
}
