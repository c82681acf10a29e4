package lb

import (
	"math"
	"time"
)

// leastStart is the part of its weight that a newcomer begins with. Less would leave it
// cold: it is by work that caches fill and connections open.
const leastStart = 0.1

// SlowStart is the part of its weight that an instance has at an age, counted from when it
// became healthy, of a window: max(10 %, (age/window)^(1/aggression)), as Envoy has it
// (config.cluster.v3 SlowStartConfig). With an aggression of 1 it grows evenly, above
// faster at first; what is not above 0 counts as 1. A clock that went back makes an
// instance as good as new, never worse.
func SlowStart(age, window time.Duration, aggression float64) float64 {
	if window <= 0 || age >= window {
		return 1
	}
	if !(aggression > 0) {
		aggression = 1
	}
	part := float64(max(age, 0)) / float64(window)
	return max(leastStart, math.Pow(part, 1/aggression))
}
