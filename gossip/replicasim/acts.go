package replicasim

import (
	"time"

	"covey/gossip/replica"
)

// act is something that happens in a trial. do returns false if it cannot happen just
// then.
type act struct {
	name   string
	weight int // how often a trial does it
	do     func(*Trial) bool
}

func acts() []act {
	return []act{
		{"puts", 40, func(t *Trial) bool {
			return t.with(isWell, func(n *Node) { t.World.Put(int(n.at), t.key(), t.value()) })
		}},
		{"deletions", 20, func(t *Trial) bool {
			key := t.key()
			has := func(n *Node) bool { return isWell(n) && n.entries[key] != "" }
			return t.with(has, func(n *Node) { t.World.Put(int(n.at), key, "") })
		}},
		{"pauses", 25, func(t *Trial) bool {
			t.World.Run(t.within(2 * time.Second))
			return true
		}},
		{"crashes noticed late", 1, func(t *Trial) bool { return t.spare() && t.with(isWell, t.crash) }},
		{"disks copied", 2, func(t *Trial) bool {
			return t.with(isWell, t.copyDisk)
		}},
		{"restarts with the disk", 2, func(t *Trial) bool {
			return t.down(isWell, func(n *Node) { t.start(int(n.at), t.damaged(n.Journal()), true) })
		}},
		{"restarts that nobody noticed", 2, func(t *Trial) bool {
			return t.with(isWell, func(n *Node) { t.start(int(n.at), n.Snapshot(), false) })
		}},
		{"restarts with a new disk", 1, (*Trial).replace},
		{"restarts with the disk set back", 1, func(t *Trial) bool {
			return t.with(isWell, t.copyDisk) && t.down(t.wasCopied, func(n *Node) { t.start(int(n.at), t.copies[int(n.at)], true) })
		}},
		{"restarts that know only who they are", 1, func(t *Trial) bool {
			return t.down(isWell, func(n *Node) { t.start(int(n.at), Disk{Entries: t.something()}, true) })
		}},
		{"leavings", 2, (*Trial).leave},
		{"returns of who left", 1, func(t *Trial) bool {
			return t.with(hasLeft, func(n *Node) { t.start(int(n.at), Disk{Epoch: n.epoch, Entries: t.something()}, true) })
		}},
		{"returns while leaving", 1, func(t *Trial) bool {
			return t.with(isWell, func(n *Node) {
				t.World.Leave(int(n.at))
				t.World.Run(t.within(time.Second))
				t.start(int(n.at), n.Journal(), false)
			})
		}},
		{"joins", 2, func(t *Trial) bool {
			t.start(t.World.Join(), Disk{Entries: t.something()}, true)
			return true
		}},
		{"partings, healed later", 2, func(t *Trial) bool { return t.really(&t.World.Faults.Cut, t.part) }},
		{"nodes that half of the others did not hear", 2, func(t *Trial) bool {
			return t.really(&t.World.Faults.OneWay, func() bool { return t.with(isWell, t.mute) })
		}},
		{"links mended", 1, func(t *Trial) bool {
			were := len(t.World.worse) > 0
			clear(t.World.worse)
			return were
		}},
		{"nodes stalled", 3, func(t *Trial) bool {
			return t.with(isUp, func(n *Node) { t.World.Stall(int(n.at), t.within(5*time.Second)) })
		}},
		{"clocks set ahead", 2, func(t *Trial) bool {
			return t.with(isUp, func(n *Node) { t.World.SetClock(int(n.at), time.Second+t.within(2*time.Hour)) })
		}},
		{"clocks set back", 2, func(t *Trial) bool {
			return t.with(isUp, func(n *Node) { t.World.SetClock(int(n.at), -time.Second-t.within(2*time.Hour)) })
		}},
		{"failures that were none", 2, func(t *Trial) bool { return t.lie(replica.Failed) }},
		{"leavings that were none", 1, func(t *Trial) bool { return t.lie(replica.Unknown) }},
	}
}

// with has something happen to one of the nodes that may be chosen, if there is any.
func (t *Trial) with(may func(*Node) bool, do func(*Node)) bool {
	n, ok := t.someone(may)
	if ok {
		do(n)
	}
	return ok
}

func (t *Trial) copyDisk(n *Node)       { t.copies[int(n.at)] = n.Snapshot() }
func (t *Trial) wasCopied(n *Node) bool { _, ok := t.copies[int(n.at)]; return ok && isWell(n) }

// mute has half of the others not hear a node, or every other frame of it only, while
// it changes something.
func (t *Trial) mute(n *Node) {
	for other := range t.World.nodes {
		if t.rng.IntN(2) == 0 {
			t.World.Worsen(int(n.at), other, 0.5*float64(1+t.rng.IntN(2)))
		}
	}
	for range 3 {
		if !isWell(n) {
			return
		}
		t.World.Put(int(n.at), t.key(), t.value())
		t.World.Run(time.Second)
	}
}

// crash ends a node, which the others hear of within seconds.
func (t *Trial) crash(n *Node) {
	t.World.Kill(int(n.at))
	t.status[int(n.at)] = replica.Failed
	t.tellAll(int(n.at), 4*time.Second)
}

// down crashes a node that may be chosen, or takes one that is down, and has something
// happen to it a while later.
func (t *Trial) down(may func(*Node) bool, do func(*Node)) bool {
	n, ok := t.someone(isDown)
	if !ok || t.rng.IntN(2) == 0 || !may(n) {
		if n, ok = t.someone(may); !ok {
			return false
		}
		t.crash(n)
	}
	t.World.Run(t.within(5 * time.Second))
	if !isDown(n) { // it was leaving when it crashed
		return false
	}
	do(n)
	return true
}

// really reports whether something was done and frames met the fault: else it proves
// nothing and is to be done again.
func (t *Trial) really(fault *int, do func() bool) bool {
	before := *fault
	return do() && *fault > before
}

// damaged is a disk that may have lost records of other owners. Its own are synced.
func (t *Trial) damaged(d Disk) Disk {
	if t.rng.IntN(2) == 0 {
		return d
	}
	var kept [][]byte
	for _, raw := range d.Peers {
		if t.rng.IntN(10) > 0 {
			kept = append(kept, raw)
		}
	}
	d.Peers = kept
	return d
}

// replace has a node that crashed come back with an empty data directory, and so under
// another id: for membership, that is the end of the one it had.
func (t *Trial) replace() bool {
	return t.down(isWell, func(n *Node) {
		n.entries = nil
		t.status[int(n.at)] = replica.Unknown
		t.tellAll(int(n.at), 3*time.Second)
		t.start(t.World.Join(), Disk{Entries: t.something()}, true)
	})
}

// leave has a node say goodbye and stop some time after, unless it is started before.
func (t *Trial) leave() bool {
	return t.spare() && t.with(isWell, func(n *Node) {
		core := n.Core
		t.World.Leave(int(n.at))
		t.World.After(t.within(1500*time.Millisecond), func() {
			if n.Core != core || n.dead {
				return
			}
			t.World.Kill(int(n.at))
			t.status[int(n.at)] = replica.Unknown
			t.tellAll(int(n.at), 3*time.Second)
		})
	})
}

// part cuts the nodes into two at random, long enough for membership to notice it or
// not, and has them meet again.
func (t *Trial) part() bool {
	if t.parted != nil {
		return false
	}
	a, ok := t.someone(isWell)
	b, also := t.someone(func(n *Node) bool { return isWell(n) && n != a })
	if !ok || !also {
		return false
	}
	bit := 0
	side := func(node int) bool { return t.World.nodes[node].ID[bit/8]>>(bit%8)&1 == 0 }
	for side(int(a.at)) == side(int(b.at)) {
		bit = t.rng.IntN(128)
	}
	parted := func(a, b int) bool { return side(a) != side(b) }
	t.parted = parted
	t.World.Cut(parted)
	t.tellAllOfAll(4 * time.Second)
	t.World.Put(int(a.at), t.key(), t.value())
	t.World.After(time.Second+t.within(9*time.Second), func() {
		t.parted = nil
		t.World.Cut(nil)
		t.tellAllOfAll(4 * time.Second)
	})
	t.World.Run(2 * time.Second)
	return true
}

// lie makes one node hear of another, which is well, that it failed or left.
func (t *Trial) lie(status replica.Membership) bool {
	a, ok := t.someone(isUp)
	b, also := t.someone(isWell)
	if !ok || !also || a == b {
		return false
	}
	d := t.within(5 * time.Second)
	t.lies[link{a.at, b.at}] = lie{status, t.World.now + d}
	t.tell(int(a.at), int(b.at), 0)
	t.tell(int(a.at), int(b.at), d+time.Millisecond)
	return true
}
