package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/miekg/dns"

	"covey/e2e/rig"
)

// startTimes measures from exec to the first answer, of an agent that knows nothing
// yet and of one that must read what it knew.
func (b *bench) startTimes() error {
	a, err := b.agent()
	if err != nil {
		return err
	}
	defer a.Kill()
	if err := b.timeStarts(a, "first DNS answer after exec, nothing registered", a.Node+".node.local."); err != nil {
		return err
	}
	if err := a.Start(); err != nil {
		return err
	}
	for n := range b.options.registrations {
		if err := a.Put("/v1/agent/service/register", b.body(n)); err != nil {
			return err
		}
	}
	return b.timeStarts(a, fmt.Sprintf("first DNS answer after kill -9 and exec, %d registered", b.options.registrations),
		serviceName(0)+".service.local.")
}

// timeStarts starts the agent again and again, and prints how long each took to answer
// for name.
func (b *bench) timeStarts(a *rig.Agent, what, name string) error {
	var took []time.Duration
	for range b.starts {
		if err := a.Kill(); err != nil {
			return err
		}
		began := time.Now()
		if err := a.Launch(); err != nil {
			return err
		}
		if err := firstAnswer(a, name); err != nil {
			return err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	row(what, "median %.0f ms, worst of %d %.0f ms", ms(took[len(took)/2]), len(took), ms(took[len(took)-1]))
	return a.Kill()
}

func ms(d time.Duration) float64 { return d.Seconds() * 1000 }

// firstAnswer asks each millisecond until the agent answers with a record. A question
// to a port that is not bound yet comes back at once as an ICMP error; one to a port
// that is not read yet waits there.
func firstAnswer(a *rig.Agent, name string) error {
	q := new(dns.Msg).SetQuestion(name, dns.TypeA)
	client := dns.Client{Timeout: time.Second}
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if m, _, err := client.Exchange(q, a.DNSAddr()); err == nil && len(m.Answer) > 0 {
			return nil
		}
		if !a.Running() || time.Now().After(deadline) {
			return fmt.Errorf("%s does not answer for %s\n%s", a.DNSAddr(), name, a.Output.String())
		}
		<-tick.C
	}
}
