package lb

import "math"

// Affinity ranks endpoints for one client: those with the least values are the client's
// own. Both are given by a hash of what identifies them, which must be the same on every
// agent and in every run.
//
// It is the -ln(u)/w of Shuffle with u drawn from the two hashes, which is weighted
// rendezvous hashing: over all clients an endpoint is among the first k as often as a
// weighted sample would have it, and when one comes, goes or changes its weight, no
// others change places among themselves. An endpoint of weight 0 comes after all others.
func Affinity(client, endpoint uint64, weight float64) float64 {
	// The middle of one of 2^53 parts of (0, 1): never 0, never 1.
	u := (float64(mix(client^mix(endpoint))>>11) + .5) / (1 << 53)
	return -math.Log(u) * Mean(weight)
}

// mix spreads every bit over all others.
func mix(x uint64) uint64 { return mixed(x + 0x9e3779b97f4a7c15) }

// mixed is the finalizer of SplitMix64 (Steele, Lea and Flood, "Fast splittable
// pseudorandom number generators", 2014).
func mixed(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
