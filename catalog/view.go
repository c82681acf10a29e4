package catalog

import (
	"iter"
	"strings"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// View is the catalogue at one moment. It is immutable: whatever is read from one
// View belongs together, and may be kept and shared without a lock.
// Nothing reached through a View may be modified.
type View struct {
	index    uint64
	services *iradix.Tree[*Service] // by lower-case name
	hosts    *iradix.Tree[*tenancy] // by lower-case node name
	names    *listing               // of service names and their tags
	nodes    *listing               // of node records and their liveness
	removed  vanished               // services
	gone     uint64                 // index at which a node last vanished
	up, down int                    // endpoints on living hosts, and on others
	changed  chan struct{}          // closed when a later view is there
	log      *changes               // from this view on
}

// changes are what the view after one changed, and the way to the next. They are filled in
// before that view is published, so whoever has it may read them; they hold no view, and live
// as long as an earlier one is held.
type changes struct {
	services []string // lower-case names
	next     *changes
}

// listing stands for a list as a whole: it is replaced, and changed is closed, when
// what the list shows of its elements changes, not when anything in them does.
type listing struct {
	index   uint64
	changed chan struct{}
}

// Host is a node as this agent sees it.
type Host struct {
	*Node
	Liveness    Liveness
	CreateIndex uint64
	ModifyIndex uint64 // of the record or the liveness, not of the instances there
}

// tenancy is a host and what runs on it. It is apart from Host so that an endpoint,
// which leads to its host, does not keep every earlier list of its neighbours alive.
type tenancy struct {
	host      *Host
	endpoints roster // by ID
	index     uint64 // at which anything in here last changed, but for loads
}

// Status is the worst of the node's own checks and of its liveness.
func (h *Host) Status() Status {
	if !h.Liveness.Up() {
		return Critical
	}
	return Worst(h.Checks)
}

// SerfCheck is the check that states the node's liveness.
func (h *Host) SerfCheck() Check {
	c := Check{ID: SerfHealth, Name: "Serf Health Status", Status: Passing, Output: "Agent alive and reachable"}
	switch h.Liveness {
	case Alive:
	case Outside:
		c.Output = "The node runs no agent"
	case Presumed:
		c.Output = "Agent alive before the restart of the one asked, and not met since"
	default:
		c.Status, c.Output = Critical, "Agent not live or unreachable"
	}
	return c
}

// Endpoint is an instance as this agent sees it: what its owner states, and the
// host it runs on.
type Endpoint struct {
	*Packed
	Host        *Host
	CreateIndex uint64
	ModifyIndex uint64 // of the instance, but for its load
}

// Status is the worst of the instance's checks, its host's and the host's liveness.
func (e *Endpoint) Status() Status { return max(e.worst, e.Host.Status()) }

// Addr is where the instance is reached: its own address, or its node's.
func (e *Endpoint) Addr() string {
	if own := e.Address(); own != "" {
		return own
	}
	return e.Host.Address
}

// Reported is what the checks last said of the instance and its host, whatever has become
// of the host since.
func (e *Endpoint) Reported() Status { return max(e.worst, Worst(e.Host.Checks)) }

// Weight is the registered weight for the present status; 0 when critical.
func (e *Endpoint) Weight() uint16 { return e.Weights.For(e.Status()) }

// HasTags reports whether the instance carries all of tags, compared without case.
func (e *Endpoint) HasTags(tags ...string) bool {
	for _, want := range tags {
		found := false
		for _, have := range e.Tags {
			found = found || strings.EqualFold(have, want)
		}
		if !found {
			return false
		}
	}
	return true
}

// Service is all that is known of one service name.
type Service struct {
	Name        string
	Endpoints   []*Endpoint // on living hosts, by node name and ID
	Unreachable []*Endpoint // on failed hosts, likewise: shown to people, never answered
	Tags        []string    // of all of these, sorted, each once
	ModifyIndex uint64      // at which more than loads changed, so that these wake nobody
	LoadIndex   uint64      // at which anything did, loads as well
}

// All yields the reachable endpoints, then the others.
func (s *Service) All() iter.Seq[*Endpoint] {
	return func(yield func(*Endpoint) bool) {
		for _, list := range [][]*Endpoint{s.Endpoints, s.Unreachable} {
			for _, e := range list {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// Index is the view's own: it is greater in every later view, never 0, and never
// goes back, not over restarts either.
func (v *View) Index() uint64 { return v.index }

// Service returns the service of that name, compared without case, or nil.
func (v *View) Service(name string) *Service {
	s, _ := v.services.Get(lowerKey(name))
	return s
}

// Services yields every service by lower-case name.
func (v *View) Services() iter.Seq[*Service] { return values(v.services) }

// Size is how much there is in a view.
type Size struct {
	Services, Hosts int
	Up, Down        int // instances on living hosts, and on others
}

// Size returns it without counting.
func (v *View) Size() Size { return Size{v.services.Len(), v.hosts.Len(), v.up, v.down} }

// ChangedServices yields the lower-case names of all services that are not the same in v and
// an earlier view, once or more, and perhaps of some that are the same again. It costs what
// changed, not what there is.
func (v *View) ChangedServices(since *View) iter.Seq[string] {
	return func(yield func(string) bool) {
		for c := since.log; c != v.log; c = c.next {
			for _, name := range c.services {
				if !yield(name) {
					return
				}
			}
		}
	}
}

// Host returns the node of that name, compared without case, or nil.
func (v *View) Host(name string) *Host {
	if t, ok := v.hosts.Get(lowerKey(name)); ok {
		return t.host
	}
	return nil
}

// On yields the instances on the node of that name, by ID.
func (v *View) On(name string) iter.Seq[*Endpoint] {
	t, ok := v.hosts.Get(lowerKey(name))
	if !ok {
		return func(func(*Endpoint) bool) {}
	}
	return t.endpoints.all()
}

// CountOn is how many instances On yields.
func (v *View) CountOn(name string) int {
	if t, ok := v.hosts.Get(lowerKey(name)); ok {
		return t.endpoints.count()
	}
	return 0
}

// Instance returns the instance of that ID on the node of that name, or nil.
func (v *View) Instance(node, id string) *Endpoint {
	if t, ok := v.hosts.Get(lowerKey(node)); ok {
		return t.endpoints.get(t.host.Name, id)
	}
	return nil
}

// Hosts yields every node by lower-case name, failed ones included.
func (v *View) Hosts() iter.Seq[*Host] {
	return func(yield func(*Host) bool) {
		for t := range values(v.hosts) {
			if !yield(t.host) {
				return
			}
		}
	}
}

// ServiceIndex is the index at which what Service(name) returns last changed, but for loads.
func (v *View) ServiceIndex(name string) uint64 {
	if s := v.Service(name); s != nil {
		return s.ModifyIndex
	}
	return v.removed.index(lowerKey(name))
}

// HostIndex is the index at which the node or anything on it last changed.
func (v *View) HostIndex(name string) uint64 {
	if t, ok := v.hosts.Get(lowerKey(name)); ok {
		return t.index
	}
	return v.gone
}

// NamesIndex is the index at which the set of service names or their tags changed.
func (v *View) NamesIndex() uint64 { return v.names.index }

// NodesIndex is the index at which a node's record or liveness last changed, or a
// node came or went.
func (v *View) NodesIndex() uint64 { return v.nodes.index }

// WatchService returns a channel that is closed when a later view may return
// something else for Service(name). One that is not there appears among the names; the
// tree's own channel would be closed by every change to any other.
func (v *View) WatchService(name string) <-chan struct{} {
	ch, _, ok := v.services.Root().GetWatch(lowerKey(name))
	if !ok {
		return v.names.changed
	}
	return ch
}

// WatchHost does the same for Host(name) and what runs there.
func (v *View) WatchHost(name string) <-chan struct{} {
	ch, _, ok := v.hosts.Root().GetWatch(lowerKey(name))
	if !ok {
		return v.nodes.changed
	}
	return ch
}

// WatchNames does the same for the names of services and their tags.
func (v *View) WatchNames() <-chan struct{} { return v.names.changed }

// WatchNodes does the same for the nodes' records and liveness.
func (v *View) WatchNodes() <-chan struct{} { return v.nodes.changed }

// Watch does the same for anything at all.
func (v *View) Watch() <-chan struct{} { return v.changed }

func lowerKey(name string) []byte { return []byte(strings.ToLower(name)) }

func values[T any](t *iradix.Tree[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		it := t.Root().Iterator()
		for _, v, ok := it.Next(); ok; _, v, ok = it.Next() {
			if !yield(v) {
				return
			}
		}
	}
}
