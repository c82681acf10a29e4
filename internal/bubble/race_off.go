//go:build !race

package bubble

// Raced is whether the race detector is at work.
const Raced = false
