package httpapi

import (
	"net/http"
	"strings"

	"covey/catalog"
	"covey/internal/fault"
)

// health is the sum of the checks that bear on an instance. It is ordered: a greater
// one is worse.
type health uint8

const (
	passing health = iota
	warning
	critical
	maintenance
)

func (h health) String() string {
	return [...]string{"passing", "warning", "critical", "maintenance"}[h]
}

// code lets a load balancer or a probe read the health without reading the body.
func (h health) code() int {
	switch h {
	case passing:
		return http.StatusOK
	case warning:
		return http.StatusTooManyRequests
	default:
		return http.StatusServiceUnavailable
	}
}

// agentHealthByID answers how an instance on this agent fares.
func (s *Server) agentHealthByID(w http.ResponseWriter, r *request) error {
	id, err := r.required("id", "service ID")
	if err != nil {
		return err
	}
	i, ofNode, known := s.cfg.Agent.LocalService(id)
	if !known {
		return unknownService(id)
	}
	found, h := s.serviceHealth(&i, ofNode)
	return s.health(w, r, h, found)
}

// agentHealthByName answers for all instances of a service on this agent; the code is
// that of the one which fares worst.
func (s *Server) agentHealthByName(w http.ResponseWriter, r *request) error {
	name, err := r.required("name", "service name")
	if err != nil {
		return err
	}
	local := s.cfg.Agent.Local()
	found, worst := []wireServiceHealth{}, passing
	for n := range local.Services {
		if i := &local.Services[n]; strings.EqualFold(i.Service, name) {
			one, h := s.serviceHealth(i, local.OfNode)
			found, worst = append(found, one), max(worst, h)
		}
	}
	if len(found) == 0 {
		return fault.New(fault.NotFound, "unknown service %q: no instance of it is registered on this agent", name)
	}
	return s.health(w, r, worst, found)
}

func (s *Server) health(w http.ResponseWriter, r *request, h health, v any) error {
	if r.params.Get("format") == "text" || strings.HasPrefix(r.Header.Get("Accept"), "text/plain") {
		s.text(w, h.code(), h.String())
		return nil
	}
	return s.value(w, r, h.code(), v)
}

// serviceHealth sums the checks of an instance and those of its node.
func (s *Server) serviceHealth(i *LocalService, ofNode []LocalCheck) (wireServiceHealth, health) {
	out := wireServiceHealth{Service: s.localService(i.Instance), Checks: []wireCheck{}}
	sum := passing
	for _, list := range [][]LocalCheck{ofNode, i.Checks} {
		for n := range list {
			out.Checks = append(out.Checks, localCheckOf(s.cfg.NodeName, &list[n]))
			sum = max(sum, healthOf(list[n].Check))
		}
	}
	out.AggregatedStatus = sum.String()
	return out, sum
}

func healthOf(c catalog.Check) health {
	switch {
	case c.ID == catalog.NodeMaintenance, strings.HasPrefix(c.ID, catalog.ServiceMaintenancePrefix):
		return maintenance
	case c.Status == catalog.Passing:
		return passing
	case c.Status == catalog.Warning:
		return warning
	default:
		return critical
	}
}
