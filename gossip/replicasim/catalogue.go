package replicasim

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"covey/gossip/replica"
)

// log is what a node was told of one owner, as its catalogue would hold it.
type log struct {
	entries        map[string]string
	epoch, version uint64 // the furthest it was
}

// text is an entry's value, empty if it is deleted.
func text(e *replica.ChangedEntry) string {
	if e.Deleted {
		return ""
	}
	s, _ := e.Value.(string)
	return s
}

// note keeps what a catalogue and a disk would of a change.
func (n *Node) note(ch *replica.Change) {
	if ch.Dropped {
		delete(n.known, ch.Owner)
		n.forgetJournal(ch.Owner)
		return
	}
	if ch.Raw != nil {
		n.journal = append(n.journal, *ch)
	} else if ch.Reset {
		n.forgetJournal(ch.Owner)
	}
	k := n.known[ch.Owner]
	if k == nil {
		k = &log{entries: map[string]string{}}
		n.known[ch.Owner] = k
	}
	if ch.Reset {
		clear(k.entries)
	}
	for i := range ch.Entries {
		e := &ch.Entries[i]
		if e.Deleted {
			delete(k.entries, e.Key)
		} else {
			k.entries[e.Key] = text(e)
		}
	}
}

func (n *Node) forgetJournal(owner replica.ID) {
	n.journal = slices.DeleteFunc(n.journal, func(ch replica.Change) bool { return ch.Owner == owner })
}

// Catalogue is what a node's clients would be told of: the entries of all whom it holds
// to be alive, at their epochs and versions, in an order that is everyone's.
func (n *Node) Catalogue() []byte {
	owners := []*Node{n}
	for id := range n.known {
		if n.shows(id) {
			owners = append(owners, n.world.nodes[n.world.index[id]])
		}
	}
	var b bytes.Buffer
	for _, owner := range byID(owners) {
		if owner == n {
			owner.describe(&b, n.Epoch(), n.Version(), n.entries)
			continue
		}
		epoch, version, _ := n.Head(owner.ID)
		owner.describe(&b, epoch, version, n.known[owner.ID].entries)
	}
	return b.Bytes()
}

// shows reports whether a node's catalogue shows what it has of another.
func (n *Node) shows(id replica.ID) bool {
	m := n.roster.Membership(id)
	return m == replica.Alive || m == replica.Presumed
}

// catalogue is the one that all must have in the end.
func (w *World) catalogue() []byte {
	var b bytes.Buffer
	for _, n := range byID(w.nodes) {
		if !n.dead {
			n.describe(&b, n.Epoch(), n.Version(), n.entries)
		}
	}
	return b.Bytes()
}

// describe writes one owner's part of a catalogue; one that said nothing has none.
func (n *Node) describe(b *bytes.Buffer, epoch, version uint64, entries map[string]string) {
	if len(entries) == 0 {
		return
	}
	fmt.Fprintf(b, "node %d %d.%d\n", n.at, epoch, version)
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		fmt.Fprintf(b, "  %s = %s\n", key, entries[key])
	}
}

// byID returns nodes in the order of their ids.
func byID(nodes []*Node) []*Node {
	return slices.SortedFunc(slices.Values(nodes), func(a, b *Node) int { return bytes.Compare(a.ID[:], b.ID[:]) })
}
