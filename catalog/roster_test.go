package catalog

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A roster is held to a map, and every earlier one stays what it was.
func TestRostersHoldWhatWasPlaced(t *testing.T) {
	for round := range 60 {
		r := rand.New(rand.NewPCG(7, uint64(round)))
		have, want := roster{}, map[string]*Endpoint{}
		span := []int{5, 300, 3000}[round%3]
		type state struct {
			roster
			want []*Endpoint
		}
		var past []state
		for range 40 {
			var list []placement
			batch := []int{1, 3, 400}[r.IntN(3)]
			gone := r.IntN(3) == 0
			for range r.IntN(batch) + 1 {
				id := fmt.Sprintf("i%04d", r.IntN(span))
				if slices.ContainsFunc(list, func(p placement) bool { return p.id == id }) {
					continue
				}
				p := placement{node: "n", id: id}
				if gone {
					delete(want, id)
				} else {
					p.next = endpointFor(id)
					want[id] = p.next
				}
				list = append(list, p)
			}
			have = have.with(list)
			var sorted []*Endpoint
			for _, id := range slices.Sorted(maps.Keys(want)) {
				sorted = append(sorted, want[id])
			}
			past = append(past, state{have, sorted})
			for n := range 20 {
				id := fmt.Sprintf("i%04d", r.IntN(span)+n%2)
				if have.get("n", id) != want[id] {
					t.Fatalf("round %d: %s is another", round, id)
				}
			}
			for i, run := range have.runs {
				if len(run) == 0 || len(run) > maxRun {
					t.Fatalf("round %d: run %d of %d endpoints", round, i, len(run))
				}
			}
			if limit := 3*len(want)/minRun + 3; len(have.runs) > limit {
				t.Fatalf("round %d: %d endpoints in %d runs", round, len(want), len(have.runs))
			}
		}
		for i, s := range past {
			if got := slices.Collect(s.all()); !slices.Equal(got, s.want) || s.count() != len(got) {
				t.Fatalf("round %d: roster %d has %d endpoints, not %d, or others", round, i, len(got), len(s.want))
			}
		}
	}
}

func endpointFor(id string) *Endpoint {
	return &Endpoint{Packed: newShapes().pack(&Instance{ID: strings.Clone(id), Service: "web"}), Host: &Host{Node: &Node{Name: "n"}}}
}

// One placement must not cost a copy of all there are.
func TestARosterSharesWhatStays(t *testing.T) {
	var list []placement
	for i := range 50_000 {
		id := fmt.Sprintf("i%05d", i)
		list = append(list, placement{"n", id, endpointFor(id)})
	}
	before := roster{}.with(list)
	after := before.with([]placement{{"n", "i25000x", endpointFor("i25000x")}})
	first := map[**Endpoint]bool{}
	for _, run := range before.runs {
		first[&run[0]] = true
	}
	fresh := 0
	for _, run := range after.runs {
		if !first[&run[0]] {
			fresh++
		}
	}
	if fresh == 0 || fresh > 2 {
		t.Errorf("%d of %d runs are new", fresh, len(after.runs))
	}
}
