package dnsserver

import (
	"strings"
	"sync/atomic"

	"covey/catalog"
)

// above knows which names lie above those of dotted nodes: for a node "db.north",
// that is "north", whose name owns nothing but exists. It is safe to use at once.
type above struct {
	last atomic.Pointer[nonTerminals]
}

// nonTerminals is what was true at one index of the catalogue's nodes.
type nonTerminals struct {
	index uint64
	names map[string]struct{} // lower case
}

// node reports whether name lies above that of a node in the view. The set is made
// anew when the nodes have changed, at the first question about one that is not there.
func (a *above) node(v *catalog.View, name string) bool {
	set := a.last.Load()
	if set == nil || set.index != v.NodesIndex() {
		set = &nonTerminals{index: v.NodesIndex(), names: map[string]struct{}{}}
		for h := range v.Hosts() {
			if h.Liveness != catalog.Unknown {
				set.add(strings.ToLower(h.Name))
			}
		}
		a.last.Store(set)
	}
	_, ok := set.names[strings.ToLower(name)]
	return ok
}

func (n *nonTerminals) add(name string) {
	for {
		_, rest, dotted := strings.Cut(name, ".")
		if !dotted || rest == "" {
			return
		}
		n.names[rest] = struct{}{}
		name = rest
	}
}
