//go:build unix

package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// cluster is the agents, and what befalls them.
type cluster struct {
	members []*member
	rand    *rand.Rand
	made    int // instances so far
	counts  map[string]int
	pauses  sync.WaitGroup
}

const (
	steadfast   = 2   // agents that are never ended
	mostEach    = 150 // instances of an agent
	agreeTime   = time.Minute
	leaveTime   = 20 * time.Second
	betweenActs = 20 * time.Millisecond
)

// act does one thing to the cluster. An error is a fault of an agent.
func (c *cluster) act() error {
	time.Sleep(time.Duration(c.rand.Int64N(int64(2 * betweenActs))))
	m := c.members[c.rand.IntN(len(c.members))]
	mortal := c.members[steadfast+c.rand.IntN(len(c.members)-steadfast)]
	ids := m.ids()
	switch n := c.rand.IntN(1000); {
	case n < 2 && !m.stopped.Load():
		c.note("stopped for a while")
		return c.pause(m)
	case n < 8 && !mortal.stopped.Load():
		return c.replace(mortal)
	case m.stopped.Load():
		return nil
	case len(ids) == 0 || n < 400 && len(ids) < mostEach:
		c.note("registered")
		return m.put(c.next())
	case n < 650:
		c.note("changed health")
		return m.mark(c.pick(ids), []string{"passing", "warning", "critical"}[c.rand.IntN(3)])
	case n < 800:
		c.note("changed weight")
		id := c.pick(ids)
		i := m.known(id)
		i.weight = 1 + c.rand.IntN(100)
		return m.put(id, i)
	default:
		c.note("deregistered")
		return m.remove(c.pick(ids))
	}
}

func (c *cluster) note(what string) {
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.counts[what]++
}

// happened tells what did since it was last asked.
func (c *cluster) happened() string {
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(c.counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", c.counts[what], what))
	}
	c.counts = nil
	return strings.Join(parts, ", ")
}

func (c *cluster) next() (id string, i instance) {
	c.made++
	service := fmt.Sprint("soak-", c.rand.IntN(services))
	return fmt.Sprint(service, "-", c.made), instance{service, 1024 + c.rand.IntN(60000), 1 + c.rand.IntN(100), "passing"}
}

func (c *cluster) pick(ids []string) string { return ids[c.rand.IntN(len(ids))] }

// pause stops a process, and has it go on within eight seconds. Others act meanwhile.
func (c *cluster) pause(m *member) error {
	if err := syscall.Kill(m.PID(), syscall.SIGSTOP); err != nil {
		return fmt.Errorf("stop %s: %w", m.Node, err)
	}
	m.stopped.Store(true)
	pause := time.Duration(c.rand.Int64N(int64(8 * time.Second)))
	c.pauses.Go(func() {
		time.Sleep(pause)
		_ = syscall.Kill(m.PID(), syscall.SIGCONT)
		m.stopped.Store(false)
	})
	return nil
}

// replace ends an agent, one way or another, and starts it again some time later.
func (c *cluster) replace(m *member) error {
	if c.rand.IntN(3) > 0 {
		c.note("killed under fire")
		if err := c.killUnderFire(m); err != nil {
			return err
		}
	} else {
		c.note("left")
		if err := m.Terminate(); err != nil {
			return err
		}
		code, err := m.Wait(leaveTime)
		if err != nil || code != 0 {
			return fmt.Errorf("%s was to leave, and ended with %d: %w", m.Node, code, err)
		}
	}
	time.Sleep(time.Duration(c.rand.Int64N(int64(5 * time.Second))))
	if err := m.Start(); err != nil {
		return fmt.Errorf("start %s again: %w", m.Node, err)
	}
	return nil
}

// killUnderFire kills an agent that is being registered with.
func (c *cluster) killUnderFire(m *member) error {
	const clients = 8
	var under sync.WaitGroup
	for range clients {
		var ids []string
		var all []instance
		for range 4 {
			id, i := c.next()
			ids, all = append(ids, id), append(all, i)
		}
		under.Go(func() {
			for n, id := range ids {
				_ = m.put(id, all[n]) // it may die first
			}
		})
	}
	time.Sleep(time.Duration(c.rand.Int64N(int64(10 * time.Millisecond))))
	err := m.Kill()
	under.Wait()
	return err
}

// heal sees to it that every agent runs, and that what nobody knows of is gone.
func (c *cluster) heal() error {
	c.pauses.Wait()
	for _, m := range c.members {
		if !m.Running() {
			return fmt.Errorf("%s has ended by itself", m.Node)
		}
		if err := m.settleDoubts(); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) instances() (n int) {
	for _, m := range c.members {
		n += len(m.ids())
	}
	return n
}

// agree returns nil if every agent answers for every service what was acknowledged.
func (c *cluster) agree() error {
	for n := range services {
		service := fmt.Sprint("soak-", n)
		var want []string
		for _, m := range c.members {
			for _, id := range m.ids() {
				if i := m.known(id); i.service == service {
					want = append(want, line(m.Node, id, i))
				}
			}
		}
		slices.Sort(want)
		for _, m := range c.members {
			got, err := m.answered(service)
			if err != nil {
				return err
			}
			if !slices.Equal(got, want) {
				return fmt.Errorf("of %s, %s answers %s", service, m.Node, difference(got, want))
			}
		}
	}
	return nil
}

// difference shows the first few lines that one of two sorted lists has and the other lacks.
func difference(got, want []string) string {
	var odd []string
	for _, l := range got {
		if _, found := slices.BinarySearch(want, l); !found {
			odd = append(odd, "+"+l)
		}
	}
	for _, l := range want {
		if _, found := slices.BinarySearch(got, l); !found {
			odd = append(odd, "-"+l)
		}
	}
	return fmt.Sprintf("%d lines that differ: %s", len(odd), strings.Join(odd[:min(len(odd), 6)], "; "))
}
