package agent

import (
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
	// same by the service's ID ("" for the node), sorted. put keeps them in step.
	checks    map[string]*check
	byService map[string][]*check // lists are replaced, never changed
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
	definition *definition.Check // of no kind for a maintenance check; shared, never changed
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
	Status    catalog.Status
	Output    string
	Withdrawn bool
	Since     time.Time
}

func newRegistry() *registry {
	return &registry{
		services:  map[string]*service{},
		checks:    map[string]*check{},
		byService: map[string][]*check{},
		statuses:  map[string]checkState{},
		externals: map[string]*catalog.External{},
	}
}

// put replaces the check of that ID, with nil removes it.
func (r *registry) put(id string, c *check) {
	if was := r.checks[id]; was != nil {
		delete(r.checks, id)
		r.setChecksOf(was.serviceID, func(list []*check, at int) []*check { return slices.Delete(list, at, at+1) }, id)
	}
	if c != nil {
		r.checks[id] = c
		r.setChecksOf(c.serviceID, func(list []*check, at int) []*check { return slices.Insert(list, at, c) }, id)
	}
}

// setChecksOf changes a copy of a service's list at the place of a check.
func (r *registry) setChecksOf(serviceID string, change func(list []*check, at int) []*check, id string) {
	was := r.byService[serviceID]
	at, _ := slices.BinarySearchFunc(was, id, func(c *check, id string) int { return strings.Compare(c.state.ID, id) })
	list := change(append(make([]*check, 0, len(was)+1), was...), at)
	if len(list) == 0 {
		delete(r.byService, serviceID)
	} else {
		r.byService[serviceID] = list
	}
}

// checksOf returns the checks of a service, or with "" of the node, by ID. The list stays as
// it is.
func (r *registry) checksOf(serviceID string) []*check { return r.byService[serviceID] }

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

// instance renders the service with the state of its checks.
func (s *service) instance(checks []*check) *catalog.Instance {
	i := s.definition.Instance()
	i.Checks = states(checks)
	i.Load = s.load(checks)
	return i
}
