package gossip

import "time"

// pace lets a busy agent gather before it works on: what arrives, and what is to be
// passed on, waits a few times as long as the last round of work took, and then makes
// one round, one view of the catalogue and one frame to a peer. An agent that has
// nothing else to do begins at once, so a single change is not delayed; in a burst the
// share of the host that replication takes is bounded, and the busier the host, the
// more is gathered.
//
// It begins resting, until wake.
type pace struct {
	until   time.Time // before which a round waits for others
	resting bool      // something waits, and timer runs until then
	timer   *time.Timer
}

const (
	// restFactor is how many times as long as it worked an agent gathers. With 3 it
	// spends about a quarter of a core on a burst.
	restFactor = 3
	// maxRest bounds what gathering adds to the latency at each of the few hops.
	maxRest = 20 * time.Millisecond
	// minRest is the shortest that timers of an idle process are good for.
	minRest = time.Millisecond
)

func newPace() pace {
	p := pace{timer: time.NewTimer(0), resting: true}
	<-p.timer.C
	return p
}

// due reports whether a round of work that was begun now is to be carried out at once.
// If not, the timer says when.
func (p *pace) due(now time.Time) bool {
	if p.resting {
		return false
	}
	if left := p.until.Sub(now); left >= minRest {
		p.resting = true
		p.timer.Reset(left)
		return false
	}
	return true
}

// wake ends a rest, when the timer says so.
func (p *pace) wake() { p.resting, p.until = false, time.Time{} }

// worked notes that a round took from began to now.
func (p *pace) worked(began, now time.Time) {
	p.until = now.Add(min(restFactor*now.Sub(began), maxRest))
}
