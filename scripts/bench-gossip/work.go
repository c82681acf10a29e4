package main

import (
	"fmt"
	"time"

	"covey/scripts/measure"
)

// work is what all agents of a cluster have done so far: how long they computed, and
// what replication sent. On a shared machine the first says more than a latency does.
type work struct {
	cpu    time.Duration
	counts map[string]uint64 // counters of /v1/covey/status, summed
}

func (c *cluster) work() (work, error) {
	w := work{counts: map[string]uint64{}}
	for _, a := range c.agents {
		var s status
		if _, err := a.Get("/v1/covey/status", &s); err != nil {
			return w, err
		}
		for name, n := range s.Counters {
			w.counts[name] += n
		}
		used, err := measure.CPUTime(a.PID())
		if err != nil {
			return w, err
		}
		w.cpu += used
	}
	return w, nil
}

// printSince prints what was done since before, by update and agent.
func (w work) printSince(before work, updates, agents int) {
	each := func(total float64) float64 { return total / float64(updates) / float64(agents) }
	sum := func(name string) float64 { return each(float64(w.counts[name] - before.counts[name])) }
	row("for it, per update and agent, with all the observer asked",
		"%s; %.2f frames of replication sent, %.0f bytes", processor(each((w.cpu-before.cpu).Seconds())), sum("frames_out"), sum("bytes_out"))
}

func processor(seconds float64) string { return fmt.Sprintf("%.0f µs of a processor", seconds*1e6) }
