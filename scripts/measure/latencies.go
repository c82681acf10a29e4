package measure

import (
	"fmt"
	"slices"
	"time"
)

// Latencies are how long something took, again and again.
type Latencies []time.Duration

// Quantile returns the smallest that at least the share q of all do not exceed; 0 if
// there are none.
func (l Latencies) Quantile(q float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(l))
	n := int(q*float64(len(l))+0.999999) - 1
	return sorted[max(0, min(n, len(l)-1))]
}

// String is p50, p99 and max in milliseconds.
func (l Latencies) String() string {
	return fmt.Sprintf("p50 %.1f, p99 %.1f, max %.1f ms", MS(l.Quantile(0.5)), MS(l.Quantile(0.99)), MS(l.Quantile(1)))
}

func MS(d time.Duration) float64 { return d.Seconds() * 1000 }
