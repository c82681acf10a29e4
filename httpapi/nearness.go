package httpapi

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
)

// Coordinate is where a node stands by the round-trip times between agents (Vivaldi):
// the distance of two of them is the time from one to the other and back, in seconds.
type Coordinate struct {
	Vec        []float64
	Error      float64
	Adjustment float64
	Height     float64
}

// Coordinates are those that this agent knows, by lower-case node name. They are
// immutable; later ones bear a greater Serial.
type Coordinates struct {
	Serial uint64
	Nodes  map[string]NodeCoordinate
}

// NodeCoordinate is a node's coordinate under the name as it is spelled.
type NodeCoordinate struct {
	Node string
	Coordinate
}

// RoundTrip is the estimated time between two nodes and back (Dabek et al., "Vivaldi", 2004).
func (c *Coordinate) RoundTrip(to *Coordinate) time.Duration {
	sum := 0.0
	for i := range min(len(c.Vec), len(to.Vec)) {
		d := c.Vec[i] - to.Vec[i]
		sum += d * d
	}
	seconds := math.Sqrt(sum) + c.Height + to.Height
	if adjusted := seconds + c.Adjustment + to.Adjustment; adjusted > 0 {
		seconds = adjusted
	}
	return time.Duration(seconds * float64(time.Second))
}

// nearness orders lists by the round-trip time from one node. A nil one leaves them as
// they are: so it is when no order was asked for, or the node's coordinate is not known.
type nearness struct {
	from  string // lower case
	start Coordinate
	known Coordinates
}

// nearTo is the order by distance from a node; _agent is this one.
func (s *Server) nearTo(node string) *nearness {
	if node == "" {
		return nil
	}
	if node == "_agent" {
		node = s.cfg.NodeName
	}
	node = strings.ToLower(node)
	known := s.cfg.Agent.Coordinates()
	start, ok := known.Nodes[node]
	if !ok {
		return nil
	}
	return &nearness{node, start.Coordinate, known}
}

// distance is from the start; who is not known is farthest.
func (n *nearness) distance(node string) time.Duration {
	node = strings.ToLower(node)
	to, ok := n.known.Nodes[node]
	switch {
	case node == n.from:
		return 0
	case !ok:
		return math.MaxInt64
	}
	return n.start.RoundTrip(&to.Coordinate)
}

// sortNear sorts a list by the distance of what node says an element is on.
func sortNear[T any](n *nearness, list []T, node func(*T) string) {
	if n == nil {
		return
	}
	distances := map[string]time.Duration{}
	of := func(e *T) time.Duration {
		name := node(e)
		d, ok := distances[name]
		if !ok {
			d = n.distance(name)
			distances[name] = d
		}
		return d
	}
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(of(&a), of(&b)) })
}
