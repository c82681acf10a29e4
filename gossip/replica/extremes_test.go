package replica

import (
	"math"
	"sort"
	"testing"
	"time"
)

// TestStatesAtTheTopOfTheirRangePass sends, of an owner that lives, states with the
// largest numbers a frame can bear. Whoever takes one is put right by the owner, which
// goes on being heard afterwards.
func TestStatesAtTheTopOfTheirRangePass(t *testing.T) {
	begun := time.Unix(1_900_000_000, 0) // after the first release: see Plausible
	// What is plausible grows with the clock: at the very top, the owner is heard again
	// when it has gone on a little.
	top := uint64(sort.Search(maxCount, func(epoch int) bool { return !Plausible(begun, uint64(epoch)) })) - 1
	for _, c := range []struct {
		name  string
		taken bool
		state func(own uint64) *state
	}{
		{"the own epoch, at the last version", true, func(own uint64) *state { return stateAt(own, maxCount, 0) }},
		{"the own epoch, all collected", true, func(own uint64) *state { return stateAt(own, maxCount, maxCount) }},
		{"the last epoch that is plausible", true, func(uint64) *state { return stateAt(top, 1, 0) }},
		{"the last of both", true, func(uint64) *state { return stateAt(top, maxCount, maxCount) }},
		{"the last epoch of all", false, func(uint64) *state { return stateAt(maxCount, maxCount, 0) }},
	} {
		w := newNetwork(t, 3, 0, nil)
		w.now = begun
		for range 5 {
			w.start(w.newID(), nil)
		}
		victim := w.order[2]
		w.put(victim, "s/web", "v1")
		w.run(3 * time.Second)
		s := c.state(w.nodes[victim].Epoch())
		key := change{key: "s/forged", version: s.version, payload: "x"}
		b := appendDelta(nil, victim, s, 0, s.version, entries(key))
		lie := incarnation{victim, s.epoch}
		if w.said[lie] == nil {
			w.said[lie] = history{}
		}
		w.said[lie].add(key) // a key's holder may say so of any owner: that the lie ends is what counts
		if s.gc > 0 {
			for k := range w.nodes[victim].truth {
				w.said[lie].add(change{key: k, version: s.version - 1, deleted: true})
			}
		}
		took, refused := 0, 0
		for _, id := range w.order {
			n := w.nodes[id]
			n.Receive(w.now, w.order[4], b)
			if s := n.owners[victim]; id != victim && s.cur.text("s/forged") != "" {
				took++
			}
			refused += len(n.fx.Faults)
			n.fx.Faults = nil
			w.flush(n)
		}
		if c.taken && took != len(w.order)-1 || !c.taken && (took > 0 || refused != len(w.order)) {
			t.Errorf("%s: %d of %d took it, %d refused it", c.name, took, len(w.order)-1, refused)
		}
		w.run(10 * time.Second)
		w.put(victim, "s/web", "v2")
		w.run(10 * time.Second)
		if err := w.converged(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for _, id := range w.order {
			if n := w.nodes[id]; id != victim && (n.view[victim]["s/web"] != "v2" || n.view[victim]["s/forged"] != "") {
				t.Errorf("%s: it ends with %v", c.name, n.view[victim])
			}
		}
	}
}

func stateAt(epoch, version, gc uint64) *state {
	s := newState(epoch)
	s.version, s.gc = version, gc
	return s
}

// TestAbsurdCountsCostNothing sends frames whose lists are as long as a frame can be and
// of owners that do not exist. What is answered and kept is bounded.
func TestAbsurdCountsCostNothing(t *testing.T) {
	id := func(i int) ID { return ID{1, byte(i), byte(i >> 8), byte(i >> 16)} }
	const limit = 100
	many := &heads{}
	p := &pull{number: math.MaxUint32}
	var gones, deltas []byte
	for i := range 8000 {
		if i < MaxFrame/36 { // bytes of one
			many.heads = append(many.heads, head{id(i), 1 + uint64(i), maxCount})
		}
		if i < MaxFrame/45 {
			p.wants = append(p.wants, want{id(i), 1, maxCount, maxCount})
		}
		if len(gones) < MaxFrame-1000 {
			gones = appendGone(gones, gone{id(i), 1 + uint64(i)})
		}
		if len(deltas) < MaxFrame-1000 {
			deltas = appendDelta(deltas, id(i), stateAt(7, 1, 0), 0, 1, nil)
		}
	}
	for i := range buckets {
		many.cover(i)
	}
	for name, b := range map[string][]byte{
		"heads": encodeHeads(many), "wants": encodePull(p), "gones": gones, "deltas": deltas,
	} {
		now := time.Unix(1_900_000_000, 0)
		c, err := New(Config{Self: ID{9}, Epoch: 3, MaxOwners: limit}, now)
		if err != nil {
			t.Fatal(err)
		}
		c.Local(now, Put{Key: "n", Payload: []byte("self")})
		c.SetMember(now, ID{8}, Alive)
		c.Flush()
		if len(b) > MaxFrame {
			t.Fatalf("%s: %d bytes are no frame", name, len(b))
		}
		sent := 0
		for range 50 {
			c.Receive(now, ID{8}, b)
			for _, s := range c.Flush().Sends {
				sent += len(s.Frame)
			}
			now = now.Add(100 * time.Millisecond)
			c.Tick(now)
		}
		if most := 50 * (len(b) + 10_000); sent > most {
			t.Errorf("%s: %d bytes were sent for %d", name, sent, 50*len(b))
		}
		if z := c.Size(); z.Owners > limit+2 || z.Pulls > 2*len(many.heads) || z.Pushes > limit+2 || z.Staged > limit+2 || z.Graves > 2*8000 {
			t.Errorf("%s: it holds %+v", name, z)
		}
	}
}
