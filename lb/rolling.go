package lb

// Rolling is an order by weight that goes on from one answer to the next: for each, a few
// items are drawn by weight and moved to the front. Weighted sampling without replacement is
// what that leaves as it is (the Tsetlin library: Hendricks, "The stationary distribution of
// an interesting Markov chain", 1972), so each answer by itself is drawn as by ByWeight. Who
// stands first is drawn for this answer alone; what is further behind may stand as it did in
// the answer before, for as many of them as rolls. A Rolling belongs to one Draw.
type Rolling struct {
	places []uint8
	left   int // answers until the order is drawn anew
}

const (
	// rolls is how many answers go by until an order is drawn anew. Among items that are drawn
	// seldom it would not change for long: if all others failed at once, everybody would turn
	// to the same one.
	rolls = 16
	// fresh is how many items are drawn for each answer: who is tried, and who is next.
	fresh = 2
)

// Roll draws an order of the items of an Alias whose Means are given, at most MaxDraw. It is
// valid until the next call for the same Rolling.
func (d *Draw) Roll(r *Rolling, a *Alias, means []float64) []uint8 {
	if r.left == 0 {
		r.left = rolls - 1
		r.places = append(r.places[:0], d.ByWeight(means, len(means))...)
		return r.places
	}
	r.left--
	for range fresh {
		toFront(r.places, uint8(d.One(a)))
	}
	return r.places
}

// toFront moves one of the places before all others.
func toFront(places []uint8, place uint8) {
	before := place
	for i, p := range places {
		places[i] = before
		if p == place {
			return
		}
		before = p
	}
}
