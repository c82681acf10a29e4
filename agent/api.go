package agent

import (
	"context"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/health"
	"covey/httpapi"
	"covey/internal/fault"
)

// What follows is httpapi.Agent: the agent as the HTTP API drives it.
var _ httpapi.Agent = (*Agent)(nil)

// RegisterService adds or replaces an instance. When it returns nil, the instance is
// on disk and in the catalogue.
func (a *Agent) RegisterService(ctx context.Context, s definition.Service, replaceChecks bool) error {
	return a.commits.change(ctx, func(b *batch) error { return b.registerService(s, replaceChecks, false) })
}

// DeregisterService removes an instance and its checks.
func (a *Agent) DeregisterService(ctx context.Context, id string) error {
	return a.commits.change(ctx, func(b *batch) error { return b.deregisterService(id) })
}

// RegisterCheck adds or replaces a check of a service or of the node.
func (a *Agent) RegisterCheck(ctx context.Context, c definition.Check) error {
	return a.commits.change(ctx, func(b *batch) error { return b.registerCheck(c, false) })
}

// DeregisterCheck removes a check.
func (a *Agent) DeregisterCheck(ctx context.Context, id string) error {
	return a.commits.change(ctx, func(b *batch) error { return b.deregisterCheck(id) })
}

// UpdateTTL is a TTL check's sign of life. What it changes is on disk when it returns,
// unless nothing can be written: a service must not die of the disk of its agent. The
// service's load, if it says that, is told in its turn.
func (a *Agent) UpdateTTL(ctx context.Context, id string, status catalog.Status, output string, load *catalog.Reading) error {
	err := a.commits.find(ctx, func(b *batch) error {
		c := b.checks[id]
		if c == nil {
			return fault.New(fault.NotFound, "no check %q is registered on this agent; /v1/agent/checks lists them", id)
		}
		if c.definition.TTL == 0 {
			return fault.New(fault.Invalid, "check %q is of type %s, which the agent carries out itself: only a TTL check is updated", id, c.state.Type)
		}
		if load != nil && c.serviceID == "" {
			return fault.Field("Load", "check %q is of the node: only an instance has a load, so a check of its service is updated with it", id)
		}
		text := health.Clean(output, c.definition.OutputMaxSize)
		b.setStatus(id, checkState{Status: status, Output: text}, true)
		// Set, not Beat: the status is in the registry already, and need not be reported.
		b.monitor = append(b.monitor, func(m *health.Monitor) { m.Set(c.definition, status, text) })
		return nil
	})
	if err == nil && load != nil {
		a.takeLoad(id, load)
	}
	return err
}

// ServiceMaintenance takes a service out of all answers, or back in.
func (a *Agent) ServiceMaintenance(ctx context.Context, id string, on bool, reason string) error {
	return a.commits.change(ctx, func(b *batch) error { return b.maintain(id, on, reason) })
}

// NodeMaintenance takes all services of this node out of all answers, or back in.
func (a *Agent) NodeMaintenance(ctx context.Context, on bool, reason string) error {
	return a.commits.change(ctx, func(b *batch) error { return b.maintain("", on, reason) })
}

// Local returns what is registered on this agent.
func (a *Agent) Local() httpapi.Local { return a.commits.local.view() }

// LocalService returns an instance on this agent, and the checks of the node.
func (a *Agent) LocalService(id string) (s httpapi.LocalService, ofNode []httpapi.LocalCheck, known bool) {
	return a.commits.local.one(id)
}

// Join contacts other agents and returns how many answered.
func (a *Agent) Join(_ context.Context, addrs []string) (int, error) {
	n, err := a.gossip.Join(addrs...)
	if err != nil {
		return n, fault.New(fault.Unavailable, "%w", err)
	}
	return n, nil
}

// Leave begins a graceful stop of the whole agent.
func (a *Agent) Leave(context.Context) error {
	a.leave.Do(func() { close(a.leaving) })
	return nil
}

// ForceLeave declares a failed node gone.
func (a *Agent) ForceLeave(_ context.Context, node string, prune bool) error {
	return a.gossip.ForceLeave(node, prune)
}

// Reload reads the files of the HTTP API and the configuration anew, and brings services and
// checks that files define up to date. What else changed takes effect at the next start. What
// cannot be read stays as it was, and holds up nothing else. Without files there is nothing
// to do.
func (a *Agent) Reload(ctx context.Context) error {
	var faults fault.List
	if a.access != nil && a.access.any() {
		faults.Add(a.rereadAccess(true))
	}
	faults.Add(a.reloadConfig(ctx))
	return faults.Err()
}

func (a *Agent) reloadConfig(ctx context.Context) error {
	if a.opts.Reread == nil {
		return nil
	}
	cfg, err := a.opts.Reread()
	if err != nil {
		return fault.New(fault.Invalid, "the configuration was not reloaded: %w", err)
	}
	return a.commits.change(ctx, func(b *batch) error { return b.applyFile(cfg.Services, cfg.Checks) })
}

// Status sums up the agent.
func (a *Agent) Status() httpapi.Status {
	v := a.catalog.View()
	s := httpapi.Status{
		Node: a.cfg.NodeName, ID: a.id.String(), Version: a.opts.Version,
		Datacenter: a.cfg.Datacenter, Domain: a.cfg.Domain, Started: a.started,
		GossipAddr: a.gossip.Addr(), HTTPAddr: a.http.Addr().String(), DNSAddr: a.dns.Addr().String(),
		Encrypted: len(a.cfg.Encrypt) > 0, DataDir: a.cfg.DataDir, Counters: a.counters(),
	}
	s.Counters["services_in_panic"] = uint64(a.balancer.Panicking(v, time.Now()))
	s.Counters["instances_ejected"] = a.balancer.Ejections()
	members := a.countMembers()
	s.Alive, s.Failed = members.alive+members.leaving, members.failed
	s.Members = s.Alive + s.Failed
	size := v.Size()
	s.Services, s.Instances = size.Services, size.Up+size.Down
	return s
}
