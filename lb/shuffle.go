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
// Those of weight 0 come after all others, in a random order among themselves. All this
// holds within a level; lower levels come first.
//
// It sorts by -ln(u)/w ascending, which is weighted sampling without replacement:
// Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006).
// Because the least of several such times is distributed like the time of one item
// with the sum of their weights, keeping the first of each group of equals gives the
// order that the groups would have by their summed weights.
func Shuffle(c []Choice, r *rand.Rand) {
	var stack [few]arrival
	race := stack[:0]
	if len(c) > few {
		race = make([]arrival, 0, len(c))
	}
	for _, choice := range c {
		race = append(race, arrival{r.ExpFloat64() * Mean(choice.Weight), choice})
	}
	slices.SortFunc(race, func(a, b arrival) int { return cmp.Or(cmp.Compare(a.Level, b.Level), cmp.Compare(a.at, b.at)) })
	for i := range race {
		c[i] = race[i].Choice
	}
}
