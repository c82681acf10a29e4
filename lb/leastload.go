package lb

import "cmp"

// perWeight is what an instance has to do, for its weight: requests in hand and the next
// one. Whoever reported nothing, or too long ago, is as good as the average.
func (c *Choice) perWeight() float64 {
	if c.Weight <= 0 {
		return never
	}
	return (c.queue + 1) / c.Weight
}

// compareLoad orders choices by that, least first, those of weight 0 last.
func compareLoad(a, b *Choice) int { return cmp.Compare(a.perWeight(), b.perWeight()) }

// fillQueues notes what each has in hand.
func (x *balancing) fillQueues() {
	sum, n := 0.0, 0
	for i := range x.reports {
		if r := &x.reports[i]; r.Counts() {
			sum += r.InHand()
			n++
		}
	}
	for i := range x.reports {
		x.Chosen[i].queue = sum / float64(max(n, 1))
		if r := &x.reports[i]; r.Counts() {
			x.Chosen[i].queue = r.InHand()
		}
	}
}
