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
	burstSpan     = time.Second
	burstTime     = 60 * time.Second // for all of a burst to be everywhere
	burstServices = 100              // that its instances are spread over
)

// update is one registration of a burst.
type update struct {
	body        []byte
	mark        *measure.Mark // nil if it is not looked for by itself
	sent, acked time.Time
}

// burstOn registers distinct instances within a second on some of the agents, and
// prints how long after its acknowledgement each was everywhere. run tells bursts in
// one cluster apart.
func (b *bench) burstOn(c *cluster, writers, run int) error {
	before, err := c.leastInstances()
	if err != nil {
		return err
	}
	o, stop, err := c.observe(measure.LongPause, false)
	if err != nil {
		return err
	}
	defer stop()
	updates := b.burstUpdates(len(c.agents), run)
	idle, err := c.work()
	if err != nil {
		return err
	}
	began := time.Now()
	if err := b.sendBurst(c, o, updates, writers, began); err != nil {
		return err
	}
	took := time.Since(began)
	var fromAck, fromSent, acks, late measure.Latencies
	for i := range updates {
		u := &updates[i]
		acks = append(acks, u.acked.Sub(u.sent))
		if u.mark == nil {
			continue
		}
		if err := o.Await(u.mark, burstTime); err != nil {
			return err
		}
		fromAck = append(fromAck, u.mark.Everywhere().Sub(u.acked))
		fromSent = append(fromSent, u.mark.Everywhere().Sub(u.sent))
		late = append(late, u.mark.Late...)
	}
	for _, a := range c.agents {
		if _, err := rig.Until(burstTime, func() error { return holds(a, before+len(updates)) }); err != nil {
			return fmt.Errorf("after a burst that was acknowledged: %w", err)
		}
	}
	row(fmt.Sprintf("%d agents, burst of %d registrations on %d of them within %.2f s: acknowledged to DNS answer of all agents (%d looked for)",
		len(c.agents), len(updates), writers, took.Seconds(), len(fromAck)), "%v; all agents have all", fromAck)
	row("the same, from sending the request", "%v", fromSent)
	row("of that, until the request was acknowledged", "%v", acks)
	row("the observer saw each at most so late", "%v", late)
	done, err := c.work()
	if err != nil {
		return err
	}
	done.printSince(idle, len(updates), len(c.agents))
	return nil
}

func (b *bench) burstUpdates(agents, run int) []update {
	updates := make([]update, b.burst)
	for n := range updates {
		service, tag := fmt.Sprintf("burst-%d-%d", run, n%burstServices), fmt.Sprintf("t%d", n)
		updates[n].body = instanceBody(fmt.Sprintf("burst-%d-instance-%d", run, n), service, measure.Numbered(n), tag)
		if n%b.every == 0 {
			updates[n].mark = measure.NewMark(measure.Question(tag+"."+service+".service.local."), measure.Numbered(n), agents)
		}
	}
	return updates
}

// sendBurst sends each update when its time has come, or as soon after as its
// connection is free.
func (b *bench) sendBurst(c *cluster, o *measure.Observer, updates []update, writers int, began time.Time) error {
	conns := make([]*measure.Client, b.clients)
	for i := range conns {
		var err error
		if conns[i], err = measure.Dial(c.agents[i%writers].HTTPAddr()); err != nil {
			return err
		}
		defer conns[i].Close()
	}
	errs := make([]error, len(conns))
	var wg sync.WaitGroup
	for i, conn := range conns {
		wg.Go(func() {
			for n := i; n < len(updates); n += len(conns) {
				u := &updates[n]
				time.Sleep(time.Until(began.Add(burstSpan * time.Duration(n) / time.Duration(len(updates)))))
				u.sent = time.Now()
				if errs[i] = conn.Register(u.body); errs[i] != nil {
					return
				}
				u.acked = time.Now()
				if u.mark != nil {
					u.mark.Since = u.acked
					o.Expect(u.mark)
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// leastInstances returns how many instances the agents have that has fewest.
func (c *cluster) leastInstances() (int, error) {
	least := -1
	for _, a := range c.agents {
		var s status
		if _, err := a.Get("/v1/covey/status", &s); err != nil {
			return 0, err
		}
		if least < 0 || s.Instances < least {
			least = s.Instances
		}
	}
	return least, nil
}

func holds(a *rig.Agent, instances int) error {
	var s status
	if _, err := a.Get("/v1/covey/status", &s); err != nil {
		return err
	}
	if s.Instances < instances {
		return fmt.Errorf("%s has %d of %d instances", a.Node, s.Instances, instances)
	}
	return nil
}
