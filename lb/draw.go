package lb

import (
	"math"
	"math/bits"
	"slices"
)

// Draw is Shuffle for those who draw from the same weights over and over: it works on
// places instead of choices, keeps its room, and allocates nothing. It is not safe for
// concurrent use. The zero value draws the same as any other with the same seed.
type Draw struct {
	state  uint64
	keys   [MaxDraw]uint64
	places [MaxDraw]uint8
}

// MaxDraw is how many items can be drawn from.
const MaxDraw = 1 << 8

// NewDraw returns a Draw whose orders depend on the seed alone.
func NewDraw(seed uint64) *Draw { return &Draw{state: seed} }

// Mean is how long an item of a weight is waited for on average, in units of one of
// weight 1. An item of weight 0 comes after all others, as does one of a weight that is no
// number or below 0.
func Mean(weight float64) float64 {
	if !(weight > 1/never) {
		return never
	}
	return 1 / weight
}

// never is waited for longer than for any weight that counts, and can still be multiplied.
const never = 1e30

// ByWeight draws an order of the items whose Means are given, at most MaxDraw, and
// returns the places of the first k. It is valid until the next call.
func (d *Draw) ByWeight(means []float64, k int) []uint8 {
	n := len(means)
	keys := d.keys[:n]
	for i, mean := range means {
		// The bits of positive numbers are in the order of the numbers. The place of an
		// item is kept in the lowest of them, where it decides nothing but ties.
		keys[i] = math.Float64bits(d.exponential()*mean)&^(MaxDraw-1) | uint64(i)
	}
	places := d.places[:k]
	switch {
	case n <= fewKeys && k > 2:
		d.sortFew(n)
	case k > manyKeys:
		slices.Sort(keys)
	default:
		least(keys, k)
	}
	for i := range places {
		places[i] = uint8(keys[i])
	}
	return places
}

// ByLevel is ByWeight for items of which those of a lower level all come before.
func (d *Draw) ByLevel(means []float64, levels []uint16, k int) []uint8 {
	p := d.ByWeight(means, len(means))
	for i := 1; i < len(p); i++ { // they are few, and stay in the order drawn within a level
		place := p[i]
		at := i
		for ; at > 0 && levels[p[at-1]] > levels[place]; at-- {
			p[at] = p[at-1]
		}
		p[at] = place
	}
	return p[:k]
}

// Evenly is ByWeight for n items of the same weight.
func (d *Draw) Evenly(n, k int) []uint8 {
	p := d.places[:n]
	for i := range p {
		p[i] = uint8(i)
	}
	for i := range min(k, n-1) { // Fisher and Yates; the bias of the product is below 2^-56
		j, _ := bits.Mul64(d.random(), uint64(n-i))
		j += uint64(i)
		p[i], p[j] = p[j], p[i]
	}
	return p[:k]
}

const manyKeys = 96 // more than so many are sorted as a whole

// least brings the k least keys to the front, in order.
func least(keys []uint64, k int) {
	kept := 0
	for _, key := range keys {
		if kept == k {
			if k == 0 || key >= keys[kept-1] {
				continue
			}
			kept--
		}
		at := kept
		for ; at > 0 && keys[at-1] > key; at-- {
			keys[at] = keys[at-1]
		}
		keys[at] = key
		kept++
	}
}

// random is SplitMix64 (Steele, Lea and Flood, 2014).
func (d *Draw) random() uint64 {
	d.state += 0x9e3779b97f4a7c15
	return mixed(d.state)
}

// exponential draws -ln(u), of mean 1. It is above 0, and wrong by less than 1e-10.
func (d *Draw) exponential() float64 {
	u := d.random() // u/2^64 is 2^-zeros-1 * (1+fraction)
	zeros := bits.LeadingZeros64(u)
	fraction := u << (zeros + 1)
	part := &logs[fraction>>(64-logBits)]
	x := (1 + float64(fraction>>11)*(1.0/(1<<53))) - part.middle
	x *= part.inverse // below 2^-logBits-1
	return float64(zeros+1)*math.Ln2 - part.log - x*(1-x*(0.5-x*(1./3))) + 1e-10
}

const logBits = 8

// logs has the logarithm of the middle of each of the parts of 1..2.
var logs = func() (t [1 << logBits]struct{ middle, inverse, log float64 }) {
	for i := range t {
		m := 1 + (float64(i)+.5)/(1<<logBits)
		t[i].middle, t[i].inverse, t[i].log = m, 1/m, math.Log(m)
	}
	return t
}()
