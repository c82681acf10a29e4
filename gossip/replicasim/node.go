package replicasim

import (
	"fmt"
	"slices"
	"time"

	"covey/gossip/replica"
)

// Node is one core, with what its agent would keep beside it.
type Node struct {
	*replica.Core
	ID      replica.ID
	at      int32 // its place among the nodes
	world   *World
	view    *view // nil of a stranger
	dead    bool
	stalled time.Duration // until then
	skew    time.Duration // of its clock
	ticking bool          // a tick is due
	pending bool          // a flush is due

	leaving bool
	epoch   uint64              // the last it had, as its disk would say
	entries map[string]string   // of its own: what it wants to be known
	known   map[replica.ID]*log // what it was told of the others, as a catalogue would hold it
	journal []replica.Change    // what it could restore, since it started
	saved   [][]byte            // an old copy of its disk
}

// log is what a node was told of one owner.
type log struct {
	entries        map[string]string
	epoch, version uint64
}

// clock is the time as its core sees it.
func (n *Node) clock() time.Time { return n.world.begin.Add(n.world.now + n.skew) }

// Hide has the node not know of another, without its core being told: a newcomer of
// which it has not heard yet.
func (n *Node) Hide(other int) { n.view.Set(n.world.nodes[other].ID, replica.Unknown) }

// boot gives a node a core that knows nothing.
func (w *World) boot(n *Node, epoch uint64) error {
	core := w.cfg.Core
	core.Self, core.Epoch = n.ID, epoch
	if !w.cfg.Strangers {
		n.view = &view{world: w}
		core.Roster = n.view
	} else {
		core.Validate = func(_ replica.ID, _ string, payload []byte) (any, error) { return string(payload), nil }
	}
	var err error
	if n.Core, err = replica.New(core, n.clock()); err != nil {
		return fmt.Errorf("starting a simulated node: %w", err)
	}
	n.dead, n.leaving, n.epoch, n.journal = false, false, epoch, nil
	n.known = map[replica.ID]*log{}
	if !n.ticking {
		n.ticking = true
		w.push(time.Duration(w.rng.Int64N(int64(time.Second))), n.at, tickEvent, nil)
	}
	return nil
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
	for _, e := range ch.Entries {
		if e.Deleted {
			delete(k.entries, e.Key)
		} else {
			k.entries[e.Key], _ = e.Value.(string)
		}
	}
}

func (n *Node) forgetJournal(owner replica.ID) {
	n.journal = slices.DeleteFunc(n.journal, func(ch replica.Change) bool { return ch.Owner == owner })
}

// snapshot is what its disk would hold if it were written anew.
func (n *Node) snapshot() (raws [][]byte) {
	// Only emit can fail, and it does not.
	_ = n.Snapshot(func(_ replica.ID, raw []byte) error {
		raws = append(raws, raw)
		return nil
	})
	return raws
}
