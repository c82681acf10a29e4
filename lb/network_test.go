package lb

import (
	"slices"
	"testing"
)

// A network that sorts all orders of zeros and ones sorts everything (Knuth, volume 3,
// 5.3.4); for many keys those that are sorted but for a rotation, and a few at random, do.
func TestNetworksSort(t *testing.T) {
	d := NewDraw(1)
	try := func(keys []uint64) {
		copy(d.keys[:], keys)
		d.sortFew(len(keys))
		want := slices.Sorted(slices.Values(keys))
		if !slices.Equal(d.keys[:len(keys)], want) {
			t.Fatalf("%v became %v", keys, d.keys[:len(keys)])
		}
	}
	for n := range fewKeys + 1 {
		if n <= 11 {
			for bits := range 1 << n {
				keys := make([]uint64, n)
				for i := range keys {
					keys[i] = uint64(bits >> i & 1)
				}
				try(keys)
			}
		}
		for range 300 {
			keys := make([]uint64, n)
			for i := range keys {
				keys[i] = d.random() >> (d.random() % 64) // equal ones among them
			}
			try(keys)
		}
	}
}
