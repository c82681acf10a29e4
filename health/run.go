package health

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Run carries out the checks until ctx ends or Close is called, and returns nil when all
// runs have ended and what they changed is reported. It may be called once.
func (m *Monitor) Run(ctx context.Context) error {
	m.mu.Lock()
	if m.phase != idle {
		defer m.mu.Unlock()
		if m.cancel == nil { // closed before it began
			return nil
		}
		return errors.New("health: Run was called twice")
	}
	m.phase = up
	m.running, m.cancel = context.WithCancel(ctx)
	m.schedule.begin(time.Now())
	ctx = m.running
	m.mu.Unlock()
	defer close(m.done)
	defer m.cancel()

	var reporter sync.WaitGroup
	reporter.Go(m.deliver)
	m.keepTime(ctx)

	m.mu.Lock()
	m.phase = down
	m.mu.Unlock()
	m.workers.Wait()
	m.mu.Lock()
	for _, c := range m.checks {
		c.close()
	}
	m.outbox.close()
	m.mu.Unlock()
	m.watchers.Wait()
	reporter.Wait()
	return nil
}

// Close ends Run and waits until it has; no report comes after it. A second Close waits
// as well.
func (m *Monitor) Close() error {
	m.mu.Lock()
	cancel := m.cancel
	m.phase = down
	if cancel == nil {
		m.outbox.close()
	}
	m.mu.Unlock()
	if cancel != nil {
		cancel()
		<-m.done
	}
	return nil
}

// keepTime starts what is due, when it is due, until ctx ends.
func (m *Monitor) keepTime(ctx context.Context) {
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-alarm.C:
		case <-m.wake:
		}
		if wait, any := m.turn(time.Now()); any {
			alarm.Reset(wait)
		} else {
			alarm.Stop()
		}
	}
}

// turn does what is due at now and returns how long nothing else is, unless nothing
// is planned at all.
func (m *Monitor) turn(now time.Time) (wait time.Duration, any bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.phase != up {
		return 0, false
	}
	for _, c := range m.schedule.advance(now) {
		switch {
		case c.probe == nil:
			c.expire()
			m.tell(c)
		case c.busy:
			m.stats.PassedOver++
		default:
			c.busy, c.ready = true, now
			m.lanes.push(c)
		}
	}
	m.startWorkers()
	return m.schedule.wait(now)
}

// hasten runs c at once, before all that is due: something happened to what it watches.
func (m *Monitor) hasten(c *check) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case c.gone || m.phase != up:
	case c.busy:
		c.again = true // the run may have looked before it happened
	default:
		c.busy, c.ready = true, time.Now()
		m.lanes.pushFirst(c)
		m.startWorkers()
	}
}

// nudge wakes keepTime if it would sleep beyond c's time.
func (m *Monitor) nudge(c *check) {
	if !m.schedule.sleepsBeyond(c) {
		return
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
