//go:build unix

package main

import (
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

// sample is which instances of the fleet an agent answered with.
type sample struct {
	at    time.Time
	shown []bool // by agent
}

const (
	samplePace = 20 * time.Millisecond
	afterwards = 15 * time.Second // that are watched when the agent goes on
)

// stallOne stops an agent for a while and looks at what all answer meanwhile and after.
func (b *bench) stallOne() error {
	return b.withCluster(func(c *cluster) error {
		if err := c.deploy(); err != nil {
			return err
		}
		time.Sleep(settleTime)
		victim := len(c.agents) - 1
		ended := make(chan struct{})
		samples := make([][]sample, len(c.agents))
		var asking sync.WaitGroup
		for i, a := range c.agents {
			asking.Go(func() { samples[i] = ask(a, len(c.agents), ended) })
		}
		stopped := time.Now()
		pid := c.agents[victim].PID()
		err := syscall.Kill(pid, syscall.SIGSTOP)
		time.Sleep(b.stall)
		resumed := time.Now()
		if err == nil {
			err = syscall.Kill(pid, syscall.SIGCONT)
		}
		time.Sleep(afterwards)
		close(ended)
		asking.Wait()
		if err != nil {
			return err
		}
		b.tellStall(samples, victim, stopped, resumed)
		return nil
	})
}

// tellStall prints what the samples say.
func (b *bench) tellStall(samples [][]sample, victim int, stopped, resumed time.Time) {
	var gone, back measure.Latencies
	answers, wrong := 0, 0
	for i, list := range samples {
		if i == victim {
			continue
		}
		first, last := time.Time{}, time.Time{}
		for _, s := range list {
			answers++
			if s.lacks(victim) > 0 {
				wrong++
			}
			if s.shown[victim] {
				continue
			}
			if first.IsZero() {
				first = s.at
			}
			last = s.at
		}
		if !first.IsZero() {
			gone = append(gone, first.Sub(stopped))
			back = append(back, max(0, last.Add(samplePace).Sub(resumed)))
		}
	}
	row(fmt.Sprintf("one of %d agents stopped for %v: until the others answer without it", len(samples), b.stall), "%v (%d of %d do)", gone, len(gone), len(samples)-1)
	row("it goes on: until the others answer with it again, for good", "%v", back)
	row("answers of the others, before and after, that lacked another living instance", "%d of %d", wrong, answers)
	own, lacking := 0, 0
	var last time.Time
	for _, s := range samples[victim] {
		if s.at.Before(resumed) {
			continue
		}
		own++
		if s.lacks(-1) > 0 {
			lacking++
			last = s.at
		}
	}
	during := "none"
	if !last.IsZero() {
		during = fmt.Sprintf("the last %.1f ms after SIGCONT", measure.MS(last.Sub(resumed)))
	}
	row("its own answers when it goes on that lacked a living instance", "%d of %d, %s", lacking, own, during)
}

// lacks counts the instances that are not shown, but for one.
func (s sample) lacks(but int) int {
	n := 0
	for i, shown := range s.shown {
		if !shown && i != but {
			n++
		}
	}
	return n
}

// ask samples an agent until ended. What it does not answer in time is no sample.
func ask(a *rig.Agent, agents int, ended <-chan struct{}) (list []sample) {
	tick := time.NewTicker(samplePace)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return list
		case <-tick.C:
		}
		m, err := a.Ask(fleet+".service.local", "A")
		if err != nil || m.Rcode == dns.RcodeServerFailure {
			continue
		}
		s := sample{at: time.Now(), shown: make([]bool, agents)}
		for _, rr := range m.Answer {
			if record, ok := rr.(*dns.A); ok {
				for i := range s.shown {
					address := placed(i)
					s.shown[i] = s.shown[i] || record.A.Equal(net.IP(address[:]))
				}
			}
		}
		list = append(list, s)
	}
}
