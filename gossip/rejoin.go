package gossip

import (
	"math/rand/v2"
	"time"

	"covey/gossip/replica"
)

// Nodes that stop and start together lose one another: serf tries each member that it
// remembers once, and what it remembers lags behind a crash. So whoever is known from
// before and not met again is tried until it is, or until somebody says that it left.
const (
	firstRejoin  = time.Second
	maxRejoin    = 30 * time.Second
	rejoinAtOnce = 3 // nodes tried in one round
)

// rejoin tries the missing until the agent stops.
func (g *Gossip) rejoin() {
	wait := firstRejoin
	for {
		select {
		case <-time.After(wait + rand.N(wait/2)):
		case <-g.leaving:
			return
		case <-g.stop:
			return
		}
		wait = min(2*wait, maxRejoin)
		for _, addr := range g.missing() {
			if n, err := g.join([]string{addr}); err == nil && n > 0 {
				wait = firstRejoin // where one is, there are others
			}
		}
	}
}

// missing returns the addresses of some nodes that were known and are not met again.
// Those of which serf knows that they failed are serf's to try.
func (g *Gossip) missing() []string {
	met := map[string]bool{}
	for _, m := range g.serf.Members() {
		met[m.Name] = true
	}
	var addrs []string
	g.do(func() {
		for name, b := range g.dir.names {
			if b.state != replica.Alive && !met[name] && b.addr.IsValid() {
				addrs = append(addrs, b.addr.String())
			}
		}
	})
	rand.Shuffle(len(addrs), func(i, j int) { addrs[i], addrs[j] = addrs[j], addrs[i] })
	return addrs[:min(len(addrs), rejoinAtOnce)]
}

// join is serf's, one at a time: callers that meet in it would wait for its lock, and
// could not be called off.
func (g *Gossip) join(addrs []string) (int, error) {
	select {
	case g.joining <- struct{}{}:
	case <-g.stop:
		return 0, errStopped
	}
	defer func() { <-g.joining }()
	return g.serf.Join(addrs, true)
}
