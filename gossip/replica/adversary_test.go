package replica

import (
	"testing"
	"time"
)

// acts are what the adversary does, each as often as its weight says. An act returns
// false if it could not happen just then.
func acts() []act {
	return []act{
		{"put an entry", 16, func(w *adversary) bool {
			n, ok := w.someone(isUp)
			if ok {
				key, value := w.randomPut()
				w.put(n.id, key, value)
			}
			return ok
		}},
		{"deleted an entry", 8, func(w *adversary) bool {
			n, ok := w.someone(func(n *node) bool { return n.up && len(n.truth) > 1 })
			if ok {
				key, _ := w.randomPut()
				w.put(n.id, key, "")
			}
			return ok
		}},
		{"let time pass", 11, func(w *adversary) bool {
			w.run(w.within(1500 * time.Millisecond))
			return true
		}},
		{"crashed, told late", 2, (*adversary).crashUnnoticed},
		{"started again", 3, func(w *adversary) bool {
			n, ok := w.someone(isDown)
			if ok {
				w.rise(n, true)
			}
			return ok
		}},
		{"started again without telling", 2, func(w *adversary) bool {
			n, ok := w.someone(isUp)
			if ok {
				w.rise(n, false)
			}
			return ok
		}},
		{"left", 2, (*adversary).leaveSlowly},
		{"joined", 1, func(w *adversary) bool {
			ok := len(w.order) < 14
			if ok {
				w.rise(w.node(w.newID()), true)
			}
			return ok
		}},
		{"parted or healed", 1, (*adversary).partOrHeal},
		{"lost frames one way", 2, func(w *adversary) bool {
			a, ok := w.someone(isUp)
			b, _ := w.someone(isUp)
			if ok && a != b {
				w.worse[link{a.id, b.id}] = 0.5 * float64(1+w.rng.IntN(2))
			}
			return ok && a != b
		}},
		{"mended the links", 1, func(w *adversary) bool {
			clear(w.worse)
			w.informAllOfAll(4 * time.Second)
			return true
		}},
		{"lied of a failure", 2, func(w *adversary) bool { return w.lie(Failed) }},
		{"lied of a leaving", 1, func(w *adversary) bool { return w.lie(Unknown) }},
	}
}

type act struct {
	name   string
	weight int
	do     func(*adversary) bool
}

func (w *adversary) crashUnnoticed() bool {
	n, ok := w.someone(isUp)
	if !ok || w.staying() < 3 {
		return false
	}
	n.up = false
	w.status[n.id] = Failed
	w.informAll(n.id, 4*time.Second)
	return true
}

// leaveSlowly says goodbye and stops some time after, unless started again before.
func (w *adversary) leaveSlowly() bool {
	n, ok := w.someone(func(n *node) bool { return n.up && !n.leaving })
	if !ok || w.staying() < 4 {
		return false
	}
	core := n.Core
	n.Leave(w.now)
	w.flush(n)
	w.after(w.within(1500*time.Millisecond), func() {
		if n.Core != core || !n.up {
			w.happens["came back while leaving"]++
			return
		}
		n.up = false
		clear(n.truth)
		w.status[n.id] = Unknown
		w.informAll(n.id, 3*time.Second)
	})
	return true
}

func (w *adversary) partOrHeal() bool {
	if w.parted == nil {
		bit := w.rng.IntN(60)
		side := func(id ID) bool { return id[bit/8]>>(bit%8)&1 == 0 }
		w.parted = func(a, b ID) bool { return side(a) != side(b) }
		w.cut = w.parted
	} else {
		w.parted = nil
		w.cut = func(a, b ID) bool { return false }
	}
	w.informAllOfAll(4 * time.Second)
	return true
}

// lie makes one node hear of another, which is well, that it failed or left.
func (w *adversary) lie(status Membership) bool {
	a, ok := w.someone(isUp)
	b, _ := w.someone(isUp)
	if !ok || a == b {
		return false
	}
	l, d := link{a.id, b.id}, w.within(5*time.Second)
	w.belied[l] = lie{status, w.now.Add(d)}
	w.inform(l, 0)
	w.inform(l, d+time.Millisecond)
	return true
}

// misfortune is one random history, and what must hold after it.
func misfortune(t *testing.T, seed uint64, happens map[string]int) *adversary {
	w := newAdversary(newNetwork(t, seed, 0, nil), seed, happens)
	for range 3 + seed%9 {
		w.rise(w.node(w.newID()), true)
	}
	var drawn []act
	for _, a := range acts() {
		for range a.weight {
			drawn = append(drawn, a)
		}
	}
	for range 150 {
		if a := drawn[w.rng.IntN(len(drawn))]; a.do(w) {
			happens[a.name]++
		}
	}
	w.settle()
	for _, holds := range []func() error{w.identical, w.converged, w.atRest} {
		if err := holds(); err != nil {
			t.Error(err)
			break
		}
	}
	w.count()
	return w
}

// count adds up what befell the frames and what it made the cores do.
func (w *adversary) count() {
	h := w.happens
	h["lost a frame"] += w.lost
	h["lost a frame one way"] += w.lostOneWay
	h["doubled a frame"] += w.doubled
	h["cut a frame off"] += w.severed
	for _, n := range w.nodes {
		h["began anew with a whole state"] += int(n.stats.Resets)
		h["raised an epoch"] += int(n.stats.EpochsRaised)
		h["met a gap"] += int(n.stats.DeltasGap)
		h["gave up a pull"] += int(n.stats.PullsTimedOut)
		if n.own.gc > 0 {
			h["collected tombstones"]++
		}
	}
}

// TestConvergesWhateverMembershipSays is the protocol's main property where membership
// is no help: what it says comes late, one-sided or is wrong, and disks lose records.
func TestConvergesWhateverMembershipSays(t *testing.T) {
	happens := map[string]int{}
	for _, a := range acts() {
		happens[a.name] = 0
	}
	for _, name := range []string{
		"started without a disk", "restored from a snapshot", "restored from a journal",
		"lost a record from disk", "set the epoch back", "came back while leaving",
	} {
		happens[name] = 0
	}
	runs := 0
	eachSeed(t, 250, func(t *testing.T, seed uint64) {
		runs++
		misfortune(t, seed, happens)
	})
	for name, times := range happens {
		if times == 0 && runs >= 40 { // fewer may have been spared
			t.Errorf("over all seeds it never %s", name)
		}
	}
	t.Log(happens)
}

func TestTheSameSeedGivesTheSameMisfortune(t *testing.T) {
	run := func() (delivered, lost int, out uint64) {
		w := misfortune(t, 11, map[string]int{})
		for _, n := range w.nodes {
			out += n.stats.BytesOut
		}
		return w.delivered, w.lost, out
	}
	d1, l1, b1 := run()
	d2, l2, b2 := run()
	if d1 != d2 || l1 != l2 || b1 != b2 {
		t.Errorf("%d, %d, %d then %d, %d, %d", d1, l1, b1, d2, l2, b2)
	}
}
