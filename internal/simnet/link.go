package simnet

import (
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// Delay draws the time that something takes to cross a link, once.
type Delay func(*rand.Rand) time.Duration

// Uniform is any time from low to high, all alike.
func Uniform(low, high time.Duration) Delay {
	return func(r *rand.Rand) time.Duration { return low + time.Duration(r.Int64N(int64(high-low)+1)) }
}

// LongTail is at least least, more by mean on average, and now and then many times so.
func LongTail(least, mean time.Duration) Delay {
	return func(r *rand.Rand) time.Duration {
		return least + min(time.Duration(r.ExpFloat64()*float64(mean)), 20*mean)
	}
}

// Link is what may happen between two hosts in one direction. Chances are 0..1. The
// zero value is a perfect link.
type Link struct {
	Delay Delay // nil: none

	Loss      float64 // of a packet; a stream sends it again, later and later
	Duplicate float64 // that a packet comes twice
	Late      float64 // that a packet is held back by LateBy, so that others overtake it
	LateBy    Delay

	DialFail float64       // that a stream is refused, or that its opening is never answered
	Reset    float64       // that a stream breaks at a write, for both ends
	Stick    float64       // that a stream delivers nothing for StickFor after a write
	StickFor time.Duration // others go on meanwhile
}

// link is one direction between two hosts; the network's lock guards it.
type link struct {
	rand   *rand.Rand
	own    *Link // nil: as the network says
	cut    bool
	latest time.Time // at which a packet sent so far arrives
}

func newLink(seed uint64, from, to *Host) *link {
	h := fnv.New64a()
	h.Write(from.ip.AsSlice())
	h.Write([]byte{'>'})
	h.Write(to.ip.AsSlice())
	return &link{rand: rand.New(rand.NewPCG(seed, h.Sum64()))}
}

func (l *link) chance(p float64) bool { return p > 0 && l.rand.Float64() < p }

func (l *link) draw(d Delay) time.Duration {
	if d == nil {
		return 0
	}
	return d(l.rand)
}
