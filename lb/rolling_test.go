package lb_test

import (
	"fmt"
	"slices"
	"testing"

	"covey/lb"
)

func aliasOf(weights []uint16) *lb.Alias {
	w := make([]float64, len(weights))
	for i := range weights {
		w[i] = float64(weights[i])
	}
	return lb.NewAlias(w)
}

// However often it was rolled on, an order is distributed as one that is drawn anew.
func TestRollingIsSuccessiveSampling(t *testing.T) {
	weights, orders, want := ordersOfThree()
	d, a, m := lb.NewDraw(21), aliasOf(weights), means(weights)
	for _, answers := range []int{1, 2, 3, 17, 18} {
		seen := make([]int, len(orders))
		for range 50_000 {
			var r lb.Rolling
			var places []uint8
			for range answers {
				places = d.Roll(&r, a, m)
			}
			seen[slices.IndexFunc(orders, func(o []uint8) bool { return slices.Equal(o, places) })]++
		}
		t.Run(fmt.Sprint("answer ", answers), func(t *testing.T) { follows(t, seen, want) })
	}
}

// Who is first does not hang on who was before, and who is last does not stay for long.
func TestRollingGoesOn(t *testing.T) {
	weights := []uint16{6, 3, 2, 1}
	d, a, m := lb.NewDraw(23), aliasOf(weights), means(weights)
	var r lb.Rolling
	after := make([][]int, len(weights))
	for i := range after {
		after[i] = make([]int, len(weights))
	}
	first := d.Roll(&r, a, m)[0]
	for range 200_000 {
		next := d.Roll(&r, a, m)[0]
		after[first][next]++
		first = next
	}
	for _, seen := range after {
		follows(t, seen, normalised(weights))
	}

	// One of weight 0 is last; who is before it, of those that are hardly ever drawn, changes.
	rare := []uint16{65535, 1, 1, 0}
	a, m, r = aliasOf(rare), means(rare), lb.Rolling{}
	seconds := map[uint8]int{}
	for range 1000 {
		places := d.Roll(&r, a, m)
		if places[3] != 3 {
			t.Fatalf("%v", places)
		}
		seconds[places[1]]++
	}
	if seconds[1] < 300 || seconds[2] < 300 {
		t.Errorf("second are %v", seconds)
	}
}

func BenchmarkRoll(b *testing.B) {
	for _, n := range []int{10, 20, 50} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			weights := make([]uint16, n)
			for i := range weights {
				weights[i] = uint16(1 + i)
			}
			d, a, m := lb.NewDraw(1), aliasOf(weights), means(weights)
			var r lb.Rolling
			b.ReportAllocs()
			for b.Loop() {
				d.Roll(&r, a, m)
			}
		})
	}
}
