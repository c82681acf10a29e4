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

// localService is a service as it was last committed, rendered when somebody asks. Without
// a service it holds the node's checks, or nothing.
type localService struct {
	*service
	checks []*check
}

func newLocal() *local { return &local{services: map[string]localService{}} }

// local returns a service, or with "" the node's checks.
func (r *registry) local(id string) localService {
	if s := r.services[id]; s != nil || id == "" {
		return localService{s, r.checksOf(id)}
	}
	return localService{}
}

// render returns the instance, nil if there is none, and the checks as they are shown.
func (l localService) render() (*catalog.Instance, []httpapi.LocalCheck) {
	var i *catalog.Instance
	if l.service != nil {
		i = l.instance(l.checks)
	}
	var checks []httpapi.LocalCheck
	for _, c := range l.checks {
		lc := httpapi.LocalCheck{Check: c.state, ServiceID: c.serviceID, Definition: c.definition, Since: c.since}
		if i != nil {
			lc.ServiceName, lc.ServiceTags = i.Service, i.Tags
		}
		checks = append(checks, lc)
	}
	return i, checks
}

func (l *local) set(changed map[string]localService) {
	if len(changed) == 0 {
		return // what is rendered stands
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, s := range changed {
		if s.service == nil && id != "" {
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
		i, checks := l.services[id].render()
		if i != nil {
			v.Services = append(v.Services, httpapi.LocalService{Instance: i, Checks: checks})
		} else {
			v.OfNode = checks
		}
		v.Checks = append(v.Checks, checks...)
	}
	slices.SortFunc(v.Checks, func(a, b httpapi.LocalCheck) int { return strings.Compare(a.ID, b.ID) })
	l.rendered = v
	return *v
}

// one renders a service alone, with the node's checks.
func (l *local) one(id string) (s httpapi.LocalService, ofNode []httpapi.LocalCheck, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.Instance, s.Checks = l.services[id].render()
	_, ofNode = l.services[""].render()
	return s, ofNode, s.Instance != nil
}
