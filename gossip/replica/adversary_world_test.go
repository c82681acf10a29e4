package replica

import (
	"fmt"
	"strings"
	"time"
)

// adversary is a network in which membership is late, one-sided or wrong, links fail
// one way, and nodes come back with whatever their disks happen to hold.
type adversary struct {
	*network
	tune    func(*Config)
	status  map[ID]Membership // the truth; Unknown of one that left
	belied  map[link]lie
	parted  func(a, b ID) bool
	epochs  map[ID]map[uint64]bool // every epoch that a node was started with
	happens map[string]int         // what was done, by name, over all runs
}

// lie is what membership says falsely, and until when.
type lie struct {
	status Membership
	until  time.Time
}

func newAdversary(w *network, seed uint64, happens map[string]int) *adversary {
	a := &adversary{
		network: w,
		status:  map[ID]Membership{},
		belied:  map[link]lie{},
		epochs:  map[ID]map[uint64]bool{},
		happens: happens,
	}
	a.tune = func(c *Config) {
		c.DirectBelow = 4
		if seed%5 == 0 {
			c.DirectBelow = 16
		}
		c.ChunkSize = 120 // so that whole states come in many chunks
		c.PacketSize = 200
		c.AnswerSize = 700
		c.FlushSize = 600
		c.TombstoneTTL = time.Duration(1+seed%4) * time.Second // so that collection happens
		if seed%2 == 0 {
			c.ProvisionalTTL = 2 * time.Second // sooner than membership may tell
		}
	}
	w.loss, w.double = float64(seed%4)*0.1, float64(seed%3)*0.1
	w.delay = time.Duration(1+w.rng.IntN(200)) * time.Millisecond
	return a
}

func (w *adversary) within(d time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(d) + 1))
}

// someone returns one of those that may be chosen, and whether there is any.
func (w *adversary) someone(may func(*node) bool) (*node, bool) {
	var all []*node
	for _, id := range w.order {
		if n := w.nodes[id]; may(n) {
			all = append(all, n)
		}
	}
	if len(all) == 0 {
		return nil, false
	}
	return all[w.rng.IntN(len(all))], true
}

func isUp(n *node) bool   { return n.up }
func isDown(n *node) bool { return !n.up }

// staying is how many are up and have not said that they leave.
func (w *adversary) staying() (n int) {
	for _, x := range w.nodes {
		if x.up && !x.leaving {
			n++
		}
	}
	return n
}

// believed is what one node's membership says of another now.
func (w *adversary) believed(l link) Membership {
	status := w.status[l.to]
	switch {
	case status == Alive && w.belied[l].until.After(w.now):
		return w.belied[l].status
	case status == Alive && (w.cut(l.from, l.to) || w.worse[l] >= 1):
		return Failed
	}
	return status
}

// inform lets a node's membership catch up with another's status after a while.
func (w *adversary) inform(l link, after time.Duration) {
	w.after(after, func() {
		n := w.nodes[l.from]
		if !n.up || l.from == l.to {
			return
		}
		if status := w.believed(l); status == Unknown {
			n.Drop(w.now, l.to)
		} else {
			n.SetMember(w.now, l.to, status)
		}
		w.flush(n)
	})
}

func (w *adversary) informAll(about ID, within time.Duration) {
	for _, id := range w.order {
		w.inform(link{id, about}, w.within(within))
	}
}

func (w *adversary) informAllOfAll(within time.Duration) {
	for _, id := range w.order {
		w.informAll(id, within)
	}
}

// rise starts a node, or starts it again over what its disk holds. It learns who is
// there, and the others of it if they are told, some time later.
func (w *adversary) rise(n *node, told bool) {
	disk := w.disk(n)
	w.boot(n, w.nextEpoch(n), w.tune)
	w.status[n.id] = Alive
	for _, raw := range disk {
		if err := n.Restore(w.now, raw); err != nil {
			w.t.Errorf("%v restores: %v", n.id, err)
		}
	}
	if len(disk) > 0 { // as an agent does: whom it restored, it presumes there
		for _, id := range n.ownerIDs() {
			n.SetMember(w.now, id, Presumed)
		}
	}
	w.flush(n)
	w.register(n)
	w.flush(n)
	for _, id := range w.order {
		w.inform(link{n.id, id}, w.within(3*time.Second))
	}
	if told {
		w.informAll(n.id, 3*time.Second)
	}
}

// disk returns what a node restores from: nothing, a snapshot as of the end, or every
// delta since the start; some of it may be lost.
func (w *adversary) disk(n *node) (raws [][]byte) {
	if n.Core == nil {
		return nil
	}
	keep := func(raw []byte) { raws = append(raws, raw) }
	switch w.rng.IntN(4) {
	case 0:
		w.happens["started without a disk"]++
		return nil
	case 1:
		w.happens["restored from a snapshot"]++
		err := n.Snapshot(func(_ ID, raw []byte) error { keep(raw); return nil })
		if err != nil {
			w.t.Error(err)
		}
	default:
		w.happens["restored from a journal"]++
		for _, ch := range n.journal {
			keep(ch.Raw)
		}
	}
	if w.rng.IntN(2) == 0 {
		kept := raws[:0]
		for _, raw := range raws {
			if w.rng.IntN(10) > 0 {
				kept = append(kept, raw)
			} else {
				w.happens["lost a record from disk"]++
			}
		}
		raws = kept
	}
	return raws
}

// nextEpoch is the epoch to be started with. Now and then the disk or the clock was set
// back and it is lower than the last, but never one that was used before: what two
// incarnations say in one epoch cannot be told apart.
func (w *adversary) nextEpoch(n *node) uint64 {
	used := w.epochs[n.id]
	if used == nil {
		used = map[uint64]bool{}
		w.epochs[n.id] = used
	}
	epoch := max(n.epoch, uint64(w.now.UnixMilli())) + 1
	if n.epoch > 0 {
		used[n.epoch] = true // it may have been raised to that
		if w.rng.IntN(4) == 0 {
			w.happens["set the epoch back"]++
			epoch = n.epoch - uint64(w.rng.IntN(20_000))
		}
	}
	for used[epoch] {
		epoch++
	}
	used[epoch] = true
	return epoch
}

func (w *adversary) randomPut() (key, value string) {
	return fmt.Sprint("s/", w.rng.IntN(12)), strings.Repeat("x", w.rng.IntN(60)) + fmt.Sprint(w.rng.Uint32())
}

// settle ends every fault, tells everyone the truth and lets time pass.
func (w *adversary) settle() {
	w.cut = func(a, b ID) bool { return false }
	clear(w.belied)
	clear(w.worse)
	w.loss, w.double = 0, 0
	w.informAllOfAll(2 * time.Second)
	w.run(60 * time.Second)
}
