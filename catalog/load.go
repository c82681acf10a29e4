package catalog

import (
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
	Serial      uint32 // another one in each report, so that one that says the same is seen to be new; never 0
}

// Limits of a plausible report.
const (
	MaxRate        = 10_000_000 // a second
	MaxUtilisation = 10
	MaxQueue       = 1_000_000
)

// NewLoad makes a report of what was measured: requests completed in a second, the part
// of what the instance can do that they took, and the requests in hand. What cannot be is
// refused: NaN, what is below 0 or beyond the limits.
func NewLoad(rate, utilisation, queue float64, serial uint32) (Load, error) {
	for _, c := range []struct {
		name     string
		x, limit float64
	}{{"rate", rate, MaxRate}, {"utilisation", utilisation, MaxUtilisation}, {"queue", queue, MaxQueue}} {
		if !(c.x >= 0 && c.x <= c.limit) {
			return Load{}, fmt.Errorf("the reported %s, %g, is not in 0..%g", c.name, c.x, c.limit)
		}
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

// PerSecond, Used and InHand are the figures in whole units.
func (l Load) PerSecond() float64 { return float64(l.Rate) / 10 }
func (l Load) Used() float64      { return float64(l.Utilisation) / 1000 }
func (l Load) InHand() float64    { return float64(l.Queue) / 10 }

func (l Load) append(b []byte) []byte {
	for i, v := range [...]uint32{l.Rate, l.Utilisation, l.Queue, l.Serial} {
		b = appendUint(b, protowire.Number(i+1), uint64(v))
	}
	return b
}

// readLoad reads what append wrote. A report that cannot be is none: it must not cost the
// instance its place in the catalogue.
func readLoad(b []byte) (l Load, err error) {
	err = fields(b, func(num protowire.Number, f field) error {
		if num < 1 || num > 4 {
			return nil
		}
		v, err := f.uint()
		*[...]*uint32{&l.Rate, &l.Utilisation, &l.Queue, &l.Serial}[num-1] = uint32(min(v, math.MaxUint32))
		return err
	})
	if !l.Reported() || l.Rate > MaxRate*10 || l.Utilisation > MaxUtilisation*1000 || l.Queue > MaxQueue*10 {
		return Load{}, err
	}
	return l, err
}
