package lb

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"covey/catalog"
)

func hashes(kind string, n int) []uint64 {
	list := make([]uint64, n)
	for i := range list {
		h := fnv.New64a()
		fmt.Fprintf(h, "%s-%d", kind, i)
		list[i] = h.Sum64()
	}
	return list
}

// dealt is what each host is given.
func dealt(hosts, endpoints []uint64, weights []float64, k int) [][]bool {
	d := newDealer(hosts, endpoints, weights, k)
	d.dealAll()
	d.even()
	return d.has
}

func ones(n int) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = 1
	}
	return w
}

func TestSubsetsShareTheHostsByWeight(t *testing.T) {
	const hosts, n, k = 1000, 100, 10
	unequal := make([]float64, n)
	for i := range unequal {
		unequal[i] = float64(1 + i%4)
	}
	for name, weights := range map[string][]float64{"equal": ones(n), "unequal": unequal} {
		has := dealt(hashes("host", hosts), hashes("instance", n), weights, k)
		part := parts(weights, k)
		worst := 0.0
		for i := range n {
			count := 0
			for h := range has {
				if has[h][i] {
					count++
				}
			}
			want := part[i] * hosts
			worst = max(worst, math.Abs(float64(count)-want)/want)
		}
		t.Logf("%s: an instance's hosts are within %.1f %% of its weight", name, 100*worst)
		if worst > .15 {
			t.Errorf("%s: an instance is %.1f %% off its weight", name, 100*worst)
		}
	}
}

func TestAChangeMovesLittleMoreThanItMust(t *testing.T) {
	const hosts, n, k = 1000, 101, 10
	all, endpoints := hashes("host", hosts), hashes("instance", n)
	moved, must := 0, 0
	for gone := 0; gone < n; gone += 10 {
		with := dealt(all, endpoints, ones(n), k)
		left := slices.Delete(slices.Clone(endpoints), gone, gone+1)
		without := dealt(all, left, ones(n-1), k)
		for h := range all {
			if with[h][gone] {
				must++
			}
			for i, has := range without[h] {
				was := i
				if i >= gone {
					was++
				}
				if has && !with[h][was] {
					moved++
				}
			}
		}
	}
	ratio := float64(moved) / float64(must)
	t.Logf("one of %d instances gone: %.2f times the assignments that must move", n, ratio)
	if ratio > 1.2 {
		t.Errorf("%.2f times the assignments moved that must", ratio)
	}
}

func TestASubsetIsOfTheSizeAskedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hosts := hashes("h", rapid.IntRange(0, 40).Draw(t, "hosts"))
		weights := rapid.SliceOfN(rapid.Float64Range(-1, 100), 1, 40).Draw(t, "weights")
		endpoints := hashes("e", len(weights))
		k := rapid.IntRange(1, 50).Draw(t, "k")
		self := rapid.IntRange(-1, len(hosts)-1).Draw(t, "self")
		own := Subset(self, 7, hosts, endpoints, weights, k)
		if len(own) != min(k, len(weights)) || !slices.IsSorted(own) || len(slices.Compact(slices.Clone(own))) != len(own) {
			t.Fatalf("%v of %d, want %d", own, len(weights), k)
		}
		for _, w := range withinSubset(own, weights, k) {
			if !(w >= 0) || math.IsInf(w, 0) {
				t.Fatalf("a weight of %v", w)
			}
		}
		if again := Subset(self, 7, hosts, endpoints, weights, k); !slices.Equal(own, again) {
			t.Fatalf("%v, then %v", own, again)
		}
	})
}

// Finding a host's own subset takes the choice of all hosts: others that ask must not have
// it found again.
func TestTheOwnSubsetIsKeptWhoeverElseAsks(t *testing.T) {
	s := catalog.NewStore(0)
	for i := range byte(8) {
		id := catalog.NodeID{1, i}
		s.Apply(catalog.Update{Owner: id, Put: []catalog.Record{
			&catalog.Node{ID: id, Name: fmt.Sprint("n", i), Address: "10.0.0.1"},
			&catalog.Instance{ID: "a", Service: "web", Weights: catalog.DefaultWeights, Meta: map[string]string{"lb-policy": "subset:3"}},
		}})
		s.SetLiveness(id, catalog.Alive)
	}
	b := &Balancer{Node: "n0"}
	ask := func(client uint64) []Choice {
		return b.Balance(s.View(), Ask{Query: Query{Service: "web"}, Client: client}).Chosen
	}
	first := ask(0)
	kept := &b.services["web"].subset.own[0]
	for client := range uint64(20) {
		if got := len(ask(client + 1)); got != 3 {
			t.Fatalf("client %d is given %d instances", client+1, got)
		}
	}
	if again := ask(0); &b.services["web"].subset.own[0] != kept || len(first) != 3 || again[0].ID() != first[0].ID() {
		t.Error("it was found anew")
	}
}
