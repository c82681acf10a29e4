package lb

import (
	"time"

	"covey/catalog"
)

// history is what one agent saw of a service's instances that a view does not tell: since
// when each is healthy, and when its report came. It takes only its own word for times,
// since other hosts' clocks differ. The lock of its Balancer is held while it is used.
type history struct {
	index     uint64 // of the service when it was last looked at
	instances map[Instance]*past
}

type past struct {
	healthy  bool
	since    time.Time // it became so; zero if it was when it was first seen with all others
	serial   uint32    // of the report
	reported time.Time // when that came
}

// see takes note of how a service is now. What was healthy at the first sight has been for
// long, as far as this agent can know: after a restart nobody starts slowly. A view older
// than the last one tells nothing.
func (h *history) see(s *catalog.Service, now time.Time) {
	if h.instances != nil && s.LoadIndex <= h.index {
		return
	}
	first := h.instances == nil
	was := h.instances
	h.index, h.instances = s.LoadIndex, make(map[Instance]*past, len(s.Endpoints))
	for e := range s.All() {
		id := identity(e)
		p := was[id]
		if p == nil {
			p = &past{}
		}
		healthy := e.Status() != catalog.Critical
		if healthy && !p.healthy && !first {
			p.since = now
		}
		p.healthy = healthy
		if l := e.Load(); l.Serial != p.serial {
			p.serial, p.reported = l.Serial, now
		}
		h.instances[id] = p
	}
}

// age is how long the instance has been healthy, and report what it last said. A clock
// that went back makes them new.
func (h *history) age(i Instance, now time.Time) time.Duration {
	p := h.instances[i]
	if p == nil || p.since.IsZero() {
		return settled
	}
	return max(0, now.Sub(p.since))
}

func (h *history) report(e *catalog.Endpoint, now time.Time) Report {
	p := h.instances[identity(e)]
	if p == nil {
		return Report{}
	}
	return Report{Load: e.Load(), Age: max(0, now.Sub(p.reported))}
}

// settled is an age beyond any slow start.
const settled = 2 * catalog.MaxSlowStart

func identity(e *catalog.Endpoint) Instance { return Instance{e.Host.Name, e.ID()} }
