package lb

import (
	"math"
	"time"
)

// sameRoom is the round trip below which differences say nothing of distance.
const sameRoom = time.Millisecond

// Band is the level of a host at a round trip, given the shortest of all: 0 up to twice as
// long, 1 up to four times, and so on. Within a band weights count: differences that small
// change from minute to minute.
func Band(rtt, shortest time.Duration) uint16 {
	if rtt <= 0 {
		return farthest // a host without coordinates
	}
	times := float64(max(rtt, sameRoom)) / float64(max(shortest, sameRoom))
	return uint16(min(math.Floor(math.Log2(max(times, 1))), farthest-1))
}

// farthest is the level of hosts of which nothing is known.
const farthest = 16
