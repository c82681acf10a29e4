package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

const (
	newcomerTime     = 2 * time.Minute       // for everyone to have everything
	newcomerPoll     = 10 * time.Millisecond // how often the newcomer is asked
	newcomerServices = 1000                  // that the instances are spread over
)

// newcomer fills the agents and times how long one without a past takes to have it all.
func (b *bench) newcomer(c *cluster) error {
	total := len(c.agents) * b.instances
	rate, err := b.fill(c, total)
	if err != nil {
		return err
	}
	began := time.Now()
	for _, a := range c.agents {
		if _, err := rig.Until(newcomerTime, func() error { return holds(a, total) }); err != nil {
			return err
		}
	}
	row(fmt.Sprintf("%d agents, %d instances on each registered by %d clients", len(c.agents), b.instances, b.clients),
		"%.0f/s; all agents have all %.2f s after the last was acknowledged", rate, time.Since(began).Seconds())
	time.Sleep(quietTime)

	a, err := b.agent("--retry-join", c.agents[0].GossipAddr())
	if err != nil {
		return err
	}
	a.Env = append(a.Env, "GODEBUG=gctrace=1")
	began = time.Now()
	c.agents = append(c.agents, a) // ended with the others
	if err := b.start(a); err != nil {
		return err
	}
	ready := time.Since(began)
	for holds(a, total) != nil {
		if time.Since(began) > newcomerTime {
			return fmt.Errorf("a newcomer: %w after %v", holds(a, total), newcomerTime)
		}
		time.Sleep(newcomerPoll)
	}
	row(fmt.Sprintf("a newcomer has all %d instances, from exec", total), "%.2f s (it answers HTTP and DNS after %.0f ms)", time.Since(began).Seconds(), measure.MS(ready))
	return b.memory(a, total)
}

// fill registers total instances, each client with one agent, and returns how many
// that were a second.
func (b *bench) fill(c *cluster, total int) (rate float64, err error) {
	shares := make([]chan int, len(c.agents))
	for i := range shares {
		shares[i] = make(chan int, total/len(c.agents)+1)
		for n := i; n < total; n += len(c.agents) {
			shares[i] <- n
		}
		close(shares[i])
	}
	clients := max(b.clients, len(c.agents))
	errs := make([]error, clients)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range clients {
		wg.Go(func() {
			conn, err := measure.Dial(c.agents[i%len(c.agents)].HTTPAddr())
			if err != nil {
				errs[i] = err
				return
			}
			defer conn.Close()
			for n := range shares[i%len(shares)] {
				body := instanceBody(fmt.Sprintf("bulk-%d", n), fmt.Sprintf("bulk-service-%d", n/len(c.agents)%newcomerServices), measure.Numbered(n), "")
				if errs[i] = conn.Register(body); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(total) / time.Since(began).Seconds(), errors.Join(errs...)
}
