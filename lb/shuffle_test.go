package lb_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"covey/catalog"
	"covey/lb"
)

// chi999 holds the values that chi-square exceeds once in a thousand times, by
// degrees of freedom.
var chi999 = map[int]float64{1: 10.828, 2: 13.816, 3: 16.266, 4: 18.467, 5: 20.515, 9: 27.877, 19: 43.820, 23: 49.728}

// follows fails the test if what was observed would come from the shares less than
// once in a thousand times.
func follows(t *testing.T, observed []int, shares []float64) {
	t.Helper()
	total := 0
	for _, n := range observed {
		total += n
	}
	chi2 := 0.0
	for i, n := range observed {
		want := shares[i] * float64(total)
		chi2 += (float64(n) - want) * (float64(n) - want) / want
	}
	limit, ok := chi999[len(observed)-1]
	if !ok {
		t.Fatalf("no limit for %d degrees of freedom", len(observed)-1)
	}
	if chi2 > limit {
		t.Errorf("chi-square %.1f exceeds %.1f: observed %v, want shares %v", chi2, limit, observed, shares)
	}
}

func normalised(weights []uint16) []float64 {
	sum := 0.0
	for _, w := range weights {
		sum += float64(w)
	}
	shares := make([]float64, len(weights))
	for i, w := range weights {
		shares[i] = float64(w) / sum
	}
	return shares
}

// choices are one for each weight; each knows its place in weights by its port.
func choices(weights []uint16) []lb.Choice {
	c := make([]lb.Choice, len(weights))
	store := catalog.NewStore(0)
	for i, w := range weights {
		c[i] = lb.Choice{Endpoint: &catalog.Endpoint{Packed: store.Pack(&catalog.Instance{Port: uint16(i)})}, Weight: float64(w)}
	}
	return c
}

func TestFirstPositionFollowsTheWeights(t *testing.T) {
	many := make([]uint16, 20)
	for i := range many {
		many[i] = uint16(1 + i*i)
	}
	for name, weights := range map[string][]uint16{
		"two":          {3, 1},
		"equal":        {1, 1, 1, 1},
		"far apart":    {65535, 655},
		"twenty":       many,
		"large equals": {65535, 65535, 65535},
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			c := choices(weights)
			first := make([]int, len(weights))
			for range 200_000 {
				lb.Shuffle(c, r)
				first[c[0].Port]++
			}
			follows(t, first, normalised(weights))
		})
	}
}

// The law of successive sampling: P(i then j) = w_i/W * w_j/(W - w_i).
func TestSecondPositionFollowsSuccessiveSampling(t *testing.T) {
	weights := []uint16{6, 3, 2, 1}
	const total = 12.0
	want := make([]float64, len(weights))
	for i, wi := range weights {
		for j, wj := range weights {
			if i != j {
				want[j] += float64(wi) / total * float64(wj) / (total - float64(wi))
			}
		}
	}
	r := rand.New(rand.NewPCG(3, 4))
	c := choices(weights)
	second := make([]int, len(weights))
	for range 200_000 {
		lb.Shuffle(c, r)
		second[c[1].Port]++
	}
	follows(t, second, want)
}

func TestWholeOrderFollowsSuccessiveSampling(t *testing.T) {
	weights := []uint16{5, 3, 1}
	orders := [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
	want, index := make([]float64, len(orders)), map[[3]int]int{}
	for n, o := range orders {
		left := 9.0
		p := 1.0
		for _, i := range o {
			p *= float64(weights[i]) / left
			left -= float64(weights[i])
		}
		want[n], index[o] = p, n
	}
	r := rand.New(rand.NewPCG(5, 6))
	c := choices(weights)
	seen := make([]int, len(orders))
	for range 200_000 {
		lb.Shuffle(c, r)
		seen[index[[3]int{int(c[0].Port), int(c[1].Port), int(c[2].Port)}]]++
	}
	follows(t, seen, want)
}

// What the answers rely on when several instances share one address.
func TestKeepingTheFirstOfEqualsFollowsTheirSum(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	c := choices([]uint16{65535, 65535, 65535}) // 0 and 1 share an address
	first := make([]int, 2)
	for range 100_000 {
		lb.Shuffle(c, r)
		first[c[0].Port/2]++
	}
	follows(t, first, []float64{2. / 3, 1. / 3})
}

func TestWeightZeroComesLastInRandomOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	c := choices([]uint16{0, 1, 0, 65535, 0})
	atThree := map[uint16]int{}
	for range 30_000 {
		lb.Shuffle(c, r)
		for i, choice := range c {
			if (choice.Weight == 0) != (i >= 2) {
				t.Fatalf("weight %g stands at %d", choice.Weight, i)
			}
		}
		atThree[c[2].Port]++
	}
	follows(t, []int{atThree[0], atThree[2], atThree[4]}, []float64{1. / 3, 1. / 3, 1. / 3})
}

func TestAllWeightsZeroShuffleEvenly(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	c := choices([]uint16{0, 0, 0, 0})
	first := make([]int, 4)
	for range 40_000 {
		lb.Shuffle(c, r)
		first[c[0].Port]++
	}
	follows(t, first, []float64{.25, .25, .25, .25})
}

func TestShuffleIsAPermutation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Uint16(), 0, 100).Draw(t, "weights")
		c := choices(weights)
		lb.Shuffle(c, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)))
		seen := map[uint16]bool{}
		for _, choice := range c {
			if seen[choice.Port] || choice.Weight != float64(weights[choice.Port]) {
				t.Fatalf("%d stands twice, or with another's weight", choice.Port)
			}
			seen[choice.Port] = true
		}
		if len(seen) != len(weights) {
			t.Fatalf("%d of %d are left", len(seen), len(weights))
		}
	})
}

func TestShuffleOfAFewDoesNotAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	c := choices(make([]uint16, 32))
	for i := range c {
		c[i].Weight = float64(i)
	}
	if n := testing.AllocsPerRun(100, func() { lb.Shuffle(c, r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkShuffle(b *testing.B) {
	for _, n := range []int{3, 20, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			c := choices(make([]uint16, n))
			for i := range c {
				c[i].Weight = float64(1 + i%7)
			}
			b.ReportAllocs()
			for b.Loop() {
				lb.Shuffle(c, r)
			}
		})
	}
}

// crowd is a catalogue of n passing instances of "web" on as many nodes.
func crowd(n int) *catalog.View {
	s := catalog.NewStore(0)
	for i := range n {
		id := catalog.NodeID{1, byte(i), byte(i >> 8)}
		s.Apply(catalog.Update{Owner: id, Put: []catalog.Record{
			&catalog.Node{ID: id, Name: fmt.Sprintf("n%d", i), Address: fmt.Sprintf("10.0.%d.%d", i>>8, i&255)},
			&catalog.Instance{ID: "web", Service: "web", Port: 80, Tags: []string{"v1"}, Weights: catalog.DefaultWeights,
				Checks: []catalog.Check{{ID: "c", Status: catalog.Passing}}},
		}})
		s.SetLiveness(id, catalog.Alive)
	}
	return s.View()
}
