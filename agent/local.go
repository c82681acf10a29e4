package agent

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"covey/catalog"
	"covey/httpapi"
)

// local is what readers on this host see of the registry: what is committed, never
// what is about to be. It is safe for concurrent use.
type local struct {
	mu       sync.Mutex // guards what follows
	node     *catalog.Node
	services map[string]localService // by ID, "" for the node's checks
	serial   uint64                  // of the last change
	rendered *httpapi.Local          // nil after a change
}

// localService is a service as it was last committed. Without an instance it holds the
// node's checks, or nothing.
type localService struct {
	instance *catalog.Instance
	checks   []httpapi.LocalCheck
}

func newLocal() *local { return &local{services: map[string]localService{}} }

// local renders a service, or with "" the node's checks.
func (r *registry) local(id string) localService {
	var l localService
	checks := r.checksOf(id)
	if id != "" {
		if r.services[id] == nil {
			return l
		}
		l.instance = r.instance(id, checks)
	}
	for _, c := range checks {
		lc := httpapi.LocalCheck{Check: c.state, ServiceID: id, Definition: c.definition, Since: c.since}
		if l.instance != nil {
			lc.ServiceName, lc.ServiceTags = l.instance.Service, l.instance.Tags
		}
		l.checks = append(l.checks, lc)
	}
	return l
}

func (l *local) set(changed map[string]localService) {
	if len(changed) == 0 {
		return // what is rendered stands
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, s := range changed {
		if s.instance == nil && id != "" {
			delete(l.services, id)
		} else {
			l.services[id] = s
		}
	}
	l.serial, l.rendered = l.serial+1, nil
}

func (l *local) setNode(n *catalog.Node) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.node, l.serial, l.rendered = n, l.serial+1, nil
}

// view returns all of it, services and checks by ID. It is rendered once a change.
func (l *local) view() httpapi.Local {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rendered != nil {
		return *l.rendered
	}
	v := &httpapi.Local{Serial: l.serial, Node: l.node, Services: []httpapi.LocalService{}, Checks: []httpapi.LocalCheck{}}
	for _, id := range slices.Sorted(maps.Keys(l.services)) {
		s := l.services[id]
		if s.instance != nil {
			v.Services = append(v.Services, httpapi.LocalService{Instance: s.instance, Checks: s.checks})
		} else {
			v.OfNode = s.checks
		}
		v.Checks = append(v.Checks, s.checks...)
	}
	slices.SortFunc(v.Checks, func(a, b httpapi.LocalCheck) int { return strings.Compare(a.ID, b.ID) })
	l.rendered = v
	return *v
}
