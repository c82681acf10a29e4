package lb_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"covey/lb"
)

func means(weights []uint16) []float64 {
	m := make([]float64, len(weights))
	for i, w := range weights {
		m[i] = lb.Mean(float64(w))
	}
	return m
}

// Each of the ways to bring keys into order is held to the weights: ranked, sorted as a
// whole, and the least only.
func TestDrawFollowsTheWeights(t *testing.T) {
	twenty := make([]uint16, 20)
	for i := range twenty {
		twenty[i] = uint16(1 + i*i)
	}
	many := slices.Repeat([]uint16{7, 1, 2, 4}, 50)
	for name, c := range map[string]struct {
		weights []uint16
		k       int
		kinds   int // weights of so many kinds, in turn
	}{
		"ranked":           {[]uint16{6, 3, 2, 1}, 4, 4},
		"the least":        {twenty, 1, 20},
		"far apart":        {[]uint16{65535, 655}, 2, 2},
		"more than ranked": {twenty, 20, 20},
		"sorted":           {many, len(many), 4},
	} {
		t.Run(name, func(t *testing.T) {
			d := lb.NewDraw(5)
			m := means(c.weights)
			first := make([]int, c.kinds)
			for range 100_000 {
				first[int(d.ByWeight(m, c.k)[0])%c.kinds]++
			}
			follows(t, first, normalised(c.weights[:c.kinds]))
		})
	}
}

// ordersOfThree are the orders of three instances, and how often each comes when they are
// taken one after another, each by its weight among those that are left.
func ordersOfThree() (weights []uint16, orders [][]uint8, shares []float64) {
	weights = []uint16{5, 3, 1}
	orders = [][]uint8{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
	for _, order := range orders {
		share, left := 1.0, 9.0
		for _, i := range order {
			share *= float64(weights[i]) / left
			left -= float64(weights[i])
		}
		shares = append(shares, share)
	}
	return weights, orders, shares
}

func TestDrawFollowsSuccessiveSampling(t *testing.T) {
	weights, orders, want := ordersOfThree()
	d := lb.NewDraw(7)
	m := means(weights)
	seen := make([]int, len(orders))
	for range 200_000 {
		places := d.ByWeight(m, 3)
		seen[slices.IndexFunc(orders, func(o []uint8) bool { return slices.Equal(o, places) })]++
	}
	follows(t, seen, want)
}

func TestDrawEvenly(t *testing.T) {
	d := lb.NewDraw(9)
	first, last := make([]int, 20), make([]int, 20)
	for range 100_000 {
		p := d.Evenly(20, 20)
		first[p[0]]++
		last[p[19]]++
	}
	even := normalised(slices.Repeat([]uint16{1}, 20))
	follows(t, first, even)
	follows(t, last, even)
}

// Whatever the weights, an order has each place once, and those of weight 0 last.
func TestDrawIsAnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Uint16(), 1, lb.MaxDraw).Draw(t, "weights")
		n := len(weights)
		k := rapid.IntRange(0, n).Draw(t, "k")
		d := lb.NewDraw(rapid.Uint64().Draw(t, "seed"))
		for name, places := range map[string][]uint8{
			"evenly":  slices.Clone(d.Evenly(n, k)),
			"weights": slices.Clone(d.ByWeight(means(weights), k)),
		} {
			if len(places) != k {
				t.Fatalf("%s: %d places, want %d", name, len(places), k)
			}
			idle := false
			met := map[uint8]bool{}
			for _, p := range places {
				if int(p) >= n || met[p] {
					t.Fatalf("%s: %v of %d", name, places, n)
				}
				met[p] = true
				if idle && weights[p] > 0 && name == "weights" {
					t.Fatalf("%v: one of weight 0 comes before place %d", places, p)
				}
				idle = idle || weights[p] == 0
			}
		}
	})
}

func BenchmarkDraw(b *testing.B) {
	for _, n := range []int{10, 20, 50, lb.MaxDraw} {
		weights := make([]uint16, n)
		for i := range weights {
			weights[i] = uint16(1 + i%5)
		}
		m := means(weights)
		for _, k := range []int{1, n} {
			b.Run(fmt.Sprintf("%d of %d by weight", k, n), func(b *testing.B) {
				d := lb.NewDraw(1)
				b.ReportAllocs()
				for b.Loop() {
					d.ByWeight(m, k)
				}
			})
			b.Run(fmt.Sprintf("%d of %d evenly", k, n), func(b *testing.B) {
				d := lb.NewDraw(1)
				b.ReportAllocs()
				for b.Loop() {
					d.Evenly(n, k)
				}
			})
		}
	}
}
