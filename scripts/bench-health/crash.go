//go:build unix

package main

import (
	"fmt"
	"syscall"
	"time"

	"covey/scripts/measure"
)

// fleet is a service with one instance on each agent.
const fleet = "fleet"

const (
	backTime   = 60 * time.Second // for an agent to be in all answers again
	settleTime = 3 * time.Second  // after that, for watches to be held that are believed
)

// placed is the address of the instance on an agent.
func placed(agent int) [4]byte { return measure.Numbered(1<<16 + agent) }

// deploy registers the fleet and waits until all agents have it.
func (c *cluster) deploy() error {
	for i, a := range c.agents {
		if err := register(a, fleet, fleet, placed(i), ""); err != nil {
			return err
		}
	}
	for i := range c.agents {
		if err := c.back(i); err != nil {
			return err
		}
	}
	return nil
}

// back waits until all agents answer with an agent's instance.
func (c *cluster) back(agent int) error {
	o, stop, err := c.observe(-1, measure.LongPause, false)
	if err != nil {
		return err
	}
	defer stop()
	m := measure.NewMark(measure.Question(fleet+".service.local."), placed(agent), len(c.agents))
	m.Since = time.Now()
	o.Expect(m)
	return o.Await(m, backTime)
}

// crash kills agents on a host that lives, one after another, and starts them again.
func (b *bench) crash() error {
	return b.withCluster(func(c *cluster) error {
		if err := c.deploy(); err != nil {
			return err
		}
		var every, each measure.Latencies
		for round := range b.crashes {
			victim := 1 + round%(len(c.agents)-1) // the first one has nobody to join
			time.Sleep(settleTime)
			m, err := c.crashOne(victim)
			if err != nil {
				return err
			}
			every = append(every, m.Everywhere().Sub(m.Since))
			for _, at := range m.Seen {
				each = append(each, at.Sub(m.Since))
			}
			if err := c.agents[victim].Start(); err != nil {
				return err
			}
			for _, a := range c.agents {
				if err := knows(a, len(c.agents)); err != nil {
					return err
				}
			}
			if err := c.back(victim); err != nil {
				return fmt.Errorf("%s was started again: %w", c.agents[victim].Node, err)
			}
		}
		row(fmt.Sprintf("%d agents of %d killed: SIGKILL to gone from the DNS of all others, asked every %v", b.crashes, len(c.agents), measure.LongPause), "%v", every)
		row("the same, each of the others by itself", "%v", each)
		return nil
	})
}

func (c *cluster) crashOne(victim int) (*measure.Mark, error) {
	o, stop, err := c.observe(victim, measure.LongPause, false)
	if err != nil {
		return nil, err
	}
	defer stop()
	m := measure.NewLoss(measure.Question(fleet+".service.local."), placed(victim), len(c.agents)-1)
	m.Since = time.Now()
	if err := syscall.Kill(c.agents[victim].PID(), syscall.SIGKILL); err != nil {
		return nil, err
	}
	o.Expect(m)
	if err := o.Await(m, goneTime); err != nil {
		return nil, fmt.Errorf("%s was killed: %w", c.agents[victim].Node, err)
	}
	return m, c.agents[victim].Kill() // waits
}
