//go:build unix

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"covey/e2e/rig"
)

// member is an agent and what it acknowledged.
type member struct {
	*rig.Agent
	stopped atomic.Bool // by SIGSTOP

	mu     sync.Mutex // guards what follows
	truth  map[string]instance
	unsure map[string]bool // IDs of which a request was not answered
}

// instance is one that an agent acknowledged.
type instance struct {
	service string
	port    int
	weight  int
	status  string
}

const services = 12

// String is as an agent's answer is written down to be compared.
func (i instance) String() string { return fmt.Sprintf("%d*%d %s", i.port, i.weight, i.status) }

// put registers an instance, and notes that it was acknowledged, or that nobody knows.
func (m *member) put(id string, i instance) error {
	return m.settle(id, i, m.Put("/v1/agent/service/register", fmt.Sprintf(
		`{"Name":%q,"ID":%q,"Port":%d,"Weights":{"Passing":%d,"Warning":%d},"Check":{"CheckID":"check:%s","TTL":"72h","Status":%q}}`,
		i.service, id, i.port, i.weight, i.weight, id, i.status)))
}

// mark changes the health of an instance.
func (m *member) mark(id, status string) error {
	i := m.known(id)
	i.status = status
	return m.settle(id, i, m.Put("/v1/agent/check/update/check:"+id, fmt.Sprintf(`{"Status":%q}`, status)))
}

// remove deregisters an instance.
func (m *member) remove(id string) error {
	err := m.Put("/v1/agent/service/deregister/"+id, nil)
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.truth, id)
	if err != nil {
		m.doubt(id)
	}
	return err
}

func (m *member) settle(id string, i instance, err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err == nil {
		m.truth[id] = i
		delete(m.unsure, id)
	} else {
		delete(m.truth, id)
		m.doubt(id)
	}
	return err
}

func (m *member) doubt(id string) {
	if m.unsure == nil {
		m.unsure = map[string]bool{}
	}
	m.unsure[id] = true
}

func (m *member) known(id string) instance {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.truth[id]
}

func (m *member) ids() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.truth))
}

// settleDoubts removes the instances of which a request was not answered: either is right,
// so it says nothing.
func (m *member) settleDoubts() error {
	m.mu.Lock()
	unsure := slices.Collect(maps.Keys(m.unsure))
	m.mu.Unlock()
	for _, id := range unsure {
		r, err := m.Do("PUT", "/v1/agent/service/deregister/"+id, nil)
		if err != nil {
			return err
		}
		if r.Code != 200 && r.Code != 404 {
			return fmt.Errorf("%s deregisters %s with %d: %s", m.Node, id, r.Code, r.Body)
		}
		m.mu.Lock()
		delete(m.unsure, id)
		m.mu.Unlock()
	}
	return nil
}

// answered is what an agent answers of a service, a line an instance.
func (m *member) answered(service string) (lines []string, err error) {
	var list []struct {
		Node    struct{ Node string }
		Service struct {
			ID      string
			Port    int
			Weights struct{ Passing int }
		}
		Checks []struct{ CheckID, Status string }
	}
	if _, err := m.Get("/v1/health/service/"+service, &list); err != nil {
		return nil, err
	}
	for _, e := range list {
		i := instance{port: e.Service.Port, weight: e.Service.Weights.Passing}
		for _, k := range e.Checks {
			if strings.HasPrefix(k.CheckID, "check:") {
				i.status = k.Status
			}
		}
		lines = append(lines, line(e.Node.Node, e.Service.ID, i))
	}
	slices.Sort(lines)
	return lines, nil
}

func line(node, id string, i instance) string { return fmt.Sprintf("%s/%s %v", node, id, i) }
