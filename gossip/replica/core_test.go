package replica

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestAChangeReachesAllWithoutRepair(t *testing.T) {
	for _, n := range []int{2, 5, 17, 18, 60} {
		w := newNetwork(t, 1, n, nil)
		w.run(5 * time.Second)
		w.put(w.order[0], "s/web", "v1")
		w.run(100 * time.Millisecond) // less than a tick apart from the last
		if err := w.converged(); err != nil {
			t.Errorf("%d nodes: %v", n, err)
		}
	}
}

// TestConvergesAfterAnyFaults is the protocol's main property, over random histories.
func TestConvergesAfterAnyFaults(t *testing.T) {
	eachSeed(t, 250, faulty)
}

func faulty(t *testing.T, seed uint64) {
	tune := func(c *Config) {
		c.DirectBelow = 4
		c.ChunkSize = 120 // so that whole states come in many chunks
		c.PacketSize = 200
		c.AnswerSize = 700
		c.FlushSize = 600
		c.TombstoneTTL = 3 * time.Second // so that collection happens
	}
	w := newNetwork(t, seed, 3+int(seed%9), tune)
	w.loss, w.double = float64(seed%4)*0.1, float64(seed%3)*0.1
	w.delay = time.Duration(1+w.rng.IntN(40)) * time.Millisecond
	up := func() ID {
		for {
			if id := w.order[w.rng.IntN(len(w.order))]; w.nodes[id].up {
				return id
			}
		}
	}
	alive := func() (n int) {
		for _, x := range w.nodes {
			if x.up {
				n++
			}
		}
		return n
	}
	partitioned := false
	for range 120 {
		key := fmt.Sprint("s/", w.rng.IntN(12))
		switch k := w.rng.IntN(40); {
		case k < 20:
			w.put(up(), key, strings.Repeat("x", w.rng.IntN(60))+fmt.Sprint(w.rng.Uint32()))
		case k < 30:
			w.put(up(), key, "")
		case k == 30 && alive() > 2 && !partitioned:
			w.crash(up())
		case k == 31 && !partitioned:
			for _, id := range w.order {
				if n := w.nodes[id]; !n.up && len(n.truth) > 0 {
					w.start(id, tune)
					break
				}
			}
		case k == 32 && alive() > 3 && !partitioned:
			w.leave(up())
			w.run(time.Second)
		case k == 33 && len(w.order) < 14 && !partitioned:
			w.start(w.newID(), tune)
		case k == 34 && !partitioned:
			partitioned = true
			bit := w.rng.IntN(60)
			w.partition(func(id ID) bool { return id[bit/8]>>(bit%8)&1 == 0 })
		case k == 35 && partitioned:
			partitioned = false
			w.heal()
		default:
			w.run(time.Duration(w.rng.IntN(1500)) * time.Millisecond)
		}
	}
	if partitioned {
		w.heal()
	}
	w.loss, w.double = 0, 0
	w.run(30 * time.Second)
	if err := w.converged(); err != nil {
		t.Errorf("not converged: %v", err)
	}
	if err := w.atRest(); err != nil {
		t.Error(err)
	}
	if w.delivered == 0 || seed%4 != 0 && w.lost == 0 || seed%3 != 0 && w.doubled == 0 {
		t.Errorf("the faults did not happen: %d delivered, %d lost, %d doubled", w.delivered, w.lost, w.doubled)
	}
}

func TestTheSameSeedGivesTheSameRun(t *testing.T) {
	run := func() (int, int, uint64) {
		w := newNetwork(t, 7, 20, nil)
		w.loss, w.double = 0.1, 0.1
		for i := range 50 {
			w.put(w.order[i%20], fmt.Sprint("s/", i), "x")
			w.run(10 * time.Millisecond)
		}
		w.run(5 * time.Second)
		return w.delivered, w.lost, w.nodes[w.order[3]].stats.BytesOut
	}
	d1, l1, b1 := run()
	d2, l2, b2 := run()
	if d1 != d2 || l1 != l2 || b1 != b2 {
		t.Errorf("%d, %d, %d then %d, %d, %d", d1, l1, b1, d2, l2, b2)
	}
}

func TestAnIdleClusterSaysLittle(t *testing.T) {
	w := newNetwork(t, 3, 200, nil)
	w.run(5 * time.Second)
	before := w.nodes[w.order[9]].stats
	w.run(100 * time.Second)
	after := w.nodes[w.order[9]].stats
	if bytes := (after.BytesOut - before.BytesOut) / 100; bytes > 100 {
		t.Errorf("%d bytes a second at rest", bytes)
	}
}

func TestALargeOwnerAppearsWhole(t *testing.T) {
	w := newNetwork(t, 4, 2, func(c *Config) { c.ChunkSize = 500; c.AnswerSize = 2000; c.FlushSize = 2000 })
	owner := w.nodes[w.order[0]]
	for i := range 500 {
		key := fmt.Sprintf("s/%03d", i)
		owner.truth[key] = "payload of some length"
		owner.Local(w.now, Put{Key: key, Payload: []byte(owner.truth[key])})
	}
	w.flush(owner)
	w.run(10 * time.Second)
	w.crash(w.order[0])
	w.start(w.order[0], func(c *Config) { c.ChunkSize = 500; c.FlushSize = 2000 })
	replica := w.nodes[w.order[1]]
	for range 100 {
		w.run(time.Millisecond)
		if got := len(replica.view[w.order[0]]); got != 501 {
			t.Fatalf("%d entries seen while the new epoch comes in, never less than all are due", got)
		}
	}
	w.run(10 * time.Second)
	if err := w.converged(); err != nil {
		t.Error(err)
	}
}

// TestANewcomerHasAllSoon: an answer cut by its limit brings one or two owners of many,
// and the pull goes on at once, not at the next tick.
func TestANewcomerHasAllSoon(t *testing.T) {
	tune := func(c *Config) { c.ChunkSize, c.AnswerSize = 2000, 8000 }
	w := newNetwork(t, 12, 40, tune)
	for _, id := range w.order {
		for i := range 10 {
			w.put(id, fmt.Sprint("s/", i), strings.Repeat("x", 500))
		}
	}
	w.run(10 * time.Second)
	for _, id := range w.order { // what the newcomer is not pushed, it must pull
		w.nodes[id].cfg.FlushSize = 1
	}
	newcomer := w.start(w.newID(), tune)
	w.run(500 * time.Millisecond)
	if err := w.converged(); err != nil {
		t.Error(err)
	}
	if newcomer.stats.Pulls < 10 {
		t.Errorf("only %d pulls, so no answer was cut", newcomer.stats.Pulls)
	}
}

func TestAnInvalidEntryIsNeitherAppliedNorPassedOn(t *testing.T) {
	w := newNetwork(t, 5, 1, nil)
	bad := errors.New("no good")
	n := w.nodes[w.order[0]]
	n.cfg.Validate = func(_ ID, key string, _ []byte) (any, error) {
		if key == "s/bad" {
			return nil, bad
		}
		return nil, nil
	}
	peer, owner := w.newID(), w.newID()
	n.SetMember(w.now, peer, Alive)
	n.SetMember(w.now, owner, Alive)
	n.Flush()
	send := func(key string, version uint64) Effects {
		s := newState(9)
		s.version = version
		e := change{key: key, version: version, payload: "x"}
		n.Receive(w.now, peer, appendDelta(nil, owner, s, version-1, version, entries(e)))
		return n.Flush()
	}
	if fx := send("s/good", 1); len(fx.Changes) != 1 {
		t.Fatalf("a good entry gave %+v", fx)
	}
	fx := send("s/bad", 2)
	if len(fx.Changes) != 0 || len(fx.Faults) != 1 || !errors.Is(fx.Faults[0].Err, bad) || fx.Faults[0].Owner != owner {
		t.Errorf("a bad entry gave %+v", fx)
	}
	for _, s := range fx.Sends {
		t.Errorf("it was passed on to %v", s.To)
	}
	if fx := send("s/good", 3); len(fx.Changes) != 0 {
		t.Errorf("a quarantined owner was heard: %+v", fx)
	}
	w.now = w.now.Add(2 * time.Minute)
	if fx := send("s/fine", 2); len(fx.Changes) != 1 {
		t.Errorf("the quarantine did not end: %+v", fx)
	}
}

func TestAnOwnerThatWasSetBackRaisesItsEpoch(t *testing.T) {
	w := newNetwork(t, 6, 4, nil)
	w.run(3 * time.Second)
	id := w.order[0]
	w.put(id, "s/old", "gone after the restore")
	w.run(3 * time.Second)
	w.crash(id)
	n := w.nodes[id]
	clear(n.truth)
	core := w.start(id, func(c *Config) { c.Epoch = 5 }) // a disk from long ago, and a clock that stands
	w.run(10 * time.Second)
	if core.stats.EpochsRaised == 0 {
		t.Error("it did not raise its epoch")
	}
	if err := w.converged(); err != nil {
		t.Error(err)
	}
}

func TestGoneIsRefutedByWhoIsHere(t *testing.T) {
	w := newNetwork(t, 8, 5, nil)
	w.put(w.order[1], "s/web", "v1")
	w.run(3 * time.Second)
	victim := w.nodes[w.order[1]]
	for _, id := range w.order {
		if n := w.nodes[id]; n != victim {
			n.Receive(w.now, w.order[0], appendGone(nil, gone{victim.id, victim.Epoch()}))
			w.flush(n)
		}
	}
	victim.Receive(w.now, w.order[0], appendGone(nil, gone{victim.id, victim.Epoch()}))
	w.flush(victim)
	for _, id := range w.order { // membership still has it
		if n := w.nodes[id]; n != victim {
			n.SetMember(w.now, victim.id, Alive)
			w.flush(n)
		}
	}
	w.run(10 * time.Second)
	if err := w.converged(); err != nil {
		t.Error(err)
	}
}

func TestRestoreBringsBackASnapshot(t *testing.T) {
	w := newNetwork(t, 9, 3, func(c *Config) { c.ChunkSize = 100 })
	for i := range 50 {
		w.put(w.order[i%3], fmt.Sprint("s/", i), "some payload")
		if i%5 == 0 {
			w.put(w.order[i%3], fmt.Sprint("s/", i), "")
		}
	}
	w.run(5 * time.Second)
	old := w.nodes[w.order[0]]
	fresh, err := New(Config{Self: old.id, Epoch: old.epoch + 1}, w.now)
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Snapshot(func(_ ID, raw []byte) error { return fresh.Restore(w.now, raw) }); err != nil {
		t.Fatal(err)
	}
	copied := &node{Core: fresh, id: old.id, view: map[ID]map[string]string{}, heads: map[ID]head{}}
	for _, ch := range fresh.Flush().Changes {
		copied.apply(w, ch)
	}
	for _, id := range w.order[1:] {
		if got, want := fmt.Sprint(copied.view[id]), fmt.Sprint(w.nodes[id].truth); got != want {
			t.Errorf("of %v: %s, want %s", id, got, want)
		}
	}
}
