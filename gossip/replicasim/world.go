package replicasim

import (
	"encoding/binary"
	"fmt"
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
	MinDelay, MaxDelay time.Duration // evenly distributed
	Loss, Duplicate    float64       // of frames: packets and streams alike
}

// Faults counts what really happened to frames.
type Faults struct {
	Lost, Doubled, Cut, Stalled, ToDead uint64
}

// World is a set of nodes and the links between them.
type World struct {
	cfg    Config
	rng    *rand.Rand
	now    time.Duration // since the epoch of the simulation
	begin  time.Time
	queue  queue
	nodes  []*Node
	index  map[replica.ID]int32
	rings  *replica.Rings
	calls  []func()
	cut    func(from, to int) bool
	Faults Faults

	// Learned is called when a node applies a change of another's.
	Learned func(node, owner int, at time.Duration)
	// Sent is called for every frame that leaves a node.
	Sent func(node int, frame []byte)
}

// Node is one core.
type Node struct {
	*replica.Core
	ID      replica.ID
	view    *view
	dead    bool
	stalled time.Duration // until then
	pending bool          // a flush is due
}

// New makes a world whose nodes all see one another and know nothing else.
func New(cfg Config) (*World, error) {
	w := &World{
		cfg:   cfg,
		rng:   rand.New(rand.NewPCG(cfg.Seed, 0x5eed)),
		begin: time.Unix(1_700_000_000, 0),
		index: make(map[replica.ID]int32, cfg.Nodes),
	}
	rings := cfg.Core.Rings
	if rings == 0 { // as many as a cluster of any size wants
		rings = 4
	}
	w.rings = replica.NewRings(rings)
	ids := make([]replica.ID, cfg.Nodes)
	for i := range ids {
		binary.BigEndian.PutUint64(ids[i][:], w.rng.Uint64())
		binary.BigEndian.PutUint64(ids[i][8:], w.rng.Uint64())
		w.index[ids[i]] = int32(i)
	}
	w.rings.AddAll(ids)
	for i, id := range ids {
		n := &Node{ID: id, view: &view{world: w}}
		w.nodes = append(w.nodes, n)
		if err := w.boot(n, 1); err != nil {
			return nil, err
		}
		w.push(time.Duration(w.rng.Int64N(int64(time.Second))), int32(i), tickEvent, nil)
	}
	return w, nil
}

// boot gives a node a core that knows nothing.
func (w *World) boot(n *Node, epoch uint64) error {
	core := w.cfg.Core
	core.Self, core.Epoch, core.Roster = n.ID, epoch, n.view
	var err error
	if n.Core, err = replica.New(core, w.Time()); err != nil {
		return fmt.Errorf("starting a simulated node: %w", err)
	}
	return nil
}

// Node returns a node.
func (w *World) Node(i int) *Node { return w.nodes[i] }

// Now is the virtual time since the beginning.
func (w *World) Now() time.Duration { return w.now }

// Time is Now as cores see it.
func (w *World) Time() time.Time { return w.begin.Add(w.now) }

// After has f called in virtual time.
func (w *World) After(d time.Duration, f func()) {
	w.calls = append(w.calls, f)
	w.push(d, int32(len(w.calls)-1), callEvent, nil)
}

// Put changes an entry of a node's own; an empty value deletes it.
func (w *World) Put(node int, key, value string) {
	n := w.nodes[node]
	p := replica.Put{Key: key}
	if value != "" {
		p.Payload = []byte(value)
	}
	n.Local(w.Time(), p)
	w.flush(int32(node))
}

// Kill ends a node; who knows of it is said by See.
func (w *World) Kill(node int) { w.nodes[node].dead = true }

// Stall holds a node still for a while: what reaches it waits.
func (w *World) Stall(node int, d time.Duration) { w.nodes[node].stalled = w.now + d }

// Cut decides from now on which frames are swallowed; nil ends all cuts.
func (w *World) Cut(cut func(from, to int) bool) { w.cut = cut }

// See changes what one node sees of another.
func (w *World) See(node, other int, m replica.Membership) {
	w.nodes[node].SetMember(w.Time(), w.nodes[other].ID, m)
	w.flush(int32(node))
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
		w.calls[e.to]()
		return
	}
	n := w.nodes[e.to]
	if n.dead {
		if e.from >= 0 {
			w.Faults.ToDead++
		}
		return
	}
	if n.stalled > w.now {
		w.Faults.Stalled++
		w.push(n.stalled-w.now, e.to, e.from, e.frame)
		return
	}
	switch e.from {
	case tickEvent:
		n.Tick(w.Time())
		w.push(time.Second, e.to, tickEvent, nil)
	case flushEvent:
		n.pending = false
	default:
		n.Receive(w.Time(), w.nodes[e.from].ID, e.frame)
	}
	w.flush(e.to)
}

// moreDelay is what an agent waits before it goes on with what a budget held back.
const moreDelay = 2 * time.Millisecond

// flush carries out a core's effects.
func (w *World) flush(node int32) {
	n := w.nodes[node]
	fx := n.Flush()
	if w.Learned != nil {
		for i := range fx.Changes {
			if owner, ok := w.index[fx.Changes[i].Owner]; ok && owner != node {
				w.Learned(int(node), int(owner), w.now)
			}
		}
	}
	for i := range fx.Sends {
		if w.Sent != nil {
			w.Sent(int(node), fx.Sends[i].Frame)
		}
		if to, ok := w.index[fx.Sends[i].To]; ok {
			w.transmit(node, to, fx.Sends[i].Frame)
		}
	}
	if fx.More && !n.pending {
		n.pending = true
		w.push(moreDelay, node, flushEvent, nil)
	}
}

func (w *World) transmit(from, to int32, frame []byte) {
	if w.cut != nil && w.cut(int(from), int(to)) {
		w.Faults.Cut++
		return
	}
	copies := 1
	if w.cfg.Duplicate > 0 && w.rng.Float64() < w.cfg.Duplicate {
		w.Faults.Doubled++
		copies = 2
	}
	for range copies {
		if w.cfg.Loss > 0 && w.rng.Float64() < w.cfg.Loss {
			w.Faults.Lost++
			continue
		}
		delay := w.cfg.MinDelay
		if spread := w.cfg.MaxDelay - w.cfg.MinDelay; spread > 0 {
			delay += time.Duration(w.rng.Int64N(int64(spread)))
		}
		w.push(delay, to, from, frame)
	}
}

// Hide has the node not know of another, without its core being told: a newcomer of
// which it has not heard yet.
func (n *Node) Hide(other int) { n.view.Set(n.view.world.nodes[other].ID, replica.Unknown) }
