package health

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/internal/bubble"
)

// owner believes what it set itself and what it was told since, as an agent does. It is
// slow to take reports in.
type owner struct {
	mu      sync.Mutex
	rand    *rand.Rand
	beliefs map[string]Report
	told    map[string]Report // by Report, to see repetitions
	repeats int
}

func (o *owner) take(r Report) {
	o.mu.Lock()
	delay := time.Duration(o.rand.IntN(3)) * 50 * time.Millisecond
	o.mu.Unlock()
	time.Sleep(delay)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.told[r.CheckID] == r {
		o.repeats++
	}
	o.told[r.CheckID] = r
	if _, ok := o.beliefs[r.CheckID]; ok {
		o.beliefs[r.CheckID] = r
	}
}

func (o *owner) set(m *Monitor, def definition.Check, r Report) {
	o.mu.Lock()
	o.beliefs[r.CheckID] = r
	delete(o.told, r.CheckID)
	o.mu.Unlock()
	m.Set(&def, r.Status, r.Output)
}

func (o *owner) remove(m *Monitor, id string) {
	o.mu.Lock()
	delete(o.beliefs, id)
	delete(o.told, id)
	o.mu.Unlock()
	m.Remove(id)
}

// Whatever is added, replaced, removed and updated while reports are on their way, in
// the end the owner believes what is so.
func TestInTheEndTheOwnerBelievesWhatIsSo(t *testing.T) {
	for seed := range uint64(60) {
		o := &owner{rand: rand.New(rand.NewPCG(seed, 1)), beliefs: map[string]Report{}, told: map[string]Report{}}
		in(t, Config{Report: o.take, MaxConcurrent: 3}, func(t *testing.T, b *bench) {
			r := rand.New(rand.NewPCG(seed, 2))
			verdicts := []verdict{passes, warns, fails}
			for i := range 8 {
				s, _ := b.service(fmt.Sprint("svc", i), time.Second, passes)
				s.takes = time.Duration(r.IntN(4)) * 400 * time.Millisecond
			}
			for range 400 {
				id := fmt.Sprint("svc", r.IntN(8))
				switch r.IntN(8) {
				case 0:
					o.remove(b.Monitor, id)
				case 1:
					o.set(b.Monitor, ttl(id, time.Second), found(id, catalog.Status(r.IntN(3)), "set"))
				case 2, 3:
					def := checkNamed(id)
					def.FailuresBeforeCritical = r.IntN(2)
					o.set(b.Monitor, def, found(id, catalog.Status(r.IntN(3)), "set"))
				case 4:
					b.Beat(id, catalog.Status(r.IntN(3)), fmt.Sprint("beat", r.IntN(3)))
				case 5:
					b.stubs[id].set(verdicts[r.IntN(3)])
				default:
					pass(time.Duration(r.IntN(300)) * time.Millisecond)
				}
			}
			if err := b.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			bubble.Wait()
			pass(time.Minute)
			b.Monitor.mu.Lock()
			defer b.Monitor.mu.Unlock()
			o.mu.Lock()
			defer o.mu.Unlock()
			if len(b.checks) != len(o.beliefs) {
				t.Errorf("seed %d: %d checks, %d believed in", seed, len(b.checks), len(o.beliefs))
			}
			for id, c := range b.checks {
				if o.beliefs[id] != c.state() {
					t.Errorf("seed %d: %s stands %v, believed %v", seed, id, c.state(), o.beliefs[id])
				}
			}
		})
		if o.repeats > 10 { // only what was set while a report was on its way is told twice
			t.Errorf("seed %d: %d reports told nothing new", seed, o.repeats)
		}
	}
}
