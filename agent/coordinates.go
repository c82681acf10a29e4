package agent

import (
	"strings"
	"sync"
	"time"

	"covey/httpapi"
)

// coordinatesFor is how long coordinates that were read are used: they drift slowly, and
// lists that are ordered by them are rendered anew for each reading.
const coordinatesFor = 10 * time.Second

// coordinates are what was last read of them.
type coordinates struct {
	mu    sync.Mutex // guards what follows
	read  time.Time
	known httpapi.Coordinates
}

// Coordinates returns where nodes stand by the round-trip times between them.
func (a *Agent) Coordinates() httpapi.Coordinates {
	c := &a.coordinates
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.known.Serial > 0 && now.Sub(c.read) < coordinatesFor {
		return c.known
	}
	nodes := map[string]httpapi.NodeCoordinate{}
	for name, at := range a.gossip.Coordinates() {
		nodes[strings.ToLower(name)] = httpapi.NodeCoordinate{Node: name, Coordinate: httpapi.Coordinate{
			Vec: at.Vec, Error: at.Error, Adjustment: at.Adjustment, Height: at.Height,
		}}
	}
	c.read, c.known = now, httpapi.Coordinates{Serial: c.known.Serial + 1, Nodes: nodes}
	return c.known
}

// roundTrip is how long a packet from here to a node and back takes, as coordinates have it; 0
// if that is not known. It asks nobody.
func (a *Agent) roundTrip(node string) time.Duration {
	nodes := a.Coordinates().Nodes
	here, placed := nodes[strings.ToLower(a.cfg.NodeName)]
	there, known := nodes[strings.ToLower(node)]
	if !placed || !known {
		return 0
	}
	return max(here.RoundTrip(&there.Coordinate), 1)
}
