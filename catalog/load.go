package catalog

import (
	"cmp"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Load is what an instance last reported of its work, in steps coarse enough that a change
// of no consequence does not travel. The zero value is no report.
type Load struct {
	Rate        uint32 // tenths of a request a second that it completed
	Utilisation uint32 // thousandths of what it can do that this took; above 1000 is overload
	Queue       uint32 // tenths of a request that it has in hand, waiting ones included
	Share       uint32 // thousandths of its registered weight that it asks for; 0 if it does not say
	Serial      uint32 // another one in each report, so that one that says the same is seen to be new; never 0
}

// Limits of a plausible report.
const (
	MaxRate        = 10_000_000 // a second
	MaxUtilisation = 10
	MaxQueue       = 1_000_000
	MaxShare       = 65_535 // which is the greatest weight for a registered one of 1
)

// Reading is what an instance was found to do, or asks for, before it becomes a Load.
type Reading struct {
	Rate        float64 // requests completed in a second
	Utilisation float64 // part of what it can do that they took
	Queue       float64 // requests in hand
	Share       float64 // of its registered weight that it asks for; 0 if it does not say
	Weight      float64 // that it asks for instead of the registered one, likewise
}

// Check says what keeps r from being plausible.
func (r Reading) Check() error {
	_, err := r.Load(1, 1)
	return err
}

// Load is r as it is told, of an instance with that registered weight. A weight of 0 has no
// share.
func (r Reading) Load(weight uint16, serial uint32) (Load, error) {
	l, err := NewLoad(r.Rate, r.Utilisation, r.Queue, serial)
	if err = cmp.Or(err, plausible("share", r.Share, MaxShare), plausible("weight", r.Weight, math.MaxUint16)); err != nil {
		return Load{}, err
	}
	share := r.Share
	if r.Weight > 0 {
		share = r.Weight / float64(weight)
	}
	if share > 0 && weight > 0 {
		l.Share = uint32(max(1, math.Round(share*1000)))
	}
	return l, nil
}

// Measured reports whether it says what the instance does, and not just what it asks for.
func (r Reading) Measured() bool {
	return r.Share+r.Weight == 0 || r.Rate+r.Utilisation+r.Queue > 0
}

func plausible(name string, x, limit float64) error {
	if x >= 0 && x <= limit {
		return nil
	}
	return fmt.Errorf("the reported %s, %g, is not in 0..%g", name, x, limit)
}

// NewLoad makes a report of what was measured: requests completed in a second, the part
// of what the instance can do that they took, and the requests in hand. What cannot be is
// refused: NaN, what is below 0 or beyond the limits.
func NewLoad(rate, utilisation, queue float64, serial uint32) (Load, error) {
	err := cmp.Or(
		plausible("rate", rate, MaxRate),
		plausible("utilisation", utilisation, MaxUtilisation),
		plausible("queue", queue, MaxQueue))
	if err != nil {
		return Load{}, err
	}
	return Load{
		Rate:        uint32(math.Round(rate * 10)),
		Utilisation: uint32(math.Round(utilisation * 1000)),
		Queue:       uint32(math.Round(queue * 10)),
		Serial:      max(serial, 1),
	}, nil
}

// Reported reports whether there is a report at all.
func (l Load) Reported() bool { return l.Serial != 0 }

// Measured reports whether it says what the instance does, and not just what it asks for.
func (l Load) Measured() bool {
	return l.Reported() && (l.Share == 0 || l.Rate|l.Utilisation|l.Queue != 0)
}

// PerSecond, Used, InHand and Part are the figures in whole units.
func (l Load) PerSecond() float64 { return float64(l.Rate) / 10 }
func (l Load) Used() float64      { return float64(l.Utilisation) / 1000 }
func (l Load) InHand() float64    { return float64(l.Queue) / 10 }
func (l Load) Part() float64      { return float64(l.Share) / 1000 }

func (l Load) append(b []byte) []byte {
	for i, v := range [...]uint32{l.Rate, l.Utilisation, l.Queue, l.Serial, l.Share} {
		b = appendUint(b, protowire.Number(i+1), uint64(v))
	}
	return b
}

// readLoad reads what append wrote. A report that cannot be is none: it must not cost the
// instance its place in the catalogue.
func readLoad(b []byte) (l Load, err error) {
	err = fields(b, func(num protowire.Number, f field) error {
		if num < 1 || num > 5 {
			return nil
		}
		v, err := f.uint()
		*[...]*uint32{&l.Rate, &l.Utilisation, &l.Queue, &l.Serial, &l.Share}[num-1] = uint32(min(v, math.MaxUint32))
		return err
	})
	if !l.Reported() || l.Rate > MaxRate*10 || l.Utilisation > MaxUtilisation*1000 || l.Queue > MaxQueue*10 || l.Share > MaxShare*1000 {
		return Load{}, err
	}
	return l, err
}
