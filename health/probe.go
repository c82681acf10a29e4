package health

import (
	"cmp"
	"context"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// probe asks a service how it is; it returns soon after ctx ends.
type probe interface {
	ask(ctx context.Context) verdict
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
