package agent

import (
	"time"

	"covey/agentcheck"
	"covey/lb"
)

// newBalancer is how this agent balances: where it stands, and what its configuration says.
func (a *Agent) newBalancer() *lb.Balancer {
	return &lb.Balancer{
		Node:        a.cfg.NodeName,
		Here:        lb.Place{Zone: a.cfg.Zone, Region: a.cfg.Region},
		Configured:  a.cfg.LB.Of,
		NoSlowStart: !a.cfg.LB.SlowStart,
		NoLoad:      !a.cfg.LB.Load,
		NoPlace:     !a.cfg.LB.Place,
		OnPanic:     a.notePanic,
		Distance:    a.roundTrip,
	}
}

// notePanic says that a service begins, or ends, to be answered regardless of health.
func (a *Agent) notePanic(service string, begins bool) {
	if begins {
		a.log.Warn("so few instances of a service are healthy that all are answered, regardless of health", "service", service)
	} else {
		a.log.Info("a service is answered by health again", "service", service)
	}
}

// reportOutcome takes what a caller on this host met at an instance.
func (a *Agent) reportOutcome(service, node, id string, ok bool) (known, ejected bool) {
	known, ejected = a.balancer.Report(a.catalog.View(), service, node, id, ok, time.Now())
	if ejected {
		a.log.Warn("callers on this host report that calls of an instance fail: it is left out of answers for a while",
			"service", service, "instance", id, "node", node)
	}
	return known, ejected
}

// openAgentCheck binds the port on which HAProxy asks, if there is to be one.
func (a *Agent) openAgentCheck() (err error) {
	addr := a.cfg.AgentCheckAddr()
	if addr == "" {
		return nil
	}
	a.proxies, err = agentcheck.New(agentcheck.Config{
		Addr: addr, NodeName: a.cfg.NodeName, Catalog: a.catalog, Balancer: a.balancer, Lookup: a.dns.Lookup, Logger: a.log,
	})
	if err == nil {
		a.log.Info("agent checks are answered", "addr", a.proxies.Addr())
	}
	return err
}
