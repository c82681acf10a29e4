package replicasim

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"covey/gossip/replica"
)

// Trial is one random history in which all goes wrong that can: on the links, at the
// nodes, and in what membership tells them, which comes late, one-sided or is wrong. It
// follows from its seed. When it is over, faults end, membership tells everyone the
// truth, and all must come to hold the same.
type Trial struct {
	World   *World
	Checker *Checker
	Done    map[string]int // how often each act was done, by name

	seed   uint64
	rng    *rand.Rand
	status map[int]replica.Membership // the truth; Unknown of one that left
	lies   map[link]lie
	parted func(from, to int) bool
	copies map[int]Disk // old copies of disks
	epochs map[incarnation]bool
	values int
	err    error
}

// lie is what membership says falsely of one that is well, and until when.
type lie struct {
	status replica.Membership
	until  time.Duration
}

// NewTrial makes a trial that begins with so many nodes.
func NewTrial(seed uint64, nodes int) (*Trial, error) {
	rng := rand.New(rand.NewPCG(seed, 0x7121a1))
	least := time.Duration(1+rng.IntN(20)) * time.Millisecond
	latency := []Latency{
		Uniform(least/2, 4*least),
		LogNormal(least, 0.8),
		LongTail(least, time.Second, 1.2),
	}[seed%3]
	w, err := New(Config{
		Seed: seed, Strangers: true,
		Latency: latency, Loss: 0.02 + 0.08*float64(seed%4), Duplicate: 0.05 + 0.1*float64(seed%3),
		Core: replica.Config{
			DirectBelow: 4 + 12*int(seed%5/4),
			// So small that whole states come in many chunks, by packets and streams.
			ChunkSize: 120, PacketSize: 200, AnswerSize: 700, FlushSize: 600,
			TombstoneTTL:   time.Duration(1+seed%4) * time.Second,
			ProvisionalTTL: time.Duration(2+58*(seed%2)) * time.Second,
		},
	})
	if err != nil {
		return nil, err
	}
	t := &Trial{
		World: w, Checker: Check(w), Done: map[string]int{}, seed: seed, rng: rng,
		status: map[int]replica.Membership{}, lies: map[link]lie{}, copies: map[int]Disk{}, epochs: map[incarnation]bool{},
	}
	for range nodes {
		t.start(w.Join(), Disk{Entries: t.something()}, true)
	}
	return t, t.err
}

// Run does every act as often as its weight says, in random order, ends all faults, and
// returns what is wrong then or was meanwhile.
func (t *Trial) Run() error {
	var due []*act
	all := acts()
	for i := range all {
		for range all[i].weight {
			due = append(due, &all[i])
		}
	}
	t.rng.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	for tries := 3 * len(due); len(due) > 0 && tries > 0 && t.err == nil; tries-- {
		a := due[0]
		due = due[1:]
		if a.do(t) {
			t.Done[a.name]++
		} else {
			due = append(due, a) // not just now
		}
		t.World.Run(t.within(300 * time.Millisecond))
	}
	t.settle()
	if t.err != nil {
		return t.err
	}
	return t.Checker.Rest(0)
}

// settle ends every fault and lets time pass.
func (t *Trial) settle() {
	t.World.EndFaults()
	t.parted = nil
	clear(t.lies)
	t.tellAllOfAll(2 * time.Second)
	t.World.Run(time.Minute)
}

// Missing names what of all there is to go wrong did not.
func (t *Trial) Missing() (names []string) {
	for _, a := range acts() {
		if t.Done[a.name] == 0 {
			names = append(names, a.name)
		}
	}
	for name, n := range t.World.Faults.ByName() {
		if n == 0 {
			names = append(names, "frames "+name)
		}
	}
	slices.Sort(names)
	return names
}

// String says the seed and how often what happened.
func (t *Trial) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %d nodes, %d checks", t.seed, len(t.World.nodes), t.Checker.Checks)
	for _, counts := range []map[string]int{t.Done, t.World.Faults.ByName()} {
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(&b, ", %d %s", counts[name], name)
		}
	}
	return b.String()
}

func (t *Trial) within(d time.Duration) time.Duration {
	return time.Duration(t.rng.Int64N(int64(d) + 1))
}

// someone returns one of the nodes that may be chosen, and whether there is any.
func (t *Trial) someone(may func(n *Node) bool) (*Node, bool) {
	var all []*Node
	for _, n := range t.World.nodes {
		if may(n) {
			all = append(all, n)
		}
	}
	if len(all) == 0 {
		return nil, false
	}
	return all[t.rng.IntN(len(all))], true
}

func isUp(n *Node) bool    { return !n.dead }
func isWell(n *Node) bool  { return !n.dead && !n.leaving }
func isDown(n *Node) bool  { return n.dead && n.entries != nil }
func hasLeft(n *Node) bool { return n.dead && n.entries == nil && n.Core != nil }

// spare reports whether a node can be done without.
func (t *Trial) spare() bool {
	well := 0
	for _, n := range t.World.nodes {
		if isWell(n) {
			well++
		}
	}
	return well > 3
}

// something is an entry or two to begin with, as none said before.
func (t *Trial) something() map[string]string {
	m := map[string]string{"n": t.value()}
	for range t.rng.IntN(6) {
		m[t.key()] = t.value()
	}
	return m
}

func (t *Trial) key() string { return fmt.Sprint("s/", t.rng.IntN(12)) }

func (t *Trial) value() string {
	t.values++
	return fmt.Sprint(t.values) + strings.Repeat("x", t.rng.IntN(60))
}

// start starts a node over a disk. It learns who is there, and the others of it if they
// are told, some time later.
func (t *Trial) start(node int, disk Disk, told bool) {
	if t.err != nil {
		return
	}
	if t.err = t.World.Start(node, t.epochAfter(node, disk.Epoch), disk); t.err != nil {
		return
	}
	t.status[node] = replica.Alive
	for other := range t.World.nodes {
		t.tell(node, other, t.within(3*time.Second))
	}
	if told {
		t.tellAll(node, 3*time.Second)
	}
}

// epochAfter is the epoch that an agent would begin: above its disk's, and its clock. If
// both were set back it may be lower than the last, but never one that was used before:
// what two incarnations say in one epoch cannot be told apart.
func (t *Trial) epochAfter(node int, last uint64) uint64 {
	n := t.World.nodes[node]
	epoch := max(last, uint64(n.clock().UnixMilli())) + 1
	for t.epochs[incarnation{n.ID, epoch}] || t.Checker.said[incarnation{n.ID, epoch}] != nil {
		epoch++
	}
	t.epochs[incarnation{n.ID, epoch}] = true
	return epoch
}

// believed is what one node's membership says of another now.
func (t *Trial) believed(node, other int) replica.Membership {
	status, l := t.status[other], link{int32(node), int32(other)}
	switch {
	case status == replica.Alive && t.lies[l].until > t.World.now:
		return t.lies[l].status
	case status == replica.Alive && t.parted != nil && t.parted(node, other):
		return replica.Failed
	}
	return status
}

// tell lets a node's membership catch up with another's status after a while.
func (t *Trial) tell(node, other int, after time.Duration) {
	if node == other {
		return
	}
	t.World.After(after, func() {
		if !t.World.nodes[node].dead && t.World.nodes[other].Core != nil {
			t.World.See(node, other, t.believed(node, other))
		}
	})
}

func (t *Trial) tellAll(about int, within time.Duration) {
	for node := range t.World.nodes {
		t.tell(node, about, t.within(within))
	}
}

func (t *Trial) tellAllOfAll(within time.Duration) {
	for about := range t.World.nodes {
		t.tellAll(about, within)
	}
}
