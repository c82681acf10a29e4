package health

import (
	"cmp"
	"context"
	"sync"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// probe asks a service how it is; it returns soon after ctx ends.
type probe interface {
	ask(ctx context.Context) verdict
}

// watcher is a probe that stands by between its runs, since the kernel tells it when
// something happens to the service: then it asks to be run at once.
type watcher interface {
	probe
	// watch is called once, before all runs. The goroutines of the watcher belong to
	// running; event may be called by them, and as often as something happens.
	watch(event func(), running *sync.WaitGroup)
	// close ends the watch, also during a run; it does not wait for the goroutines.
	close()
}

// verdict is what one run found.
type verdict struct {
	status   catalog.Status
	output   string
	timedOut bool
	decided  bool             // by the service itself, so that it holds at once
	wish     bool             // critical, the service wants to be out of answers
	answered bool             // the service did, so that without a load it has none to tell
	load     *catalog.Reading // what it said of its load, plausible; nil for nothing
	spoilt   error            // if set, the agent's own trouble: it says nothing about the service
}

// maker makes the probes of a Monitor.
type maker struct {
	dialer  *dialer
	scripts bool
	docker  string // where the container runtime is
	catalog func() Catalog
}

// probe returns the probe of a definition, nil for one of a TTL check.
func (m *maker) probe(def definition.Check) probe {
	d, timeout := m.dialer, timeoutOf(def)
	switch {
	case def.HTTP != "":
		return newHTTPProbe(def, d)
	case def.Hold != "":
		return &holdProbe{address: def.Hold, timeout: timeout, interval: def.Interval, dialer: d}
	case def.Process != "":
		return &processProbe{process: def.Process}
	case def.TCP != "":
		return &tcpProbe{address: def.TCP, tls: tlsTo(def, def.TCPUseTLS, def.TCP), timeout: timeout, dialer: d}
	case def.AgentCheck != "":
		return &agentProbe{address: def.AgentCheck, send: def.AgentSend, timeout: timeout, dialer: d}
	case def.UDP != "":
		return &udpProbe{address: def.UDP, timeout: timeout, dialer: d}
	case def.GRPC != "":
		return newGRPCProbe(def, d)
	case def.H2PING != "":
		return newPingProbe(def, d)
	case def.OSService != "":
		return &unitProbe{unit: def.OSService, timeout: timeout, systemctl: "systemctl"}
	case def.AliasService != "" || def.AliasNode != "":
		return newAliasProbe(def, m.catalog)
	case def.DockerContainerID != "" && !def.Runs():
		return &containerProbe{container: def.DockerContainerID, timeout: timeout, host: cmp.Or(m.docker, dockerDefault)}
	case def.Runs() && !m.scripts:
		return offProbe{}
	case def.DockerContainerID != "":
		return &dockerProbe{
			container: def.DockerContainerID, args: containerArgs(def.Args, def.Shell), timeout: timeout,
			host: cmp.Or(m.docker, dockerDefault),
		}
	case def.Runs():
		return &scriptProbe{args: def.Args, timeout: timeout}
	}
	return nil
}

func timeoutOf(def definition.Check) time.Duration {
	return cmp.Or(max(def.Timeout, 0), definition.DefaultTimeout)
}

// failure is the verdict of a run that got no answer, because of err.
func failure(what string, err error, timeout time.Duration) verdict {
	return verdict{
		status:   catalog.Critical,
		output:   clean(what + reason(err, timeout)),
		timedOut: timedOut(err),
		spoilt:   lacking(err),
	}
}
