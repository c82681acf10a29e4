package replica

import (
	"container/heap"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// network is a discrete-event simulation of a few cores. Everything in it follows
// from the seed. Frames may be lost, doubled, delayed and so reordered; frames on a
// stream keep their order but may be lost with all that follow within the fault.
type network struct {
	t     *testing.T
	rng   *rand.Rand
	now   time.Time
	nodes map[ID]*node
	order []ID
	queue events
	seq   int

	loss, double float64
	worse        map[link]float64 // loss on one way between two, on top
	delay        time.Duration    // most
	cut          func(a, b ID) bool

	tape *[]taped // all that was sent; nil if nobody listens

	said map[incarnation]history // what each owner changed

	lost, lostOneWay, severed, doubled, delivered int
}

// link is the way from one node to another.
type link struct{ from, to ID }

// node is a core with what its caller would keep: a catalogue and a disk.
type node struct {
	*Core
	id      ID
	up      bool
	epoch   uint64
	truth   map[string]string        // what the owner wants to be known
	view    map[ID]map[string]string // what this node has been told
	heads   map[ID]head              // the furthest it has been told: never goes back
	journal []Change                 // what it would restore from, since it started

	recorded head // how far its own log is in the network's said
	flushAt  time.Time
}

type event struct {
	at  time.Time
	seq int
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	if e[i].at.Equal(e[j].at) {
		return e[i].seq < e[j].seq
	}
	return e[i].at.Before(e[j].at)
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

func newNetwork(t *testing.T, seed uint64, n int, tune func(*Config)) *network {
	w := &network{
		t:     t,
		rng:   rand.New(rand.NewPCG(seed, 1)),
		now:   time.Unix(1_700_000_000, 0),
		nodes: map[ID]*node{},
		said:  map[incarnation]history{},
		worse: map[link]float64{},
		delay: 2 * time.Millisecond,
		cut:   func(a, b ID) bool { return false },
	}
	for range n {
		w.start(w.newID(), tune)
	}
	return w
}

func (w *network) newID() ID {
	var id ID
	binary.BigEndian.PutUint64(id[:], w.rng.Uint64())
	binary.BigEndian.PutUint64(id[8:], w.rng.Uint64())
	return id
}

// start starts a node, or starts it again with what it wants to be known but with an
// empty replica; the others find out at once.
func (w *network) start(id ID, tune func(*Config)) *node {
	n := w.node(id)
	w.boot(n, max(n.epoch, uint64(w.now.UnixMilli()))+1, tune)
	w.register(n)
	for _, id := range w.order {
		if other := w.nodes[id]; other != n && other.up && !w.cut(n.id, id) {
			n.SetMember(w.now, id, Alive)
			other.SetMember(w.now, n.id, Alive)
			w.flush(other)
		}
	}
	w.flush(n)
	return n
}

// node returns the node of that id, which may be a new one.
func (w *network) node(id ID) *node {
	n := w.nodes[id]
	if n == nil {
		n = &node{id: id, truth: map[string]string{}}
		w.nodes[id] = n
		w.order = append(w.order, id)
	}
	return n
}

// boot gives a node a core that knows nothing, and ticks it for as long as it is up.
func (w *network) boot(n *node, epoch uint64, tune func(*Config)) {
	cfg := Config{Self: n.id, Epoch: epoch}
	if tune != nil {
		tune(&cfg)
	}
	core, err := New(cfg, w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	n.Core, n.epoch, n.up = core, epoch, true
	n.view, n.heads, n.journal, n.recorded = map[ID]map[string]string{}, map[ID]head{}, nil, head{}
	var tick func()
	tick = func() {
		if n.Core == core && n.up {
			n.Tick(w.now)
			w.flush(n)
			w.after(time.Second, tick)
		}
	}
	w.after(time.Duration(w.rng.Int64N(int64(time.Second))), tick)
}

// register puts what a node that was started wants to be known.
func (w *network) register(n *node) {
	n.truth["n"] = fmt.Sprint("node ", n.epoch)
	var puts []Put
	for _, k := range slices.Sorted(maps.Keys(n.truth)) {
		puts = append(puts, Put{Key: k, Payload: []byte(n.truth[k])})
	}
	n.Local(w.now, puts...)
}

// crash stops a node; the others find out at once.
func (w *network) crash(id ID) {
	w.nodes[id].up = false
	w.tell(id, func(n *node) { n.SetMember(w.now, id, Failed) })
}

// leave stops a node for good.
func (w *network) leave(id ID) {
	n := w.nodes[id]
	n.Leave(w.now)
	w.flush(n)
	w.after(50*time.Millisecond, func() {
		n.up = false
		clear(n.truth)
		w.tell(id, func(n *node) { n.Drop(w.now, id) })
	})
}

func (w *network) tell(about ID, what func(*node)) {
	for _, id := range w.order {
		if n := w.nodes[id]; n.up && id != about {
			what(n)
			w.flush(n)
		}
	}
}

// partition cuts the network and tells membership so; heal undoes it.
func (w *network) partition(side func(ID) bool) {
	w.cut = func(a, b ID) bool { return side(a) != side(b) }
	w.gossip(Failed)
}

func (w *network) heal() {
	cut := w.cut
	w.cut = func(a, b ID) bool { return false }
	for _, a := range w.order {
		for _, b := range w.order {
			if cut(a, b) && w.nodes[a].up && w.nodes[b].up {
				w.nodes[a].SetMember(w.now, b, Alive)
			}
		}
		w.flush(w.nodes[a])
	}
}

func (w *network) gossip(m Membership) {
	for _, a := range w.order {
		for _, b := range w.order {
			if w.cut(a, b) && w.nodes[a].up {
				w.nodes[a].SetMember(w.now, b, m)
			}
		}
		w.flush(w.nodes[a])
	}
}

func (w *network) put(id ID, key, value string) {
	n := w.nodes[id]
	if value == "" {
		delete(n.truth, key)
		n.Local(w.now, Put{Key: key})
	} else {
		n.truth[key] = value
		n.Local(w.now, Put{Key: key, Payload: []byte(value)})
	}
	w.flush(n)
}

func (w *network) after(d time.Duration, do func()) {
	w.seq++
	heap.Push(&w.queue, event{w.now.Add(d), w.seq, do})
}

// run lets virtual time pass.
func (w *network) run(d time.Duration) {
	until := w.now.Add(d)
	for len(w.queue) > 0 && !w.queue[0].at.After(until) {
		e := heap.Pop(&w.queue).(event)
		w.now = e.at
		e.do()
	}
	w.now = until
}

// flush carries out a core's effects.
func (w *network) flush(n *node) {
	if !n.up {
		return
	}
	fx := n.Flush()
	if fx.Epoch != 0 {
		n.epoch = fx.Epoch
		n.heads[n.id] = head{}
	}
	w.record(n)
	for _, ch := range fx.Changes {
		n.apply(w, ch)
		w.hold(n, ch.Owner)
	}
	for _, f := range fx.Faults {
		w.t.Errorf("fault at %v: from %v about %v: %v", n.id, f.Peer, f.Owner, f.Err)
	}
	for _, s := range fx.Sends {
		w.transmit(n, s)
	}
	if fx.More && !n.flushAt.After(w.now) {
		n.flushAt = w.now.Add(time.Millisecond)
		w.after(time.Millisecond, func() { w.flush(n) })
	}
}

func (w *network) transmit(from *node, s Send) {
	if w.tape != nil {
		*w.tape = append(*w.tape, taped{from.id, s.Frame})
	}
	copies := 1
	if !s.Stream && w.rng.Float64() < w.double {
		w.doubled++
		copies = 2
	}
	for range copies {
		switch luck := w.rng.Float64(); {
		case luck < w.loss:
			w.lost++
			continue
		case luck < w.loss+w.worse[link{from.id, s.To}]:
			w.lostOneWay++
			continue
		}
		d := w.delay
		if !s.Stream {
			d = time.Duration(w.rng.Int64N(int64(w.delay)) + 1)
		}
		w.after(d, func() {
			to := w.nodes[s.To]
			if to == nil || !to.up {
				return
			}
			if w.cut(from.id, s.To) {
				w.severed++
				return
			}
			w.delivered++
			to.Receive(w.now, from.id, s.Frame)
			w.flush(to)
		})
	}
}

// apply keeps what a catalogue would, and holds it to the guarantees.
func (n *node) apply(w *network, ch Change) {
	if ch.Dropped {
		delete(n.view, ch.Owner)
		delete(n.heads, ch.Owner)
		n.forgetJournal(ch.Owner)
		return
	}
	if ch.Raw != nil {
		n.journal = append(n.journal, ch)
	} else if ch.Reset {
		n.forgetJournal(ch.Owner)
	}
	if s := n.stateOf(ch.Owner); s != nil {
		was := n.heads[ch.Owner]
		if newer(was.epoch, was.version, s.epoch, s.version) {
			w.t.Errorf("%v went back with %v from %d.%d to %d.%d", n.id, ch.Owner, was.epoch, was.version, s.epoch, s.version)
		}
		n.heads[ch.Owner] = head{epoch: s.epoch, version: s.version}
	}
	if ch.Reset || n.view[ch.Owner] == nil {
		n.view[ch.Owner] = map[string]string{}
	}
	for _, e := range ch.Entries {
		if e.Deleted {
			delete(n.view[ch.Owner], e.Key)
		} else {
			n.view[ch.Owner][e.Key] = n.stateOf(ch.Owner).text(e.Key)
		}
	}
}

func (n *node) forgetJournal(owner ID) {
	n.journal = slices.DeleteFunc(n.journal, func(ch Change) bool { return ch.Owner == owner })
}

func (s *state) text(key string) string {
	if e := s.get(key); e != nil {
		return string(e.record.AppendPayload(nil))
	}
	return ""
}

// converged says in what a node's view differs from the truth of all that are up.
func (w *network) converged() error {
	for _, a := range w.order {
		n := w.nodes[a]
		if !n.up {
			continue
		}
		for _, b := range w.order {
			owner := w.nodes[b]
			view := n.view[b]
			if owner.up && !maps.Equal(view, owner.truth) {
				return fmt.Errorf("%v has of %v %v, the truth is %v", a, b, view, owner.truth)
			}
			if !owner.up && len(owner.truth) == 0 && len(view) != 0 {
				return fmt.Errorf("%v has of %v, which left, %v", a, b, view)
			}
		}
		if n.digest.root != w.nodes[w.order[0]].digest.root && w.nodes[w.order[0]].up {
			return fmt.Errorf("%v has another digest than %v", a, w.order[0])
		}
	}
	return nil
}
