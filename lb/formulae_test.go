package lb

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// drawWeights are zeros and what is above the least weight that counts.
func drawWeights(t *rapid.T, n int) []float64 {
	return rapid.SliceOfN(rapid.OneOf(rapid.Just(0.), rapid.Float64Range(1e-20, 1e5)), n, n).Draw(t, "weights")
}

func total(x []float64) (sum float64) {
	for _, v := range x {
		sum += v
	}
	return sum
}

// After its shares of k requests nobody has more to do for its capacity than one who got
// any: the water stands level.
func TestInterpretLevelsTheWork(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 30).Draw(t, "n")
		capacities := drawWeights(t, n)
		queues := rapid.SliceOfN(rapid.Float64Range(0, 1e4), n, n).Draw(t, "queues")
		k := rapid.Float64Range(-10, 1e6).Draw(t, "k")
		shares := make([]float64, n)
		Interpret(shares, capacities, queues, k)
		if total(capacities) == 0 {
			if total(shares) != 0 {
				t.Fatalf("%v of nothing", shares)
			}
			return
		}
		if math.Abs(total(shares)-1) > 1e-6 {
			t.Fatalf("shares sum up to %v", total(shares))
		}
		k = max(k, 1)
		level := 0.0
		for i := range shares {
			if shares[i] < 0 || capacities[i] == 0 && shares[i] > 0 {
				t.Fatalf("%v", shares)
			}
			if shares[i] > 0 {
				level = max(level, (queues[i]+shares[i]*k)/capacities[i])
			}
		}
		for i, c := range capacities {
			if c == 0 {
				continue
			}
			if after := (queues[i] + shares[i]*k) / c; after < level*(1-1e-6)-1e-9 {
				t.Fatalf("%d could have had more: %v against %v", i, after, level)
			}
		}
	})
}

func TestInterpretOfManyRequestsIsByCapacity(t *testing.T) {
	shares := make([]float64, 3)
	Interpret(shares, []float64{1, 2, 5}, []float64{9, 0, 3}, 1e9)
	for i, want := range []float64{.125, .25, .625} {
		if math.Abs(shares[i]-want) > 1e-6 {
			t.Errorf("%v", shares)
		}
	}
}

func TestLimitShareKeepsTheSumAndTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := drawWeights(t, rapid.IntRange(1, 30).Draw(t, "n"))
		share := rapid.Float64Range(0.01, 1).Draw(t, "share")
		before, some := total(weights), 0.
		was := append([]float64(nil), weights...)
		for _, w := range weights {
			if w > 0 {
				some++
			}
		}
		limitShare(weights, share)
		if math.Abs(total(weights)-before) > 1e-6*before {
			t.Fatalf("the sum was %v and is %v", before, total(weights))
		}
		for i, w := range weights {
			if w > before*max(share, 1/max(some, 1))*(1+1e-9) {
				t.Fatalf("%v exceeds the limit of %v: %v", w, share*before, weights)
			}
			if (w == 0) != (was[i] == 0) {
				t.Fatalf("%v became %v", was, weights)
			}
		}
	})
}

func TestSpillGivesAllAndNearestFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "levels")
		total := rapid.SliceOfN(rapid.Float64Range(0, 100), n, n).Draw(t, "total")
		up := make([]float64, n)
		any := false
		for i := range up {
			up[i] = total[i] * rapid.SampledFrom([]float64{0, .3, .5, .72, 1}).Draw(t, "healthy")
			any = any || up[i] > 1e-6
		}
		parts := Spill(up, total)
		sum, spilt := 0.0, false
		for i, p := range parts {
			sum += p
			if p < 0 || up[i] == 0 && p > 1e-9 {
				t.Fatalf("%v of %v: %v", up, total, parts)
			}
			if spilt && p > 1e-9 {
				t.Fatalf("it spills past a level that could carry the rest: %v of %v: %v", up, total, parts)
			}
			spilt = spilt || total[i] > 0 && overprovisioned*up[i]/total[i] >= 1
		}
		if any && math.Abs(sum-1) > 1e-9 {
			t.Fatalf("%v of %v: %v", up, total, parts)
		}
	})
	if parts := Spill([]float64{72, 100}, []float64{100, 100}); parts[0] != 1 {
		t.Errorf("72 %% healthy spills: %v", parts)
	}
	if parts := Spill([]float64{50, 100}, []float64{100, 100}); math.Abs(parts[0]-.7) > 1e-9 {
		t.Errorf("50 %% healthy carries %v, want 0.7", parts[0])
	}
}

func TestScaleKeepsRatiosWithin16Bits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := drawWeights(t, rapid.IntRange(1, 20).Draw(t, "n"))
		for i := range weights {
			weights[i] *= 10 // sums exceed 65535
		}
		fixed := rapid.SampledFrom([]int{0, 1, 256, 65535}).Draw(t, "scale")
		s := ScaleFor(func(yield func(float64) bool) {
			for _, w := range weights {
				yield(w)
			}
		}, fixed)
		for _, w := range weights {
			got := float64(s.Of(w))
			if (w > 0) != (got > 0) || math.Abs(got-w*s.PerUnit) > 1 {
				t.Fatalf("%v becomes %v at %v a unit", w, got, s.PerUnit)
			}
		}
	})
	list := func(w ...float64) func(func(float64) bool) {
		return func(yield func(float64) bool) {
			for _, x := range w {
				yield(x)
			}
		}
	}
	for _, c := range []struct {
		weights []float64
		fixed   int
		want    []uint16
	}{
		{[]float64{3, 1, 0}, 0, []uint16{3, 1, 0}},
		{[]float64{3, .5, 1e-9}, 0, []uint16{768, 128, 1}},
		{[]float64{3, 1}, 256, []uint16{768, 256}},
		{[]float64{65535, 13107}, 256, []uint16{65535, 13107}},
		{[]float64{131070, 65535}, 0, []uint16{65535, 32768}},
		{[]float64{math.NaN(), -1, 1}, 1, []uint16{0, 0, 1}},
	} {
		s := ScaleFor(list(c.weights...), c.fixed)
		for i, w := range c.weights {
			if got := s.Of(w); got != c.want[i] {
				t.Errorf("%v at %d: %v becomes %d, want %d", c.weights, c.fixed, w, got, c.want[i])
			}
		}
	}
}

// HAProxy's view of the weights is the ratio that was registered.
func TestHAProxyUnderstandsTheScale(t *testing.T) {
	s := Scale{LevelsPerUnit}
	for w := range 255 {
		if got := (int(s.Of(float64(w))) + 255) / 256; got != w {
			t.Errorf("%d becomes %d", w, got)
		}
	}
}
