package lb

import "math/bits"

// Alias draws one of many items by weight in the same short time however many there are:
// Vose, "A linear algorithm for generating random numbers with a given distribution"
// (1991). It is immutable.
type Alias struct {
	odds  []uint64 // of place i: below it i is drawn, else other[i]
	other []uint32
}

// NewAlias prepares a draw. Weights that are no numbers, or below 0, are 0; if all are 0
// each is drawn as often. There must be one at least.
func NewAlias(weights []float64) *Alias {
	n := len(weights)
	a := &Alias{odds: make([]uint64, n), other: make([]uint32, n)}
	sum := 0.0
	for _, w := range weights {
		sum += sound(w)
	}
	part := make([]float64, n) // in units of the average
	var small, large []uint32
	for i, w := range weights {
		part[i] = 1
		if sum > 0 {
			part[i] = sound(w) / sum * float64(n)
		}
		if part[i] < 1 {
			small = append(small, uint32(i))
		} else {
			large = append(large, uint32(i))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		a.odds[s], a.other[s] = uint64(part[s]*(1<<63)), l
		part[l] -= 1 - part[s]
		if part[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	for _, i := range append(small, large...) { // of which rounding left a part of 1
		a.odds[i], a.other[i] = 1<<63, i
	}
	return a
}

// One draws an item's place.
func (d *Draw) One(a *Alias) int {
	// The fraction is as good as another draw: given i it is one of 2^64/n, evenly spaced.
	i, fraction := bits.Mul64(d.random(), uint64(len(a.odds)))
	place := a.other[i]
	if fraction>>1 < a.odds[i] {
		place = uint32(i)
	}
	return int(place)
}
