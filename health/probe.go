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
	spoilt   error // if set, the agent's own trouble: it says nothing about the service
}

// probes returns what makes the probe of a definition, nil for one of a TTL check.
func probes(d *dialer) func(definition.Check) probe {
	return func(def definition.Check) probe {
		switch {
		case def.HTTP != "":
			return newHTTPProbe(def, d)
		case def.Hold != "":
			return &holdProbe{address: def.Hold, timeout: timeoutOf(def), interval: def.Interval, dialer: d}
		case def.Process != "":
			return &processProbe{process: def.Process}
		case def.TCP != "":
			return &tcpProbe{address: def.TCP, timeout: timeoutOf(def), dialer: d}
		}
		return nil
	}
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
