package gossip

import "time"

// RoundTrip is how long a packet to a node and back takes, as network coordinates have it
// (Dabek et al., "Vivaldi", 2004); 0 if that is not known. It asks nobody.
func (g *Gossip) RoundTrip(node string) time.Duration {
	there, ok := g.serf.GetCachedCoordinate(node)
	if !ok {
		return 0
	}
	here, err := g.serf.GetCoordinate()
	if err != nil {
		return 0
	}
	return max(here.DistanceTo(there), 1)
}
