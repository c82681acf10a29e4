//go:build unix

package main

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"time"

	"covey/scripts/measure"
)

const (
	goneTime   = 30 * time.Second // for who is dead to be out of all answers
	restTime   = 50 * time.Millisecond
	warmUps    = 5 // kills that are not counted
	polledPace = time.Second
	// polledPause is short enough to tell when its own agent knows, and long enough for
	// all agents to have time.
	polledPause = 2 * time.Millisecond
)

// kill kills instances with checks that see it happen.
func (b *bench) kill() error {
	return b.withCluster(func(c *cluster) error {
		for _, kind := range []string{"hold", "process"} {
			if err := b.killWith(c, kind, func(i *instance) string {
				if kind == "hold" {
					return fmt.Sprintf(`"Hold":%q`, i.addr)
				}
				return fmt.Sprintf(`"Process":%d`, i.cmd.Process.Pid)
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (b *bench) killWith(c *cluster, kind string, check func(*instance) string) error {
	o, stop, err := c.observe(-1, measure.PatientPause, true)
	if err != nil {
		return err
	}
	defer stop()
	var every, each, late measure.Latencies
	for round := range warmUps + b.rounds {
		m, killed, err := c.killOne(o, kind, round, check)
		if err != nil {
			return err
		}
		if round < warmUps {
			continue
		}
		every = append(every, m.Everywhere().Sub(killed))
		for _, at := range m.Seen {
			each = append(each, at.Sub(killed))
		}
		late = append(late, m.Late...)
	}
	row(fmt.Sprintf("%d instances with `%s` killed, %d agents: SIGKILL to gone from the DNS of all", b.rounds, kind, len(c.agents)), "%v", every)
	row("the same, each agent by itself", "%v", each)
	row("the observer saw each at most so late", "%v", late)
	return nil
}

// polled kills instances with a check that asks at intervals.
func (b *bench) polled() error {
	return b.withCluster(func(c *cluster) error {
		o, stop, err := c.observe(-1, polledPause, false)
		if err != nil {
			return err
		}
		defer stop()
		var found, spread measure.Latencies
		for round := range b.rounds {
			m, killed, err := c.killOne(o, "polled", round, func(i *instance) string {
				return fmt.Sprintf(`"TCP":%q,"Interval":"%v"`, i.addr, polledPace)
			})
			if err != nil {
				return err
			}
			owner := round % len(c.agents)
			// Its own agent knew before it was seen to: count from the earliest.
			known := m.Seen[owner].Add(-m.Late[owner])
			found = append(found, known.Sub(killed))
			spread = append(spread, m.Everywhere().Sub(known))
		}
		row(fmt.Sprintf("%d instances with a TCP check every %v killed, %d agents: its own agent answers without it", b.rounds, polledPace, len(c.agents)), "%v after SIGKILL", found)
		row(fmt.Sprintf("from then to gone from the DNS of all, of which up to %v are the observer's", 2*polledPause), "%v", spread)
		return nil
	})
}

// killOne registers an instance that lives, on one agent after another, and kills it.
func (c *cluster) killOne(o *measure.Observer, service string, round int, check func(*instance) string) (m *measure.Mark, killed time.Time, err error) {
	fail := func(err error) (*measure.Mark, time.Time, error) { return nil, time.Time{}, err }
	query := measure.Question(service + ".service.local.")
	if round == 0 { // one stays, or there would be no answer that shows anything
		if err := register(c.agents[0], service, service+"-stays", measure.Numbered(1<<23), ""); err != nil {
			return fail(err)
		}
	}
	i, err := startInstance()
	if err != nil {
		return fail(err)
	}
	defer i.end()
	owner := c.agents[round%len(c.agents)]
	id, address := fmt.Sprintf("%s-%d", service, round), measure.Numbered(round+1)
	if err := register(owner, service, id, address, check(i)); err != nil {
		return fail(err)
	}
	there := measure.NewMark(query, address, len(c.agents))
	there.Since = time.Now()
	o.Expect(there)
	if err := o.Await(there, goneTime); err != nil {
		return fail(err)
	}
	if err := owner.Put("/v1/covey/check/run/service:"+id, nil); err != nil { // returns when it has looked, and watches
		return fail(err)
	}
	time.Sleep(restTime + rand.N(restTime))
	m = measure.NewLoss(query, address, len(c.agents))
	m.Since = time.Now()
	if err := i.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		return fail(err)
	}
	o.Expect(m)
	if err := o.Await(m, goneTime); err != nil {
		return fail(fmt.Errorf("instance %s of %s: %w", id, owner.Node, err))
	}
	return m, m.Since, owner.Put("/v1/agent/service/deregister/"+id, nil)
}
