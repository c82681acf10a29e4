package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

const (
	lostRounds    = 10
	lostInstances = 20                   // registered on the agent that loses its disk
	lostPoll      = 2 * time.Millisecond // between rounds of asking all others
	lostTime      = 30 * time.Second
	lostWatch     = 3 * time.Second // for what should not come back
)

// lostDisk kills one agent after another, removes its data directory and starts it again
// under the same name, and times how long the others go on holding what it had
// registered. It begins to count when the agent is ready, which is before it has met any.
func (b *bench) lostDisk(c *cluster) error {
	var fromExec, fromReady measure.Latencies
	for round := range lostRounds {
		victim := c.agents[1+round%(len(c.agents)-1)] // the first one has nobody to join
		if err := b.registerSome(victim, round); err != nil {
			return err
		}
		for _, a := range c.agents {
			if _, err := rig.Until(lostTime, func() error { return holdsExactly(a, lostInstances) }); err != nil {
				return err
			}
		}
		exec, ready, err := b.restartWithoutDisk(victim)
		if err != nil {
			return err
		}
		for _, a := range c.agents {
			for holdsExactly(a, 0) != nil {
				if time.Since(exec) > lostTime {
					return fmt.Errorf("after a lost disk, %w", holdsExactly(a, 0))
				}
				time.Sleep(lostPoll)
			}
		}
		fromExec, fromReady = append(fromExec, time.Since(exec)), append(fromReady, time.Since(ready))
		time.Sleep(lostWatch)
		for _, a := range c.agents {
			if err := holdsExactly(a, 0); err != nil {
				return fmt.Errorf("resurrected: %w", err)
			}
		}
	}
	slices.Sort(fromExec)
	slices.Sort(fromReady)
	row(fmt.Sprintf("%d agents, one loses its disk and restarts, %d times: its old registrations are gone everywhere", len(c.agents), lostRounds),
		"%.0f ms after exec, %.0f ms after it is ready (medians; at most %.0f and %.0f ms)", measure.MS(fromExec.Quantile(0.5)), measure.MS(fromReady.Quantile(0.5)),
		measure.MS(fromExec.Quantile(1)), measure.MS(fromReady.Quantile(1)))
	return nil
}

func (b *bench) registerSome(a *rig.Agent, round int) error {
	conn, err := measure.Dial(a.HTTPAddr())
	if err != nil {
		return err
	}
	defer conn.Close()
	for n := range lostInstances {
		if err := conn.Register(instanceBody(fmt.Sprintf("lost-%d-%d", round, n), "lost-service", measure.Numbered(n), "")); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) restartWithoutDisk(a *rig.Agent) (exec, ready time.Time, err error) {
	b.ended(a.PID())
	if err = a.Kill(); err == nil {
		err = os.RemoveAll(a.DataDir)
	}
	if err != nil {
		return exec, ready, err
	}
	exec = time.Now()
	err = b.start(a)
	return exec, time.Now(), err
}

// holdsExactly counts hidden instances too.
func holdsExactly(a *rig.Agent, instances int) error {
	var s status
	if _, err := a.Get("/v1/covey/status", &s); err != nil {
		return err
	}
	if s.Instances != instances {
		return fmt.Errorf("%s has %d instances instead of %d", a.Node, s.Instances, instances)
	}
	return nil
}
