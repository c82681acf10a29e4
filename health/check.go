package health

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// check is one check as it stands. Monitor.mu guards all that changes. A replaced check
// is another one: that is how a run that ends late finds out that nobody asks any more.
type check struct {
	def   *definition.Check // its owner's too: never changed
	probe probe             // nil for TTL

	status    catalog.Status // thresholds applied
	output    string
	wish      bool // critical by the service's own wish
	successes int  // runs in a row
	failures  int

	told   Report // what the outside believes
	posted bool   // is in the outbox

	slot   slot
	ready  time.Time // when it came to the lanes
	busy   bool      // in a lane or under way
	slow   bool      // its last run timed out
	again  bool      // is to run once more when it is no longer busy
	cancel context.CancelFunc
	gone   bool // removed or replaced
	loaded bool // said what the load is, in its last answer

	ran   time.Time       // when the last run ended
	took  time.Duration   // how long it took
	asked []chan struct{} // to be closed when a run has ended that is still to begin
}

const defaultInterval = 10 * time.Second

func newCheck(def *definition.Check, p probe) *check {
	c := &check{def: def, probe: p, slot: slot{period: cmp.Or(max(def.Interval, 0), defaultInterval), at: nowhere}}
	if p == nil {
		c.slot.period, c.slot.once = def.TTL, true
	}
	return c
}

// begin makes c stand as its owner says, who so needs no report of it.
func (c *check) begin(status catalog.Status, output string) {
	c.status, c.output, c.wish = status, Clean(output, c.def.OutputMaxSize), false
	c.told = c.state()
}

// close ends what c's probe watches.
func (c *check) close() {
	if w, ok := c.probe.(watcher); ok {
		w.close()
	}
}

func (c *check) state() Report { return Report{c.def.ID, c.status, c.output, c.wish} }

// judge applies a verdict as Consul does: too few successes or failures in a row change
// nothing, and a warning is a success. What the service decided needs no second run.
func (c *check) judge(v verdict) {
	v.output = Clean(v.output, c.def.OutputMaxSize)
	if v.status != catalog.Critical {
		c.successes++
		c.failures = 0
		if c.successes < c.def.SuccessBeforePassing && !v.decided {
			return
		}
		c.status, c.output, c.wish = v.status, v.output, false
		return
	}
	c.failures++
	c.successes = 0
	critical := c.def.FailuresBeforeCritical
	switch {
	case c.failures >= critical, v.decided:
		c.status, c.output, c.wish = catalog.Critical, v.output, v.wish
	case c.failures >= cmp.Or(c.def.FailuresBeforeWarning, critical):
		c.status, c.output, c.wish = catalog.Warning, v.output, false
	}
}

// expire is what a TTL check comes to that was not updated in time. The words before
// the colon are Consul's; scripts look for them.
func (c *check) expire() {
	text := fmt.Sprintf("TTL expired: no update for %v", c.def.TTL)
	if c.output != "" && c.status != catalog.Critical {
		text += "; the last one said: " + c.output
	}
	c.status, c.output = catalog.Critical, Clean(text, c.def.OutputMaxSize)
}
