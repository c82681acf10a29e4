package dnsserver

import (
	"net/netip"
	"strings"
	"sync/atomic"

	"covey/catalog"
)

// nodesAt knows of the nodes what a view has no key for. It is safe to use at once.
type nodesAt struct {
	last atomic.Pointer[nodeIndex]
}

// nodeIndex is what was true at one index of the catalogue's nodes.
type nodeIndex struct {
	index uint64

	// above is the names above those of dotted nodes, in lower case: for a node
	// "db.north", that is "north", which owns nothing but exists.
	above map[string]struct{}

	// at is the names of nodes by address.
	at map[netip.Addr][]string

	cutOff bool // see cutOff
}

// of is the index of a view's nodes. It is made anew when the nodes have changed, at the
// first question that needs it.
func (n *nodesAt) of(v *catalog.View, self string) *nodeIndex {
	x := n.last.Load()
	if x != nil && x.index == v.NodesIndex() {
		return x
	}
	x = &nodeIndex{index: v.NodesIndex(), above: map[string]struct{}{}, at: map[netip.Addr][]string{}, cutOff: cutOff(v, self)}
	for h := range v.Hosts() {
		if h.Liveness == catalog.Unknown {
			continue
		}
		x.add(strings.ToLower(h.Name))
		for _, ip := range nodeIPs(h) {
			x.at[ip] = append(x.at[ip], h.Name)
		}
	}
	n.last.Store(x)
	return x
}

// isAbove reports whether name lies above that of a node.
func (x *nodeIndex) isAbove(name string) bool {
	_, ok := x.above[strings.ToLower(name)]
	return ok
}

func (x *nodeIndex) add(name string) {
	for {
		_, rest, dotted := strings.Cut(name, ".")
		if !dotted || rest == "" {
			return
		}
		x.above[rest] = struct{}{}
		name = rest
	}
}
