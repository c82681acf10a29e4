package httpapi

import (
	"strconv"
	"strings"

	"covey/catalog"
	"covey/internal/fault"
)

// healthService lists the instances of a service with their nodes and checks: what
// most clients live on. Instances on failed hosts are among them, with a critical
// serfHealth, unless only passing ones are asked for.
func (s *Server) healthService(r *request) (reading, error) {
	name, err := r.required("name", "service name")
	if err != nil {
		return reading{}, err
	}
	onlyPassing, err := r.boolean("passing")
	if err != nil {
		return reading{}, err
	}
	tags, meta := r.tags(), r.nodeMeta()
	f, err := r.filterFor(wireEntry{})
	if err != nil {
		return reading{}, err
	}
	variant := []string{strconv.FormatBool(onlyPassing)}
	return ofService("health/service", name, r, variant, func(svc *catalog.Service, near *nearness) (any, error) {
		entries := make([]wireEntry, 0, len(svc.Endpoints)+len(svc.Unreachable))
		nodes := map[*catalog.Host]*wireNode{} // several instances may share a host
		for e := range svc.All() {
			if !e.HasTags(tags...) || !meta.match(e.Host) || onlyPassing && e.Status() != catalog.Passing {
				continue
			}
			if nodes[e.Host] == nil {
				n := nodeOf(e.Host)
				nodes[e.Host] = &n
			}
			entries = append(entries, wireEntry{
				Node:    nodes[e.Host],
				Service: endpointService(e),
				Checks:  serviceChecks(nodeChecks(e.Host), e),
			})
		}
		sortNear(near, entries, func(e *wireEntry) string { return e.Node.Node })
		return kept(f, entries)
	}), nil
}

// healthChecks lists the checks of a service's instances.
func (s *Server) healthChecks(r *request) (reading, error) {
	name, err := r.required("name", "service name")
	if err != nil {
		return reading{}, err
	}
	meta := r.nodeMeta()
	f, err := r.filterFor(wireCheck{})
	if err != nil {
		return reading{}, err
	}
	return ofService("health/checks", name, r, nil, func(svc *catalog.Service, near *nearness) (any, error) {
		checks := []wireCheck{}
		for e := range svc.All() {
			if meta.match(e.Host) {
				checks = serviceChecks(checks, e)
			}
		}
		sortNear(near, checks, checkedNode)
		return kept(f, checks)
	}), nil
}

// healthNode lists the checks of a node and of what runs there.
func (s *Server) healthNode(r *request) (reading, error) {
	name, err := r.required("node", "node name")
	if err != nil {
		return reading{}, err
	}
	f, err := r.filterFor(wireCheck{})
	if err != nil {
		return reading{}, err
	}
	return ofHost("health/node", name, r, func(v *catalog.View) (any, error) {
		checks := []wireCheck{}
		if h := v.Host(name); h != nil {
			checks = nodeChecks(h)
		}
		for e := range v.On(name) {
			checks = serviceChecks(checks, e)
		}
		return kept(f, checks)
	}), nil
}

// healthState lists all checks in one state, or in any.
func (s *Server) healthState(r *request) (reading, error) {
	state := r.PathValue("state")
	if state != "any" {
		if _, err := catalog.ParseStatus(state); err != nil {
			return reading{}, fault.New(fault.Invalid, "unknown state %q: want any, passing, warning or critical", state)
		}
	}
	meta := r.nodeMeta()
	f, err := r.filterFor(wireCheck{})
	if err != nil {
		return reading{}, err
	}
	return reading{
		key:   r.cacheKey("health/state", state),
		index: (*catalog.View).Index,
		watch: (*catalog.View).Watch,
		near:  r.params.Get("near"),
		size:  everything,
		body: func(v *catalog.View, near *nearness) (any, error) {
			checks := []wireCheck{}
			keep := func(some []wireCheck) {
				for _, c := range some {
					if state == "any" || c.Status == state {
						checks = append(checks, c)
					}
				}
			}
			for h := range v.Hosts() {
				if !meta.match(h) {
					continue
				}
				keep(nodeChecks(h))
				for e := range v.On(h.Name) {
					keep(serviceChecks(nil, e))
				}
			}
			sortNear(near, checks, checkedNode)
			return kept(f, checks)
		},
	}, nil
}

// everything is the size of a body that is made of the whole catalogue.
func everything(v *catalog.View) int {
	size := v.Size()
	return size.Hosts + size.Up + size.Down
}

func checkedNode(c *wireCheck) string { return c.Node }

// ofService is a question about one service by name, without case; an unknown one has
// no instances. What shapes the body beside tags and node-meta is in variant.
func ofService(endpoint, name string, r *request, variant []string, body func(*catalog.Service, *nearness) (any, error)) reading {
	name = strings.ToLower(name)
	return reading{
		key:   r.cacheKey(append([]string{endpoint, name}, variant...)...),
		index: func(v *catalog.View) uint64 { return v.ServiceIndex(name) },
		watch: func(v *catalog.View) <-chan struct{} { return v.WatchService(name) },
		near:  r.params.Get("near"),
		size: func(v *catalog.View) int {
			if svc := v.Service(name); svc != nil {
				return len(svc.Endpoints) + len(svc.Unreachable)
			}
			return 0
		},
		body: func(v *catalog.View, near *nearness) (any, error) {
			svc := v.Service(name)
			if svc == nil {
				svc = &catalog.Service{}
			}
			return body(svc, near)
		},
	}
}

// ofHost is a question about one node by name and what runs there.
func ofHost(endpoint, name string, r *request, body func(*catalog.View) (any, error)) reading {
	name = strings.ToLower(name)
	return reading{
		key:   r.cacheKey(endpoint, name),
		index: func(v *catalog.View) uint64 { return v.HostIndex(name) },
		watch: func(v *catalog.View) <-chan struct{} { return v.WatchHost(name) },
		size:  func(v *catalog.View) int { return v.CountOn(name) },
		body:  func(v *catalog.View, _ *nearness) (any, error) { return body(v) },
	}
}

// cacheKey is parts and the parameters that narrow lists. The order of a list is not
// among them: see Server.read.
func (r *request) cacheKey(parts ...string) string {
	for _, tag := range r.tags() {
		parts = append(parts, "tag", tag)
	}
	for _, pair := range r.params["node-meta"] {
		parts = append(parts, "node-meta", pair)
	}
	if expr := r.params.Get("filter"); expr != "" {
		parts = append(parts, "filter", expr)
	}
	return cacheKey(parts...)
}
