package lb

// fewKeys are sorted by a network: a fixed sequence of exchanges, without a branch that
// depends on the keys. Keys are random, so a processor would guess every other one wrong.
const fewKeys = 32

// pair is two places whose keys are exchanged if they are not in order.
type pair struct{ low, high uint8 }

// networks are Batcher's odd-even merge sort ("Sorting networks and their applications",
// 1968) for each number of keys: that for 32 without what lies beyond, where keys greater
// than all others would never move.
var networks = func() (all [fewKeys + 1][]pair) {
	for n := range all {
		for p := 1; p < fewKeys; p *= 2 {
			for k := p; k >= 1; k /= 2 {
				for j := k % p; j+k < fewKeys; j += 2 * k {
					for i := 0; i < k && i+j+k < n; i++ {
						if (i+j)/(2*p) == (i+j+k)/(2*p) {
							all[n] = append(all[n], pair{uint8(i + j), uint8(i + j + k)})
						}
					}
				}
			}
		}
	}
	return all
}()

// sortFew sorts the first n keys, fewKeys at most.
func (d *Draw) sortFew(n int) {
	keys := (*[fewKeys]uint64)(d.keys[:])
	for _, p := range networks[n] {
		low, high := &keys[p.low%fewKeys], &keys[p.high%fewKeys]
		a, b := *low, *high
		*low, *high = min(a, b), max(a, b)
	}
}
