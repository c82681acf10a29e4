package lb

import (
	"math"
	"time"

	"covey/catalog"
)

// Report is what one instance last said of its load, and how old that is here. Without
// one, or an expired one, an instance counts as average.
type Report struct {
	catalog.Load
	Age time.Duration
}

const (
	// reportExpiry is how long a report counts, as in gRPC A58 (weightExpirationPeriod).
	reportExpiry = 3 * time.Minute
	// idle is the utilisation below which the quotient of two small numbers says nothing of
	// an instance's capacity.
	idle = 0.02
	// belief is the part, on a logarithmic scale, of a measured difference from the usual that
	// counts. Figures that are measured over few requests differ by chance, and to follow
	// that costs equal instances more than it gains unequal ones.
	belief = 0.8
	// mostOff is how far a measured capacity, per unit of registered weight, may be from the
	// average, up or down. A figure beyond is wrong more often than true.
	mostOff = 10
)

// Counts reports whether the report says what the instance does, and is not expired.
func (r *Report) Counts() bool { return r.Measured() && r.Age < reportExpiry }

// share is the part of its weight that the instance asks for, 1 if it does not say.
func (r *Report) share() float64 {
	if r.Share == 0 || r.Age >= reportExpiry {
		return 1
	}
	return r.Part()
}

// capacity is what the instance could do in a second, rate/utilisation (gRPC A58), 0 if
// that cannot be told.
func (r *Report) capacity() float64 {
	if !r.Counts() || r.Utilisation == 0 || r.Used() < idle || r.Rate == 0 {
		return 0
	}
	return r.PerSecond() / r.Used()
}

// Capacities sets into[i] to what each instance can do in a second: measured, where a
// report tells; else what is usual for its registered weight. Where none tells they are
// the weights themselves. The measured ones are kept within a tenth and the tenfold of the
// usual. The capacities of instances of weight 0 are 0.
func Capacities(into []float64, weights []float64, reports []Report) {
	measured, weight := 0.0, 0.0
	for i := range reports {
		if c := reports[i].capacity(); c > 0 && weights[i] > 0 {
			measured += c
			weight += weights[i]
		}
	}
	usual := 1.0
	if measured > 0 {
		usual = measured / weight
	}
	for i := range reports {
		into[i] = weights[i] * usual
		if c := reports[i].capacity(); c > 0 {
			off := math.Pow(c/into[i], belief)
			into[i] *= min(max(off, 1./mostOff), mostOff)
		}
	}
}

// sound is a weight as it may be reckoned with: what is no number, or below 0, is 0.
func sound(w float64) float64 {
	if !(w > 0) {
		return 0
	}
	return min(w, math.MaxFloat32)
}
