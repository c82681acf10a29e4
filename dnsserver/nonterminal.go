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
}

// of is the index of a view's nodes. It is made anew when the nodes have changed, at the
// first question that needs it.
func (n *nodesAt) of(v *catalog.View) *nodeIndex {
	x := n.last.Load()
	if x != nil && x.index == v.NodesIndex() {
		return x
	}
	x = &nodeIndex{index: v.NodesIndex(), above: map[string]struct{}{}, at: map[netip.Addr][]string{}}
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

// above reports whether name lies above that of a node in the view.
func (n *nodesAt) above(v *catalog.View, name string) bool {
	_, ok := n.of(v).above[strings.ToLower(name)]
	return ok
}

// names is the nodes of the view that have the address, failed ones too.
func (n *nodesAt) names(v *catalog.View, ip netip.Addr) []string { return n.of(v).at[ip] }

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
