package lb

import "slices"

// Interpret sets into[i] to the share that each instance is to get of the next k requests,
// such that all have the same to do for their capacity afterwards, as far as that is
// possible: max(0, L c - q), with L chosen so that they sum up to k. It is Dahlin's
// "load interpretation" ("Interpreting stale load information", IEEE TPDS 11, 2000): with
// k the requests expected while a report is believed, a report that is old, or widely
// believed, hardly counts, and shares go to those of the capacities.
//
// The shares sum up to 1, or are all 0 if every capacity is. Queues are requests in hand.
func Interpret(into, capacities, queues []float64, k float64) {
	// The instances that get any are those with the least q/c. With the first n of them
	// L = (k + sum q)/sum c; n is right if L is above theirs and not above the next.
	order := make([]int, 0, len(capacities))
	for i := range into {
		into[i] = 0
		if capacities[i] > 1/never {
			order = append(order, i)
		}
	}
	if len(order) == 0 {
		return
	}
	k = max(sound(k), 1) // less than one request would all be one instance's
	fill := func(i int) float64 { return queues[i] / capacities[i] }
	slices.SortFunc(order, func(a, b int) int {
		switch x, y := fill(a), fill(b); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return a - b
	})
	level, q, c := 0.0, 0.0, 0.0
	for n, i := range order {
		q += queues[i]
		c += capacities[i]
		level = (k + q) / c
		if n+1 == len(order) || level <= fill(order[n+1]) {
			break
		}
	}
	for _, i := range order {
		into[i] = max(0, level*capacities[i]-queues[i]) / k
	}
}
