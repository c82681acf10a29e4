package main

import (
	"fmt"
	"slices"
	"time"
)

// latencies are how long something took, again and again.
type latencies []time.Duration

// quantile returns the smallest that at least the share q of all do not exceed; 0 if
// there are none.
func (l latencies) quantile(q float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(l))
	n := int(q*float64(len(l))+0.999999) - 1
	return sorted[max(0, min(n, len(l)-1))]
}

// String is p50, p99 and max in milliseconds.
func (l latencies) String() string {
	return fmt.Sprintf("p50 %.1f, p99 %.1f, max %.1f ms", ms(l.quantile(0.5)), ms(l.quantile(0.99)), ms(l.quantile(1)))
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }
