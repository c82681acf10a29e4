package replicasim

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"covey/gossip/replica"
)

// Config says what is simulated.
type Config struct {
	Seed  uint64
	Nodes int
	Core  replica.Config // Self, Epoch, Roster and Validate are set for each node

	// Links between any two nodes.
	Latency         Latency
	Loss, Duplicate float64 // of frames; a stream may lose frames but doubles none

	// Strangers has nodes begin without knowing any other, each with a roster of its
	// own. Else all see all, and those who see the same share their memory.
	Strangers bool
}

// link is the way from one node to another.
type link struct{ from, to int32 }

// World is a set of nodes and the links between them.
type World struct {
	cfg   Config
	rng   *rand.Rand
	now   time.Duration // since the epoch of the simulation
	begin time.Time
	queue queue
	nodes []*Node
	index map[replica.ID]int32
	rings *replica.Rings // that nodes share, unless they are strangers
	calls []func()

	cut     func(from, to int) bool
	worse   map[link]float64       // loss on one way between two, on top
	streams map[link]time.Duration // when the last frame of a stream arrives
	latest  map[link]time.Duration // when the last packet does

	Faults Faults

	// Learned is called when a node applies a change of another's.
	Learned func(node, owner int, at time.Duration)
	// Sent is called for every frame that leaves a node.
	Sent func(node int, frame []byte)
	// watch is told of everything that a node's core did.
	watch func(n *Node, fx *replica.Effects)
}

// New makes a world whose nodes know nothing; all see one another unless they are
// strangers.
func New(cfg Config) (*World, error) {
	w := &World{
		cfg:     cfg,
		rng:     rand.New(rand.NewPCG(cfg.Seed, 0x5eed)),
		begin:   time.Unix(1_700_000_000, 0),
		index:   make(map[replica.ID]int32, cfg.Nodes),
		worse:   map[link]float64{},
		streams: map[link]time.Duration{},
		latest:  map[link]time.Duration{},
	}
	rings := cfg.Core.Rings
	if rings == 0 { // as many as a cluster of any size wants
		rings = 4
	}
	w.rings = replica.NewRings(rings)
	ids := make([]replica.ID, cfg.Nodes)
	for i := range ids {
		ids[i] = w.newID()
	}
	if !cfg.Strangers {
		w.rings.AddAll(ids)
	}
	for _, id := range ids {
		if n := w.add(id); !cfg.Strangers {
			if err := w.boot(n, 1); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}

func (w *World) newID() replica.ID {
	var id replica.ID
	binary.BigEndian.PutUint64(id[:], w.rng.Uint64())
	binary.BigEndian.PutUint64(id[8:], w.rng.Uint64())
	return id
}

// Join gives the world another node, which is dead until it is started. Only strangers
// can be joined.
func (w *World) Join() int { return int(w.add(w.newID()).at) }

// add gives the world a node, which is dead until it is booted.
func (w *World) add(id replica.ID) *Node {
	n := &Node{ID: id, at: int32(len(w.nodes)), world: w, dead: true}
	w.index[id] = n.at
	w.nodes = append(w.nodes, n)
	return n
}

// Node returns a node.
func (w *World) Node(i int) *Node { return w.nodes[i] }

// Now is the virtual time since the beginning.
func (w *World) Now() time.Duration { return w.now }

// After has f called in virtual time.
func (w *World) After(d time.Duration, f func()) {
	w.calls = append(w.calls, f)
	w.push(d, int32(len(w.calls)-1), callEvent, nil)
}

// Cut decides from now on which frames are swallowed; nil ends all cuts.
func (w *World) Cut(cut func(from, to int) bool) { w.cut = cut }

// Worsen has a part of the frames from one node to another lost on top, and none of
// those the other way.
func (w *World) Worsen(from, to int, loss float64) { w.worse[link{int32(from), int32(to)}] = loss }

// EndFaults makes all links good from now on. Clocks stay as wrong as they are.
func (w *World) EndFaults() {
	w.cfg.Loss, w.cfg.Duplicate, w.cut = 0, 0, nil
	clear(w.worse)
}

// Run lets virtual time pass.
func (w *World) Run(d time.Duration) {
	until := w.now + d
	for len(w.queue.heap) > 0 && w.queue.heap[0].at <= until {
		e := w.queue.pop()
		w.now = e.at
		w.happen(&e)
	}
	w.now = until
}

func (w *World) push(after time.Duration, to, from int32, frame []byte) {
	w.queue.push(event{at: w.now + after, to: to, from: from, frame: frame})
}

func (w *World) happen(e *event) {
	if e.from == callEvent {
		f := w.calls[e.to]
		w.calls[e.to] = nil
		f()
		return
	}
	n := w.nodes[e.to]
	if n.dead {
		if e.from >= 0 {
			w.Faults.ToDead++
		}
		n.ticking = n.ticking && e.from != tickEvent
		n.pending = n.pending && e.from != flushEvent
		return
	}
	if n.stalled > w.now {
		w.Faults.Stalled++
		w.push(n.stalled-w.now, e.to, e.from, e.frame)
		return
	}
	switch e.from {
	case tickEvent:
		n.Tick(n.clock())
		w.push(time.Second, e.to, tickEvent, nil)
	case flushEvent:
		n.pending = false
	default:
		n.Receive(n.clock(), w.nodes[e.from].ID, e.frame)
	}
	w.flush(n)
}

// moreDelay is what an agent waits before it goes on with what a budget held back.
const moreDelay = 2 * time.Millisecond

// flush carries out a core's effects.
func (w *World) flush(n *Node) {
	if n.dead {
		return
	}
	fx := n.Flush()
	if w.watch != nil {
		w.watch(n, &fx)
	}
	if w.Learned != nil {
		for i := range fx.Changes {
			if owner, ok := w.index[fx.Changes[i].Owner]; ok && owner != n.at {
				w.Learned(int(n.at), int(owner), w.now)
			}
		}
	}
	for i := range fx.Sends {
		if w.Sent != nil {
			w.Sent(int(n.at), fx.Sends[i].Frame)
		}
		if to, ok := w.index[fx.Sends[i].To]; ok {
			w.transmit(link{n.at, to}, &fx.Sends[i])
		}
	}
	if fx.More && !n.pending {
		n.pending = true
		w.push(moreDelay, n.at, flushEvent, nil)
	}
}

func (w *World) transmit(l link, s *replica.Send) {
	if w.cut != nil && w.cut(int(l.from), int(l.to)) {
		w.Faults.Cut++
		return
	}
	copies := 1
	if !s.Stream && w.cfg.Duplicate > 0 && w.rng.Float64() < w.cfg.Duplicate {
		w.Faults.Doubled++
		copies = 2
	}
	for range copies {
		if w.lost(l) {
			continue
		}
		at := w.now + w.cfg.Latency(w.rng)
		last := w.latest
		if s.Stream {
			last = w.streams
			at = max(at, last[l])
		} else if at < last[l] {
			w.Faults.Reordered++
		}
		if w.cfg.Strangers || s.Stream { // among ten thousand, links are too many to be noted
			last[l] = max(at, last[l])
		}
		w.push(at-w.now, l.to, l.from, s.Frame)
	}
}

func (w *World) lost(l link) bool {
	if w.cfg.Loss > 0 && w.rng.Float64() < w.cfg.Loss {
		w.Faults.Lost++
		return true
	}
	if worse := w.worse[l]; worse > 0 && w.rng.Float64() < worse {
		w.Faults.OneWay++
		return true
	}
	return false
}
