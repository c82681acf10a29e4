package gossip

import "github.com/hashicorp/serf/coordinate"

// Coordinates returns where nodes stand by the round-trip times between them, by name:
// this agent, and those that it has probed since it started, which in a cluster of n
// takes n probes.
func (g *Gossip) Coordinates() map[string]*coordinate.Coordinate {
	known := map[string]*coordinate.Coordinate{}
	if own, err := g.serf.GetCoordinate(); err == nil {
		known[g.cfg.Name] = own
	}
	for _, m := range g.serf.Members() {
		if c, ok := g.serf.GetCachedCoordinate(m.Name); ok && m.Name != g.cfg.Name {
			known[m.Name] = c
		}
	}
	return known
}
