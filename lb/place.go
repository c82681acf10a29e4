package lb

// Place is where a host stands. Names are compared as they are; "" is not known.
type Place struct{ Zone, Region string }

// levels are how far an instance is from the agent, in zones.
const (
	inZone = iota
	inRegion
	elsewhere
	levels
)

// distance is the level of a host at another place. What is not known is no match: an
// agent without a zone has nobody near.
func (p Place) distance(other Place) int {
	switch {
	case p.Zone != "" && p.Zone == other.Zone && p.Region == other.Region:
		return inZone
	case p.Region != "" && p.Region == other.Region:
		return inRegion
	}
	return elsewhere
}

// overprovisioned is by how much what is healthy may be below what there is until a level
// counts as overloaded: spilling begins below 1/1.4, 71.4 %.
const overprovisioned = 1.4

// Spill is the part of the traffic that each level of preference is to carry, nearest
// first, by Envoy's rule ("Priority levels", architecture overview): a level can carry 1.4
// times its healthy part, at most all; what it cannot goes to the next. What all together
// cannot carry is shared in proportion. total is what is there, up the healthy part of it;
// a level where nothing is carries nothing.
//
// The parts sum up to 1 if anything is up.
func Spill(up, total []float64) []float64 {
	able := make([]float64, len(total))
	sum := 0.0
	for i := range total {
		if total[i] > 0 {
			able[i] = min(1, overprovisioned*up[i]/total[i])
		}
		sum += able[i]
	}
	parts := make([]float64, len(total))
	left := 1.0
	for i := range able {
		part := able[i]
		if sum < 1 && sum > 0 {
			part /= sum
		}
		parts[i] = min(left, part)
		left -= parts[i]
	}
	return parts
}
