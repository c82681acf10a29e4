//go:build unix

package main

import (
	"fmt"
	"slices"
	"time"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

// flaps watches two agents: one whose checks change with each run, and one that is told
// of it and asked by DNS meanwhile for a service that does not change.
func (b *bench) flaps() error {
	s, err := serve(b.flapping, true)
	if err != nil {
		return err
	}
	defer s.close()
	owner, err := b.start()
	if err != nil {
		return err
	}
	defer owner.Kill()
	peer, err := b.start("--retry-join", owner.GossipAddr())
	if err != nil {
		return err
	}
	defer peer.Kill()
	if err := still(peer); err != nil {
		return err
	}
	time.Sleep(2 * time.Second) // for them to know one another
	quiet, err := b.watch(owner, peer)
	if err != nil {
		return err
	}
	quiet.print("two agents, nothing changes", b.over, 0)
	if err := s.register(owner, b.flap); err != nil {
		return err
	}
	time.Sleep(2*b.flap + 2*time.Second)
	before := s.total()
	busy, err := b.watch(owner, peer)
	if err != nil {
		return err
	}
	changes := s.total() - before
	busy.print(fmt.Sprintf("the same while %d checks change their status every %v", b.flapping, b.flap), b.over, changes)
	return nil
}

func (s *services) total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, times := range s.runs {
		n += len(times)
	}
	return n
}

// still registers a service on an agent that does not change.
func still(a *rig.Agent) error {
	client, err := measure.Dial(a.HTTPAddr())
	if err != nil {
		return err
	}
	defer client.Close()
	for i := range 10 {
		if err := client.Register(fmt.Appendf(nil, `{"Name":"still","ID":"still-%d","Address":"10.0.0.%d","Port":80}`, i, i+1)); err != nil {
			return err
		}
	}
	return nil
}

// costs are what a time cost.
type costs struct {
	ownerCPU, peerCPU float64 // of a core, in percent
	bytes, frames     uint64  // that the owner sent for replication
	latencies         []time.Duration
}

func (b *bench) watch(owner, peer *rig.Agent) (costs, error) {
	var c costs
	read := func() (cpu [2]time.Duration, sent [2]uint64, err error) {
		for i, a := range []*rig.Agent{owner, peer} {
			if cpu[i], err = measure.CPUTime(a.PID()); err != nil {
				return cpu, sent, err
			}
		}
		var status struct{ Counters map[string]uint64 }
		_, err = owner.Get("/v1/covey/status", &status)
		return cpu, [2]uint64{status.Counters["replication_bytes_out"], status.Counters["replication_frames_out"]}, err
	}
	cpu, sent, err := read()
	if err != nil {
		return c, err
	}
	began := time.Now()
	for time.Since(began) < b.over {
		asked := time.Now()
		if _, err := peer.Ask("still.service.local", "A"); err != nil {
			return c, err
		}
		c.latencies = append(c.latencies, time.Since(asked))
		time.Sleep(5 * time.Millisecond)
	}
	took := time.Since(began)
	cpu2, sent2, err := read()
	if err != nil {
		return c, err
	}
	c.ownerCPU, c.peerCPU = percent(cpu2[0]-cpu[0], took), percent(cpu2[1]-cpu[1], took)
	c.bytes, c.frames = sent2[0]-sent[0], sent2[1]-sent[1]
	slices.Sort(c.latencies)
	return c, nil
}

// print prints the costs, with what was sent for each change if there were any.
func (c *costs) print(what string, over time.Duration, changes int) {
	each := ""
	if changes > 0 {
		each = fmt.Sprintf(" for %d changes: %.0f bytes and %.2f frames each", changes, float64(c.bytes)/float64(changes), float64(c.frames)/float64(changes))
	}
	row(what, "owner %.1f %%, peer %.1f %% of a core; the owner sent %.1f kB/s%s", c.ownerCPU, c.peerCPU, float64(c.bytes)/1000/over.Seconds(), each)
	at := func(share float64) time.Duration {
		return c.latencies[int(share*float64(len(c.latencies)-1))].Round(time.Microsecond)
	}
	row("a DNS answer of the peer about another service meanwhile", "p50 %v, p99 %v of %d", at(0.5), at(0.99), len(c.latencies))
}
