package replicasim

import (
	"math"
	"math/rand/v2"
	"time"
)

// Latency draws how long one frame is on its way. Draws that differ reorder packets;
// a stream keeps its order.
type Latency func(rng *rand.Rand) time.Duration

// Uniform is evenly distributed between two bounds.
func Uniform(least, most time.Duration) Latency {
	return func(rng *rand.Rand) time.Duration {
		if most <= least {
			return least
		}
		return least + time.Duration(rng.Int64N(int64(most-least)))
	}
}

// LogNormal has a median and, with sigma about 0.5 to 1, the skew of links that share
// switches and hosts with others.
func LogNormal(median time.Duration, sigma float64) Latency {
	return func(rng *rand.Rand) time.Duration {
		return time.Duration(float64(median) * math.Exp(sigma*rng.NormFloat64()))
	}
}

// LongTail is Pareto-distributed from least up to most. With alpha above 1 it has a
// mean; the smaller alpha, the more frames are late by far.
func LongTail(least, most time.Duration, alpha float64) Latency {
	return func(rng *rand.Rand) time.Duration {
		return min(most, time.Duration(float64(least)*math.Pow(1-rng.Float64(), -1/alpha)))
	}
}
