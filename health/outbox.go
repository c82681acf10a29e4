package health

import (
	"sync"

	"covey/catalog"
)

// outbox holds the checks whose change is to be reported, each once: it is bounded by
// the number of checks however slow the reports are taken. Monitor.mu guards it.
type outbox struct {
	arrived sync.Cond
	letters []letter
	closed  bool

	// delivering is the check whose report is being delivered. If it is replaced
	// meanwhile, the outside may take the old report for the new check's; disturbed says
	// so, and that it must be told again how the check stands.
	delivering string
	disturbed  bool
}

// letter is a check to report, or a wish to know that all before it are reported.
type letter struct {
	check   *check
	flushed chan struct{}
}

func (o *outbox) put(l letter) {
	o.letters = append(o.letters, l)
	o.arrived.Signal()
}

func (o *outbox) close() {
	o.closed = true
	o.arrived.Signal()
}

// disturb says that the check's owner changes what it believes about it.
func (o *outbox) disturb(id string) {
	o.disturbed = o.disturbed || id == o.delivering
}

// take waits for the next letter and returns false when there will be none.
func (o *outbox) take() (letter, bool) {
	for len(o.letters) == 0 {
		if o.closed {
			return letter{}, false
		}
		o.arrived.Wait()
	}
	l := o.letters[0]
	o.letters[0] = letter{}
	if o.letters = o.letters[1:]; len(o.letters) == 0 {
		o.letters = nil // lest a burst hold its memory for ever
	}
	return l, true
}

// tell has c reported if it does not stand as the outside believes; m.mu is held.
func (m *Monitor) tell(c *check) {
	if !c.posted && c.state() != c.told {
		c.posted = true
		m.outbox.put(letter{check: c})
	}
}

// deliver hands out the reports, in order, until the outbox is closed and empty.
func (m *Monitor) deliver() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		l, ok := m.outbox.take()
		switch {
		case !ok:
			return
		case l.flushed != nil:
			close(l.flushed)
		default:
			m.hand(l.check)
		}
	}
}

// hand reports how c stands, without m.mu while the receiver has it.
func (m *Monitor) hand(c *check) {
	c.posted = false
	report := c.state()
	if c.gone || report == c.told {
		return
	}
	c.told = report
	m.outbox.delivering, m.outbox.disturbed = c.def.ID, false
	m.mu.Unlock()
	m.report(report)
	m.mu.Lock()
	if now := m.checks[c.def.ID]; m.outbox.disturbed && now != nil {
		now.told = Report{} // of no check: nobody knows which of the two came last
		m.tell(now)
	}
	m.outbox.delivering = ""
}

// tellLoad hands on what an answer said of the load; m.mu is held.
func (m *Monitor) tellLoad(c *check, r *catalog.Reading) {
	if r != nil || c.loaded {
		c.loaded = r != nil
		m.load(c.def.ID, r)
	}
}
