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
		"%s; %.2f frames of replication sent, %.0f bytes", processor(each((w.cpu - before.cpu).Seconds())), sum("replication_frames_out"), sum("replication_bytes_out"))
}

func processor(seconds float64) string { return fmt.Sprintf("%.0f µs of a processor", seconds*1e6) }

// watchTime is how long agents are watched that have nothing to do.
const watchTime = 5 * time.Second

// rest prints what the agents of a cluster do when nothing changes.
func (c *cluster) rest() error {
	before, err := c.work()
	if err != nil {
		return err
	}
	time.Sleep(watchTime)
	after, err := c.work()
	if err != nil {
		return err
	}
	row(fmt.Sprintf("%d agents at rest, each", len(c.agents)), "%.2f %% of a core",
		100*(after.cpu-before.cpu).Seconds()/watchTime.Seconds()/float64(len(c.agents)))
	return nil
}
