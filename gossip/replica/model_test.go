package replica

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
)

// eachSeed runs a property once a seed, as a subtest that bears it: every failure says
// from which seed it follows, and -run repeats that one. COVEY_TEST_SEEDS sets how many.
func eachSeed(t *testing.T, seeds int, property func(t *testing.T, seed uint64)) {
	if testing.Short() {
		seeds /= 6
	}
	if n, err := strconv.Atoi(os.Getenv("COVEY_TEST_SEEDS")); err == nil {
		seeds = n
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) { property(t, seed) })
	}
}

// history is the dumb model of one owner's log in one epoch: every change it made, by
// key and then by version.
type history map[string][]change

func (h history) add(c change) { h[c.key] = append(h[c.key], c) }

// holds says in what a state is not one that a replica may have at its version.
//
// What the owner changed up to that version must be in it exactly, unless the owner
// changed it again later: a sender that is further on leaves out what is superseded, so
// of such a key any earlier change may be there, or none. Deletions that may still have
// to be passed on, those above gc, must be there too.
func (h history) holds(s *state) error {
	for key, e := range s.byKey() {
		if !slices.Contains(h[key], e) {
			return fmt.Errorf("%q@%d = %q, deleted %v: the owner never said that", key, e.version, e.payload, e.deleted)
		}
	}
	for key, changes := range h {
		held, last := s.get(key), changes[len(changes)-1]
		switch {
		case last.version > s.version:
		case held == nil && last.deleted && last.version <= s.gc:
		case held == nil:
			return fmt.Errorf("%q is missing, last changed at %d", key, last.version)
		case held.version != last.version:
			return fmt.Errorf("%q is held as of %d, but changed at %d", key, held.version, last.version)
		}
	}
	return nil
}

// incarnation is an owner in one epoch.
type incarnation struct {
	owner ID
	epoch uint64
}

// record notes what a node changed in its own log since the last time.
func (w *network) record(n *node) {
	at := incarnation{n.id, n.own.epoch}
	if n.recorded.epoch != at.epoch {
		n.recorded = head{epoch: at.epoch}
		if w.said[at] != nil {
			w.t.Errorf("%v begins epoch %d a second time", n.id, at.epoch)
		}
		w.said[at] = history{}
	}
	for _, e := range changes(n.own.since(n.recorded.version)) {
		w.said[at].add(e)
	}
	n.recorded.version = n.own.version
}

// hold holds what a node has of an owner to what the owner said.
func (w *network) hold(n *node, owner ID) {
	s := n.stateOf(owner)
	if s == nil {
		return
	}
	if err := w.said[incarnation{owner, s.epoch}].holds(s); err != nil {
		w.t.Errorf("%v has of %v at %d.%d: %v", n.id, owner, s.epoch, s.version, err)
	}
}

// wellFormed says where a state's log contradicts its entries.
func (s *state) wellFormed() error {
	var last uint64
	for _, e := range s.log {
		if e.version <= last || e.version > s.version {
			return fmt.Errorf("the log has %d after %d, at version %d", e.version, last, s.version)
		}
		last = e.version
	}
	if n := len(changes(s.log)); n != s.len() || n != len(s.byKey()) {
		return fmt.Errorf("%d entries are in the log, %d in the index, which finds %d", n, s.len(), len(s.byKey()))
	}
	return nil
}

// sameEntries says where two states of one owner at one version differ. Tombstones count
// unless one of the two has collected them.
func sameEntries(a, b *state) error {
	all, others := a.byKey(), b.byKey()
	for _, s := range []*state{a, b} {
		if err := s.wellFormed(); err != nil {
			return err
		}
		for key, e := range s.byKey() {
			if e.deleted && e.version <= max(a.gc, b.gc) {
				continue
			}
			if x, y := all[key], others[key]; x != y {
				return fmt.Errorf("of %q %+v and %+v", key, x, y)
			}
		}
	}
	return nil
}

// identical says where a replica of an owner that is up is not the owner's own log,
// byte for byte, or where a digest is not that of what is held.
func (w *network) identical() error {
	for _, at := range w.order {
		n := w.nodes[at]
		if !n.up {
			continue
		}
		var root uint64
		for _, of := range w.order {
			owner := w.nodes[of]
			if !owner.up {
				continue
			}
			s := n.stateOf(of)
			if s == nil {
				return fmt.Errorf("%v knows nothing of %v", at, of)
			}
			if s.epoch != owner.own.epoch || s.version != owner.own.version {
				return fmt.Errorf("%v has %v at %d.%d, it is at %d.%d", at, of, s.epoch, s.version, owner.own.epoch, owner.own.version)
			}
			if err := sameEntries(s, owner.own); err != nil {
				return fmt.Errorf("%v has of %v: %w", at, of, err)
			}
			root ^= headHash(of, s)
		}
		if root != n.digest.root {
			return fmt.Errorf("%v: the digest is not of what it holds", at)
		}
	}
	return nil
}

// atRest says who still has something to send, to ask for or to complete.
func (w *network) atRest() error {
	for _, id := range w.order {
		n := w.nodes[id]
		if !n.up {
			continue
		}
		if len(n.pushes.byPeer) > 0 || len(n.pulls.byPeer) > 0 || len(n.pulls.wanted) > 0 {
			return fmt.Errorf("%v is not at rest: %d pushes, %d pulls, %d wants", id, len(n.pushes.byPeer), len(n.pulls.byPeer), len(n.pulls.wanted))
		}
		for _, owner := range n.ownerIDs() {
			if s := n.owners[owner].staged; s != nil {
				return fmt.Errorf("%v still gathers %v: %d.%d of %d", id, owner, s.epoch, s.version, s.goal)
			}
		}
	}
	return nil
}
