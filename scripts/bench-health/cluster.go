//go:build unix

package main

import (
	"fmt"
	"time"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

// cluster is some agents that know one another.
type cluster struct{ agents []*rig.Agent }

const (
	joinTime  = 60 * time.Second
	quietTime = 2 * time.Second // after that, for what they still have to tell
)

// withCluster starts agents, has use work with them, and ends them.
func (b *bench) withCluster(use func(*cluster) error) error {
	c := &cluster{}
	defer func() {
		for _, a := range c.agents {
			_ = a.Kill()
		}
	}()
	for i := range b.agents {
		var args []string
		if i > 0 {
			args = []string{"--retry-join", c.agents[0].GossipAddr()}
		}
		a, err := b.start(args...)
		if err != nil {
			return err
		}
		c.agents = append(c.agents, a)
	}
	for _, a := range c.agents {
		if err := knows(a, len(c.agents)); err != nil {
			return err
		}
	}
	time.Sleep(quietTime)
	return use(c)
}

// knows waits until an agent knows so many as alive.
func knows(a *rig.Agent, n int) error {
	_, err := rig.Until(joinTime, func() error {
		var status struct{ Alive int }
		if _, err := a.Get("/v1/covey/status", &status); err != nil {
			return err
		}
		if status.Alive != n {
			return fmt.Errorf("%s knows %d of %d agents", a.Node, status.Alive, n)
		}
		return nil
	})
	return err
}

// observe starts an observer of all agents but one; -1 leaves out none.
func (c *cluster) observe(but int, pause time.Duration, patient bool) (o *measure.Observer, stop func(), err error) {
	var addrs []string
	for i, a := range c.agents {
		if i != but {
			addrs = append(addrs, a.DNSAddr())
		}
	}
	return measure.Observe(addrs, pause, patient)
}

// register registers an instance at an address. The check, in JSON, may be "".
func register(a *rig.Agent, service, id string, address [4]byte, check string) error {
	if check != "" {
		check = fmt.Sprintf(`,"Check":{"Status":"passing",%s}`, check)
	}
	return a.Put("/v1/agent/service/register", fmt.Sprintf(`{"Name":%q,"ID":%q,"Address":"%d.%d.%d.%d","Port":80%s}`,
		service, id, address[0], address[1], address[2], address[3], check))
}
