package lb

import "math"

// Scale turns weights into those of SRV records (RFC 2782), 0..65535.
type Scale struct {
	PerUnit float64 // levels for a weight of 1
}

// levelsPerUnit is what HAProxy divides by: it takes (w+255)/256, so that 1, 2 and 3 are
// all 1 to it. nginx takes w as it is.
const levelsPerUnit = 256

// ScaleFor returns the scale for an answer with these weights. fixed is levels a unit as
// configured, 0 for none: weights that are all the same whole number stay as they are; others
// get 256 levels a unit. Either way there are fewer where the greatest weight would exceed
// 65535.
func ScaleFor(weights func(yield func(float64) bool), fixed int) Scale {
	greatest, first, same := 0.0, -1.0, true
	weights(func(w float64) bool {
		greatest = max(greatest, w)
		same = same && (first < 0 || w == first)
		first = w
		return true
	})
	per := float64(fixed)
	if fixed <= 0 {
		per = levelsPerUnit
		if same && greatest == math.Trunc(greatest) {
			per = 1
		}
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
