package agent

import (
	"maps"
	"slices"
	"strings"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// registry is what is registered on this agent. Only the committer changes it, and
// each change goes through a batch, which can take it back.
type registry struct {
	services map[string]*service // by ID
	// checks are all there are, of services and of the node, by ID; byService has the
	// same by the service's ID ("" for the node) and their own. put keeps them in step.
	checks    map[string]*check
	byService map[string]map[string]*check
	// statuses are those of checks that are defined in configuration files, which are
	// read after the journal.
	statuses map[string]checkState
	// externals are what this agent states of nodes that run none, by key.
	externals map[string]*catalog.External
	nodeMeta  map[string]string // of the node's record, which its checks are part of
}

// service is immutable; a change replaces it.
type service struct {
	definition definition.Service // without its checks
	fromFile   bool               // defined in a configuration file: not in the journal
}

// check is immutable; a change replaces it.
type check struct {
	definition definition.Check // zero for a maintenance check
	state      catalog.Check
	serviceID  string    // "" for the node's
	changed    time.Time // of the status, or of this process's start: what deregisters counts from here
	since      time.Time // of the status, over restarts
	shown      time.Time // when other hosts were last told of it
	fromFile   bool
	told       telling // what it read of its service's load, as that was last told; not kept on disk
}

// checkState is what a restart needs to know of a check.
type checkState struct {
	Status catalog.Status
	Output string
	Since  time.Time
}

func newRegistry() *registry {
	return &registry{
		services:  map[string]*service{},
		checks:    map[string]*check{},
		byService: map[string]map[string]*check{},
		statuses:  map[string]checkState{},
		externals: map[string]*catalog.External{},
	}
}

// put replaces the check of that ID, with nil removes it.
func (r *registry) put(id string, c *check) {
	if was := r.checks[id]; was != nil {
		delete(r.checks, id)
		delete(r.byService[was.serviceID], id)
		if len(r.byService[was.serviceID]) == 0 {
			delete(r.byService, was.serviceID)
		}
	}
	if c == nil {
		return
	}
	r.checks[id] = c
	if r.byService[c.serviceID] == nil {
		r.byService[c.serviceID] = map[string]*check{}
	}
	r.byService[c.serviceID][id] = c
}

// checksOf returns the checks of a service, or with "" of the node, by ID.
func (r *registry) checksOf(serviceID string) []*check {
	list := slices.Collect(maps.Values(r.byService[serviceID]))
	slices.SortFunc(list, func(a, b *check) int { return strings.Compare(a.state.ID, b.state.ID) })
	return list
}

func states(list []*check) []catalog.Check {
	if len(list) == 0 {
		return nil
	}
	out := make([]catalog.Check, len(list))
	for i, c := range list {
		out[i] = c.state
	}
	return out
}

// instance renders a service with the state of its checks.
func (r *registry) instance(id string, checks []*check) *catalog.Instance {
	i := r.services[id].definition.Instance()
	i.Checks = states(checks)
	i.Load = r.load(id)
	return i
}
