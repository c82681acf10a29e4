package lb

import "math"

// Scale turns weights into those of SRV records (RFC 2782), 0..65535.
type Scale struct {
	PerUnit float64 // levels for a weight of 1
}

// LevelsPerUnit is the scale that HAProxy understands as well as others: it divides by as
// much, (w+255)/256, so that 1, 2 and 3 would all be 1 to it. nginx takes w as it is, and
// is as well served by 256, 512 and 768.
const LevelsPerUnit = 256

// ScaleFor returns the scale for an answer with these weights. perUnit is the levels for a
// weight of 1, as configured; with 0 weights are written as they are while all are whole
// numbers, as those registered are, and with LevelsPerUnit where a factor has made others
// of them. Either way there are fewer levels where the greatest weight would exceed 65535.
func ScaleFor(weights func(yield func(float64) bool), perUnit int) Scale {
	greatest, whole := 0.0, true
	weights(func(w float64) bool {
		greatest = max(greatest, w)
		whole = whole && w == math.Trunc(w)
		return true
	})
	per := float64(perUnit)
	switch {
	case perUnit > 0:
	case whole:
		per = 1
	default:
		per = LevelsPerUnit
	}
	if greatest*per > math.MaxUint16 {
		per = math.MaxUint16 / greatest
	}
	return Scale{per}
}

// Of is the weight on the wire. What has any has 1 at least, since 0 means none to some
// and 1 to others (nginx).
func (s Scale) Of(w float64) uint16 {
	if !(w > 0) {
		return 0
	}
	return uint16(min(max(math.Round(w*s.PerUnit), 1), math.MaxUint16))
}
