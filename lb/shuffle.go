package lb

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// arrival is a choice and the time at which it comes in, were each an independent
// Poisson process whose rate is its weight.
type arrival struct {
	at float64
	Choice
}

// few is how many choices are shuffled without allocating.
const few = 32

// Shuffle orders c at random by weight, in place: who stands first is drawn in
// proportion to the weights, who stands second likewise from the rest, and so on.
// Those of weight 0 come after all others, in a random order among themselves.
//
// It sorts by -ln(u)/w ascending, which is weighted sampling without replacement:
// Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006).
// Because the least of several such times is distributed like the time of one item
// with the sum of their weights, keeping the first of each group of equals gives the
// order that the groups would have by their summed weights.
func Shuffle(c []Choice, r *rand.Rand) {
	weighted := setApart(c)
	idle := c[weighted:]
	r.Shuffle(len(idle), func(i, j int) { idle[i], idle[j] = idle[j], idle[i] })

	c = c[:weighted]
	if len(c) < 2 {
		return
	}
	var stack [few]arrival
	race := stack[:0]
	if len(c) > few {
		race = make([]arrival, 0, len(c))
	}
	for _, choice := range c {
		race = append(race, arrival{r.ExpFloat64() / float64(choice.Weight), choice})
	}
	slices.SortFunc(race, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	for i := range race {
		c[i] = race[i].Choice
	}
}

// setApart moves the choices of weight 0 to the end and returns how many are not.
func setApart(c []Choice) int {
	n := 0
	for i := range c {
		if c[i].Weight > 0 {
			c[n], c[i] = c[i], c[n]
			n++
		}
	}
	return n
}
