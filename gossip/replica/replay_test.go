package replica

import (
	"fmt"
	"maps"
	"testing"
	"time"
)

// taped is a frame as somebody on the way recorded it.
type taped struct {
	from  ID
	frame []byte
}

// TestRecordedFramesAreHarmless plays all that was sent in a history of changes,
// deletions, restarts and leaving to every node again, in any order, some of it long
// after. Nothing comes of it but answers.
func TestRecordedFramesAreHarmless(t *testing.T) {
	for seed := range uint64(20) {
		w := newNetwork(t, seed, 0, nil)
		var tape []taped
		w.tape = &tape
		for range 6 {
			w.start(w.newID(), func(c *Config) { c.DirectBelow = 3; c.TombstoneTTL = 2 * time.Second })
		}
		gone := w.order[5]
		for i := range 60 {
			w.put(w.order[w.rng.IntN(6)], fmt.Sprint("s/", w.rng.IntN(8)), []string{"", "x", "y"}[w.rng.IntN(3)])
			w.run(time.Duration(w.rng.IntN(300)) * time.Millisecond)
			switch i {
			case 20, 40: // everyone is told anew who it is, in a new epoch
				w.crash(w.order[0])
				w.start(w.order[0], nil)
			case 50:
				w.leave(gone)
			}
		}
		w.run(10 * time.Second)
		w.tape = nil
		before, old := w.seen(), w.old()
		deltas := 0
		for round := range 2 {
			for _, k := range w.rng.Perm(len(tape)) {
				f, err := decodeFrame(tape[k].frame)
				if err != nil {
					t.Fatal(err)
				}
				for _, id := range w.order {
					if n := w.nodes[id]; n.up && id != tape[k].from {
						n.Receive(w.now, tape[k].from, tape[k].frame)
						w.flush(n)
						deltas += len(f.deltas)
					}
				}
				if w.rng.IntN(20) == 0 {
					w.run(100 * time.Millisecond)
				}
			}
			w.run(time.Duration(1+round*90) * time.Second) // the second round finds graves and tombstones older
		}
		if err := w.converged(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		after := w.seen()
		for id, view := range before {
			if !maps.EqualFunc(view, after[id], maps.Equal) {
				t.Errorf("seed %d: %v knew %v, and knows %v", seed, id, view, after[id])
			}
		}
		// Those of an owner to itself are passed over, and not counted.
		if n := w.old() - old; n < uint64(deltas)/2 {
			t.Errorf("seed %d: of %d deltas that were old, %d were counted", seed, deltas, n)
		}
	}
}

// seen is what each node that is up has been told of the others.
func (w *network) seen() map[ID]map[ID]map[string]string {
	all := map[ID]map[ID]map[string]string{}
	for id, n := range w.nodes {
		if !n.up {
			continue
		}
		all[id] = map[ID]map[string]string{}
		for owner, view := range n.view {
			all[id][owner] = maps.Clone(view)
		}
	}
	return all
}

// old is how many deltas were found to be old.
func (w *network) old() (sum uint64) {
	for _, n := range w.nodes {
		sum += n.stats.DeltasOld
	}
	return sum
}
