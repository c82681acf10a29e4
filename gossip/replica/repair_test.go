package replica

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// pair is two replicas that know the same owners, whose agents are not simulated: so
// they compare with each other only.
type pair struct {
	t    *testing.T
	a, b *node
	ids  []ID
}

func newPair(t *testing.T, owners int) *pair {
	w := newNetwork(t, 11, 2, nil)
	p := &pair{t: t, a: w.nodes[w.order[0]], b: w.nodes[w.order[1]]}
	w.run(time.Second)
	for range owners {
		id := w.newID()
		p.ids = append(p.ids, id)
		s := newState(uint64(w.now.UnixMilli()))
		s.version = 1
		s.put(change{key: "n", version: 1, payload: strings.Repeat("x", 150)})
		raw := encodeDelta(id, s, 0, 1, s.since(0))
		for _, n := range []*node{p.a, p.b} {
			if err := n.Restore(w.now, raw); err != nil {
				t.Fatal(err)
			}
			n.roster.Set(id, Alive)
			n.rehash(id)
			n.Flush()
		}
	}
	return p
}

// differ has so many owners change something that only a learns of.
func (p *pair) differ(n int) {
	for _, id := range p.ids[:n] {
		s := p.a.owners[id].cur
		s.put(change{key: "s/web", version: s.version + 1, payload: strings.Repeat("y", 150)})
		s.version++
		p.a.rehash(id)
	}
}

// repair has a send its root and counts the bytes of what follows, before sealing: of
// frames that only find what differs, and of those with deltas.
func (p *pair) repair() (finding, deltas int) {
	now := time.Unix(1_700_000_001, 0)
	frames := []Send{{To: p.b.id, Frame: encodeRoot(root{p.a.digest.root, uint64(p.a.digest.owners), 1 << 63})}}
	from := map[ID]*node{p.b.id: p.a, p.a.id: p.b}
	for len(frames) > 0 {
		s := frames[0]
		frames = frames[1:]
		if from[s.To] == nil {
			continue // passed on to who is not simulated
		}
		if f, err := decodeFrame(s.Frame); err != nil {
			p.t.Fatal(err)
		} else if len(f.deltas) > 0 {
			deltas += len(s.Frame)
		} else {
			finding += len(s.Frame)
		}
		to := from[from[s.To].id] // the other of the other
		to.Receive(now, from[s.To].id, s.Frame)
		for fx := to.Flush(); ; fx = to.Flush() {
			frames = append(frames, fx.Sends...)
			if !fx.More {
				break
			}
		}
	}
	if p.a.digest.root != p.b.digest.root {
		p.t.Error("the difference was not repaired")
	}
	return finding, deltas
}

// TestOneStaleOwnerAmongManyIsCheapToRepair compares two replicas of ten thousand owners.
// What it costs depends on how many share the stale one's bucket.
func TestOneStaleOwnerAmongManyIsCheapToRepair(t *testing.T) {
	p := newPair(t, 10_000)
	if n, _ := p.repair(); n > 30 {
		t.Errorf("equal replicas exchange %d bytes", n)
	} else {
		t.Logf("equal replicas exchange %d bytes", n)
	}
	var costs []int
	for range 200 {
		p.ids = append(p.ids[1:], p.ids[0])
		p.differ(1)
		finding, deltas := p.repair()
		costs = append(costs, finding+deltas)
	}
	slices.Sort(costs)
	median, most := costs[len(costs)/2], costs[len(costs)-1]
	t.Logf("one stale owner of 10000 costs %d bytes, between %d and %d", median, costs[0], most)
	if median > 2800 || most > 3600 {
		t.Errorf("one stale owner costs %d bytes, or %d", median, most)
	}
}

// TestWhatFindingDifferencesCosts sets buckets beside a rateless IBLT (Yang, Gilad and
// Alizadeh, SIGCOMM 2024), which is not part of the protocol; docs/decisions/022 says why.
func TestWhatFindingDifferencesCosts(t *testing.T) {
	const owners, headSize, hashSize = 10_000, 29, 8
	for _, n := range []int{1, 10, 100, 1000} {
		p := newPair(t, owners)
		p.differ(n)
		finding, deltas := p.repair()
		symbols := 0
		const runs = 20
		for seed := range uint64(runs) {
			symbols += symbolsFor(rand.New(rand.NewPCG(seed, 1)), n)
		}
		symbols /= runs
		// A symbol: the XOR of hashes, of their check hashes, and a count. What is found are
		// hashes; who is behind is told which heads they stand for.
		iblt := symbols*(hashSize+4+1) + n*(hashSize+headSize)
		t.Logf("%4d of %d owners differ: buckets find them with %6d bytes, an IBLT would with %5d (%d symbols); their deltas take %6d", n, owners, finding, iblt, symbols, deltas)
		if most := 32 * owners; finding > most+2000 {
			t.Errorf("finding %d differences takes %d bytes, more than naming all owners does", n, finding)
		}
	}
}

// symbolsFor is how many coded symbols it takes until the differences of n owners can be
// read from them: for each there is the hash of one head here, and of another there. What
// both have cancels out, so it need not be coded.
func symbolsFor(rng *rand.Rand, n int) int {
	type symbol struct{ sum, count int } // of items, told apart by their number
	items := make([]func() int, 2*n)
	for i := range items {
		next := 0
		items[i] = func() int { // the symbols that the item is part of: 0, and then ever fewer
			at, u := next, 1-rng.Float64()
			next = max(at+1, at+int(math.Ceil((float64(at)+1.5)*(1/math.Sqrt(u)-1))))
			return at
		}
	}
	var symbols []symbol
	var members [][]int // of each item
	due := map[int][]int{}
	for i, next := range items {
		due[0] = append(due[0], i)
		next()
		members = append(members, nil)
	}
	decoded, known := make([]bool, 2*n), 0
	for at := 0; ; at++ {
		symbols = append(symbols, symbol{})
		for _, i := range due[at] {
			if next := items[i](); next > at {
				due[next] = append(due[next], i)
			}
			members[i] = append(members[i], at)
			if !decoded[i] {
				symbols[at].sum += i
				symbols[at].count++
			}
		}
		delete(due, at)
		for again := true; again; {
			again = false
			for s := range symbols {
				if symbols[s].count != 1 {
					continue
				}
				i := symbols[s].sum
				decoded[i], again = true, true
				known++
				for _, m := range members[i] {
					symbols[m].sum -= i
					symbols[m].count--
				}
			}
		}
		if known == 2*n {
			return len(symbols)
		}
	}
}
