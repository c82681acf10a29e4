package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

// cluster is some agents that know one another.
type cluster struct {
	bench  *bench
	agents []*rig.Agent
}

const (
	joinTime  = 60 * time.Second // for all agents to know one another
	quietTime = 2 * time.Second  // after that, for what they still have to tell
)

// withCluster starts n agents, has use work with them, and ends them.
func (b *bench) withCluster(n int, use func(*cluster) error) error {
	c := &cluster{bench: b}
	defer c.end()
	for i := range n {
		var args []string
		if i > 0 {
			args = []string{"--retry-join", c.agents[0].GossipAddr()}
		}
		a, err := b.agent(args...)
		if err != nil {
			return err
		}
		c.agents = append(c.agents, a)
		if err := b.start(a); err != nil {
			return err
		}
	}
	for _, a := range c.agents {
		if _, err := rig.Until(joinTime, func() error { return joined(a, n) }); err != nil {
			return err
		}
	}
	time.Sleep(quietTime)
	return use(c)
}

// observe starts an observer of all agents.
func (c *cluster) observe(pause time.Duration, patient bool) (o *measure.Observer, stop func(), err error) {
	var addrs []string
	for _, a := range c.agents {
		addrs = append(addrs, a.DNSAddr())
	}
	return measure.Observe(addrs, pause, patient)
}

func (c *cluster) end() {
	for _, a := range c.agents {
		_ = a.Kill()
		c.bench.ended(a.PID())
	}
}

// agent returns an agent with a data directory of its own, whose gossip is sealed.
func (b *bench) agent(args ...string) (*rig.Agent, error) {
	place, err := rig.FindPlace()
	if err != nil {
		return nil, err
	}
	b.agents++
	node := fmt.Sprintf("bench-%d", b.agents)
	return &rig.Agent{
		Binary:  b.binary,
		Node:    node,
		Place:   place,
		DataDir: filepath.Join(b.dir, node),
		Args:    append([]string{"--log-level", "warn"}, args...),
		Env:     []string{"COVEY_ENCRYPT=" + b.key},
	}, nil
}

func (b *bench) start(a *rig.Agent) error {
	err := a.Start()
	if pid := a.PID(); pid != 0 {
		b.started(pid)
	}
	return err
}

// status is what is used of /v1/covey/status.
type status struct {
	Alive, Instances int
	Counters         map[string]uint64
}

func joined(a *rig.Agent, n int) error {
	var s status
	if _, err := a.Get("/v1/covey/status", &s); err != nil {
		return err
	}
	if s.Alive != n {
		return fmt.Errorf("%s knows %d of %d agents", a.Node, s.Alive, n)
	}
	return nil
}

func trim(s string) string { return strings.TrimSpace(s) }
