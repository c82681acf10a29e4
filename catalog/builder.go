package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// builder is a view in the making. The store's lock is held while one exists.
type builder struct {
	store    *Store
	old      *View
	index    uint64
	dirty    map[*owner]*dirt
	services *iradix.Txn[*Service]
	hosts    *iradix.Txn[*tenancy]
	changes  map[string][]placement // of services, by lower-case name
	matters  map[string]bool        // services of which more than loads changed, likewise
	external map[string]struct{}    // external nodes to look at, by lower-case name

	namesChanged, nodesChanged bool
	hostGone                   bool
	up, down                   int      // how many more endpoints there are than before
	gone, back                 []string // services that vanished or appeared, by lower-case name
}

// dirt is what changed of one owner.
type dirt struct {
	node      bool                // its record, name or liveness: all its endpoints follow
	instances map[string]struct{} // IDs
}

// placement is one endpoint put (next) or taken away (nil) in a list sorted by node
// name and ID.
type placement struct {
	node, id string
	next     *Endpoint
}

func (s *Store) build() *builder {
	old := s.view.Load()
	b := &builder{
		store:    s,
		old:      old,
		index:    old.index + 1,
		dirty:    map[*owner]*dirt{},
		services: old.services.Txn(),
		hosts:    old.hosts.Txn(),
		changes:  map[string][]placement{},
		matters:  map[string]bool{},
		external: map[string]struct{}{},
	}
	b.services.TrackMutate(true)
	b.hosts.TrackMutate(true)
	return b
}

func (b *builder) owner(id NodeID) *owner {
	o := b.store.owners[id]
	if o == nil {
		o = &owner{id: id}
		b.store.owners[id] = o
	}
	return o
}

func (b *builder) dirt(o *owner) *dirt {
	d := b.dirty[o]
	if d == nil {
		d = &dirt{instances: map[string]struct{}{}}
		b.dirty[o] = d
	}
	return d
}

// touchNode marks the owner, and who else bears its name, for being rendered anew.
func (b *builder) touchNode(o *owner) {
	b.dirt(o).node = true
	if o.node != nil {
		for _, other := range b.store.claims[strings.ToLower(o.node.Name)] {
			b.dirt(other).node = true
		}
	}
}

func (b *builder) touchInstance(o *owner, id string) { b.dirt(o).instances[id] = struct{}{} }

func (b *builder) apply(u *Update) {
	o := b.owner(u.Owner)
	if u.Reset {
		for _, p := range o.instances {
			b.touchInstance(o, p.ID())
		}
		o.instances = nil
		b.dropExternals(o)
		if !slices.ContainsFunc(u.Put, func(r Record) bool { return r.Key() == NodeKey }) {
			b.setNode(o, nil)
		}
	}
	for _, key := range u.Remove {
		if key == NodeKey {
			b.setNode(o, nil)
		} else if strings.HasPrefix(key, ExternalKeyPrefix) {
			b.setExternal(o, key, nil)
		} else if id, ok := strings.CutPrefix(key, InstanceKeyPrefix); ok && o.instances.remove(id) {
			b.touchInstance(o, id)
		}
	}
	b.put(o, u.Put)
}

func (b *builder) put(o *owner, records []Record) {
	list := make([]*Packed, 0, len(records))
	for _, r := range records {
		switch r := r.(type) {
		case *Node:
			b.setNode(o, r)
		case *External:
			b.setExternal(o, r.Key(), r)
		case *Instance:
			list = append(list, b.store.Pack(r))
		case *Packed:
			list = append(list, r)
		}
	}
	o.instances.put(list)
	for _, p := range list {
		b.touchInstance(o, p.ID())
	}
}

// setNode replaces the owner's node record and keeps claims in step.
func (b *builder) setNode(o *owner, n *Node) {
	b.touchNode(o)
	if o.node != nil {
		name := strings.ToLower(o.node.Name)
		rest := slices.DeleteFunc(b.store.claims[name], func(c *owner) bool { return c == o })
		if len(rest) == 0 {
			delete(b.store.claims, name)
		} else {
			b.store.claims[name] = rest
		}
	}
	o.node = n
	if n != nil {
		name := strings.ToLower(n.Name)
		b.store.claims[name] = append(b.store.claims[name], o)
		b.touchNode(o)
	}
}

// bearer is the one owner that shows under a node name: a living one first, then the
// one that is shown under it already.
func (b *builder) bearer(name string) *owner {
	var best *owner
	rank := func(o *owner) int {
		r := 0
		switch o.liveness {
		case Alive:
			r = 4
		case Presumed, Outside:
			r = 2
		}
		if o.shown != nil && strings.EqualFold(o.shown.host.Name, name) {
			r++
		}
		return r
	}
	for _, o := range b.store.claims[name] {
		if best == nil || cmp.Or(cmp.Compare(rank(o), rank(best)), slices.Compare(o.id[:], best.id[:])) > 0 {
			best = o
		}
	}
	return best
}

// publish makes the new view from what is dirty and wakes its watchers. Nothing
// dirty leaves the old view in place.
func (b *builder) publish() {
	b.renderExternals()
	if len(b.dirty) == 0 {
		return
	}
	// Who shows is decided before anything is rendered, since that changes ranks.
	shown := map[*owner]bool{}
	for o := range b.dirty {
		shown[o] = o.node != nil && b.bearer(strings.ToLower(o.node.Name)) == o
	}
	for o, d := range b.dirty {
		if !shown[o] || (o.shown != nil && o.shown.host.Name != o.node.Name) {
			b.hide(o, d)
		}
	}
	for o, d := range b.dirty {
		if shown[o] {
			b.show(o, d)
		}
	}
	for name, list := range b.changes {
		b.renderService(name, list)
	}
	b.commit()
}

func (b *builder) commit() {
	v := &View{
		index:    b.index,
		services: b.services.CommitOnly(),
		hosts:    b.hosts.CommitOnly(),
		names:    b.old.names,
		nodes:    b.old.nodes,
		removed:  b.old.removed.with(b.index, b.gone, b.back),
		gone:     b.old.gone,
		up:       b.old.up + b.up,
		down:     b.old.down + b.down,
		changed:  make(chan struct{}),
		log:      &changes{},
	}
	b.old.log.services, b.old.log.next = slices.Collect(maps.Keys(b.changes)), v.log
	if b.namesChanged {
		v.names = newListing(b.index)
	}
	if b.nodesChanged {
		v.nodes = newListing(b.index)
	}
	if b.hostGone {
		v.gone = b.index
	}
	// Who is woken must find the new view, so it is published first.
	b.store.view.Store(v)
	b.services.Notify()
	b.hosts.Notify()
	if b.namesChanged {
		close(b.old.names.changed)
	}
	if b.nodesChanged {
		close(b.old.nodes.changed)
	}
	close(b.old.changed)
}

// place notes a change for the service that e is or was an instance of.
func (b *builder) place(e *Endpoint, next *Endpoint) {
	b.matters[b.replace(e, next)] = true
}

// replace is place for what differs in nothing but its load. It returns the service's key.
func (b *builder) replace(e *Endpoint, next *Endpoint) string {
	name := strings.ToLower(e.Service)
	b.changes[name] = append(b.changes[name], placement{e.Host.Name, e.ID(), next})
	return name
}

// hide takes an owner and its endpoints out of the view.
func (b *builder) hide(o *owner, d *dirt) {
	if o.shown == nil {
		return
	}
	for e := range o.shown.endpoints.all() {
		b.place(e, nil)
	}
	b.hosts.Delete(lowerKey(o.shown.host.Name))
	b.hostGone, b.nodesChanged = true, true
	o.shown = nil
	d.node = true
}

// show puts an owner into the view as it is now.
func (b *builder) show(o *owner, d *dirt) {
	was := o.shown
	t := &tenancy{index: b.index}
	if was != nil && !d.node {
		t.host, t.index = was.host, was.index
	} else {
		t.host = &Host{Node: o.node, Liveness: o.liveness, CreateIndex: b.index, ModifyIndex: b.index}
		b.nodesChanged = true
		if was != nil {
			t.host.CreateIndex = was.host.CreateIndex
		}
	}
	var before roster
	if was != nil {
		before = was.endpoints
	}
	if d.node {
		for _, p := range o.instances {
			d.instances[p.ID()] = struct{}{}
		}
	}
	list := make([]placement, 0, len(d.instances))
	for id := range d.instances {
		p, matters := b.endpoint(o, t.host, id, before)
		list = append(list, p)
		if matters {
			t.index = b.index
		}
	}
	t.endpoints = before.with(list)
	o.shown = t
	b.hosts.Insert(lowerKey(t.host.Name), t)
}

// endpoint renders one instance of an owner, or its absence, and tells its service. It
// reports whether more than the load is new.
func (b *builder) endpoint(o *owner, h *Host, id string, before roster) (_ placement, matters bool) {
	was := before.get(h.Name, id)
	var next *Endpoint
	if p := o.instances.get(id); p != nil {
		next = &Endpoint{Packed: p, Host: h, CreateIndex: b.index, ModifyIndex: b.index}
		if was != nil {
			next.CreateIndex = was.CreateIndex
			if was.Packed == p || was.differsByLoad(p) {
				next.ModifyIndex = was.ModifyIndex // the host changed, or the load
			}
		}
	}
	at := placement{h.Name, id, next}
	if was != nil && next != nil && was.Host == h && was.Packed != next.Packed && next.ModifyIndex == was.ModifyIndex {
		b.replace(next, next)
		return at, false
	}
	if was != nil {
		b.place(was, nil)
	}
	if next != nil {
		b.place(next, next)
	}
	return at, true
}

// renderService replaces one service.
func (b *builder) renderService(key string, list []placement) {
	was, existed := b.services.Get([]byte(key))
	if !existed {
		was = &Service{}
	}
	s := &Service{Name: was.Name, ModifyIndex: b.index, LoadIndex: b.index}
	if existed && !b.matters[key] {
		s.ModifyIndex = was.ModifyIndex
	}
	sortPlacements(list)
	s.Endpoints = splice(was.Endpoints, only(list, true))
	s.Unreachable = splice(was.Unreachable, only(list, false))
	b.up += len(s.Endpoints) - len(was.Endpoints)
	b.down += len(s.Unreachable) - len(was.Unreachable)
	if len(s.Endpoints)+len(s.Unreachable) == 0 {
		if existed {
			b.services.Delete([]byte(key))
			b.gone, b.namesChanged = append(b.gone, key), true
		}
		return
	}
	if s.Name == "" {
		for e := range s.All() {
			s.Name = e.Service
			break
		}
	}
	if s.Tags = was.Tags; loses(was, list) {
		s.Tags = tagsOf(s)
	} else {
		s.Tags = withTags(was.Tags, list)
	}
	if !existed {
		b.back, b.namesChanged = append(b.back, key), true
	}
	b.namesChanged = b.namesChanged || !slices.Equal(s.Tags, was.Tags)
	b.services.Insert([]byte(key), s)
}

// only returns list for the endpoints on living hosts (alive) or on the others: what
// is put among those is taken away from these.
func only(list []placement, alive bool) []placement {
	out := slices.Clone(list)
	for i := range out {
		if e := out[i].next; e != nil && e.Host.Liveness.Up() != alive {
			out[i].next = nil
		}
	}
	return out
}

// splice returns old, which is sorted and stays as it is, with the placements made.
// Between two of them it copies whole runs: a list of fifty thousand costs one copy
// of its pointers for each view, not a comparison of each.
func splice(old []*Endpoint, list []placement) []*Endpoint {
	sortPlacements(list)
	out := make([]*Endpoint, 0, len(old)+len(list))
	for i, p := range list {
		if i > 0 && list[i-1].node == p.node && list[i-1].id == p.id {
			continue
		}
		at, found := find(old, p.node, p.id)
		out = append(out, old[:at]...)
		if found {
			at++
		}
		old = old[at:]
		if p.next != nil {
			out = append(out, p.next)
		}
	}
	return append(out, old...)
}

// sortPlacements sorts by key. Of several placements of one key, a put comes first and
// wins over its own predecessor's removal.
func sortPlacements(list []placement) {
	slices.SortFunc(list, func(a, b placement) int {
		return cmp.Or(strings.Compare(a.node, b.node), strings.Compare(a.id, b.id), cmp.Compare(put(b), put(a)))
	})
}

func put(p placement) int {
	if p.next != nil {
		return 1
	}
	return 0
}

func find(list []*Endpoint, node, id string) (int, bool) {
	return slices.BinarySearchFunc(list, placement{node: node, id: id}, compareTo)
}

// compareTo is how an endpoint and a placement are ordered.
func compareTo(e *Endpoint, p placement) int {
	return cmp.Or(strings.Compare(e.Host.Name, p.node), strings.Compare(e.ID(), p.id))
}

// loses reports whether a placement takes a tag from an endpoint that was there, so
// that those of the service must be gathered from all of them anew.
func loses(was *Service, list []placement) bool {
	for i := 0; i < len(list); {
		// A key's placements lie together, the put first: splice sorted them.
		p := list[i]
		for i++; i < len(list) && list[i].node == p.node && list[i].id == p.id; i++ {
		}
		var after []string
		if p.next != nil {
			after = p.next.Tags
		}
		for _, old := range [][]*Endpoint{was.Endpoints, was.Unreachable} {
			if at, ok := find(old, p.node, p.id); ok && !within(old[at].Tags, after) {
				return true
			}
		}
	}
	return false
}

// withTags returns tags, which are sorted and stay as they are, with those of what is
// put.
func withTags(tags []string, list []placement) []string {
	var fresh []string
	for i := range list {
		if list[i].next == nil {
			continue
		}
		for _, t := range list[i].next.Tags {
			if _, found := slices.BinarySearch(tags, t); !found {
				fresh = append(fresh, t)
			}
		}
	}
	if len(fresh) == 0 {
		return tags
	}
	fresh = append(fresh, tags...)
	slices.Sort(fresh)
	return slices.Compact(fresh)
}

// within reports whether every one of some is among all.
func within(some, all []string) bool {
	for _, tag := range some {
		if !slices.Contains(all, tag) {
			return false
		}
	}
	return true
}

func tagsOf(s *Service) []string {
	set := map[string]struct{}{}
	for e := range s.All() {
		for _, t := range e.Tags {
			set[t] = struct{}{}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

func newListing(index uint64) *listing {
	return &listing{index: index, changed: make(chan struct{})}
}
