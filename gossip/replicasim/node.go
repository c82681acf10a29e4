package replicasim

import (
	"fmt"
	"maps"
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
	roster  replica.Roster
	view    *view // the same, if it is an overlay of what all see
	dead    bool
	stalled time.Duration // until then
	skew    time.Duration // of its clock
	ticking bool          // a tick is due
	pending bool          // a flush is due

	entries map[string]string // of its own: what it wants to be known
	leaving bool
	epoch   uint64              // the last it had, as its disk would say
	known   map[replica.ID]*log // what it was told of the others, as a catalogue would hold it
	journal []replica.Change    // what it could restore of them, since it started
	void    map[replica.ID]void // of those that left, as membership told it
	said    *history            // of its own, in the present epoch; nil if there is no checker
}

// void is what a node must not show any more of another.
type void struct {
	until bool   // it is back: nothing of it at all
	epoch uint64 // what it said up to this one
}

// Disk is what is left of a node when it has stopped.
type Disk struct {
	Epoch   uint64            // the last it had
	Entries map[string]string // its own
	Peers   [][]byte          // deltas of the others
}

// Journal is a node's disk, with every delta that came since it started.
func (n *Node) Journal() Disk {
	d := Disk{Epoch: n.epoch, Entries: maps.Clone(n.entries)}
	for i := range n.journal {
		d.Peers = append(d.Peers, n.journal[i].Raw)
	}
	return d
}

// Snapshot is a node's disk as if it were written anew.
func (n *Node) Snapshot() Disk {
	d := Disk{Epoch: n.epoch, Entries: maps.Clone(n.entries)}
	// Only emit can fail, and it does not.
	_ = n.Core.Snapshot(func(_ replica.ID, raw []byte) error {
		d.Peers = append(d.Peers, raw)
		return nil
	})
	return d
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
	if w.cfg.Strangers {
		n.roster = replica.NewRoster(w.rings.Rings())
	} else {
		n.view = &view{world: w}
		n.roster = n.view
	}
	core.Roster = n.roster
	core.Validate = func(_ replica.ID, _ string, payload []byte) (any, error) { return string(payload), nil }
	var err error
	if n.Core, err = replica.New(core, n.clock()); err != nil {
		return fmt.Errorf("starting a simulated node: %w", err)
	}
	n.dead, n.leaving, n.epoch, n.journal, n.said = false, false, epoch, nil, nil
	n.known, n.void = map[replica.ID]*log{}, map[replica.ID]void{}
	if !n.ticking {
		n.ticking = true
		w.push(time.Duration(w.rng.Int64N(int64(time.Second))), n.at, tickEvent, nil)
	}
	return nil
}

// Start starts a node, or starts it again, in an epoch and over what its disk holds.
// Whom it has records of it presumes to be there, as an agent does.
func (w *World) Start(node int, epoch uint64, disk Disk) error {
	n := w.nodes[node]
	n.stalled = 0
	if err := w.boot(n, epoch); err != nil {
		return err
	}
	for _, raw := range disk.Peers {
		if err := n.Restore(n.clock(), raw); err != nil {
			return fmt.Errorf("restoring what node %d knew: %w", node, err)
		}
	}
	w.flush(n)
	for _, owner := range byID(w.nodes) {
		if w.cfg.Strangers && n.known[owner.ID] != nil {
			w.See(node, int(owner.at), replica.Presumed)
		}
	}
	n.entries = maps.Clone(disk.Entries)
	var puts []replica.Put
	for _, key := range slices.Sorted(maps.Keys(n.entries)) {
		puts = append(puts, put(key, n.entries[key]))
	}
	n.Local(n.clock(), puts...)
	w.flush(n)
	return nil
}

// Leave has a node say goodbye. It is up until it is killed.
func (w *World) Leave(node int) {
	n := w.nodes[node]
	n.leaving = true
	n.Core.Leave(n.clock())
	w.flush(n)
}

// Kill ends a node; who knows of it is said by See.
func (w *World) Kill(node int) {
	n := w.nodes[node]
	n.dead = true
	if n.leaving {
		n.entries = nil
	}
}

// Stall holds a node still for a while: what reaches it waits.
func (w *World) Stall(node int, d time.Duration) { w.nodes[node].stalled = w.now + d }

// SetClock sets a node's clock ahead of the world's, or behind it.
func (w *World) SetClock(node int, ahead time.Duration) {
	if n := w.nodes[node]; n.skew != ahead {
		n.skew = ahead
		w.Faults.ClocksSet++
	}
}

// Put changes an entry of a node's own; an empty value deletes it.
func (w *World) Put(node int, key, value string) {
	n := w.nodes[node]
	if n.entries == nil {
		n.entries = map[string]string{}
	}
	if n.entries[key] = value; value == "" {
		delete(n.entries, key)
	}
	n.Local(n.clock(), put(key, value))
	w.flush(n)
}

func put(key, value string) replica.Put {
	p := replica.Put{Key: key, Value: value}
	if value != "" {
		p.Payload = []byte(value)
	}
	return p
}

// See changes what one node sees of another; Unknown says that it left.
func (w *World) See(node, other int, m replica.Membership) {
	n, id := w.nodes[node], w.nodes[other].ID
	void := n.void[id]
	if k := n.known[id]; k != nil && n.roster.Membership(id) == replica.Alive {
		void.epoch = max(void.epoch, k.epoch)
	}
	if m == replica.Unknown {
		void.until = true
		n.void[id] = void
		n.Drop(n.clock(), id)
	} else {
		if m == replica.Alive && void.until {
			void.until = false
			n.void[id] = void
		}
		n.SetMember(n.clock(), id, m)
	}
	w.flush(n)
}
