package lb_test

import (
	"math"
	"slices"
	"testing"

	"covey/lb"
)

func TestAliasFollowsTheWeights(t *testing.T) {
	twenty := make([]uint16, 20)
	for i := range twenty {
		twenty[i] = uint16(1 + i*i)
	}
	for name, weights := range map[string][]uint16{
		"one": {7}, "two": {3, 1}, "far apart": {65535, 655}, "twenty": twenty, "equal": {5, 5, 5, 5},
	} {
		w := make([]float64, len(weights))
		for i, x := range weights {
			w[i] = float64(x)
		}
		a, d := lb.NewAlias(w), lb.NewDraw(11)
		seen := make([]int, len(w))
		for range 200_000 {
			seen[d.One(a)]++
		}
		if len(w) == 1 {
			continue // it was drawn, which is all there is to say
		}
		t.Run(name, func(t *testing.T) { follows(t, seen, normalised(weights)) })
	}
}

func TestAliasOfAbsurdWeights(t *testing.T) {
	d := lb.NewDraw(13)
	a := lb.NewAlias([]float64{0, math.NaN(), -3, 2, math.Inf(-1)})
	for range 10_000 {
		if i := d.One(a); i != 3 {
			t.Fatalf("%d was drawn", i)
		}
	}
	seen := make([]int, 4)
	a = lb.NewAlias(make([]float64, 4))
	for range 40_000 {
		seen[d.One(a)]++
	}
	follows(t, seen, normalised([]uint16{1, 1, 1, 1}))
}

func TestByLevelDrawsEachLevelByWeight(t *testing.T) {
	weights := []uint16{6, 3, 1, 5, 5}
	levels := []uint16{1, 1, 1, 0, 2}
	d := lb.NewDraw(15)
	second := make([]int, 3)
	for range 50_000 {
		p := d.ByLevel(means(weights), levels, 5)
		if p[0] != 3 || p[4] != 4 {
			t.Fatalf("%v", p)
		}
		second[p[1]]++
	}
	follows(t, second, normalised([]uint16{6, 3, 1}))
	if p := d.ByLevel(means(weights), levels, 2); len(p) != 2 || p[0] != 3 || slices.Contains(p, 4) {
		t.Errorf("%v", p)
	}
}

func BenchmarkAlias1000(b *testing.B) {
	w := make([]float64, 1000)
	for i := range w {
		w[i] = float64(1 + i%7)
	}
	a, d := lb.NewAlias(w), lb.NewDraw(1)
	for b.Loop() {
		d.One(a)
	}
}
