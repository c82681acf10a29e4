package catalog

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
)

// externals is what all agents state of one external node. Of several statements about a
// part of it the last written counts, and of two of one time that of the greater owner;
// so every agent comes to the same, in whatever order they arrive. That a node is gone
// takes all parts with it that were written before.
//
// What counts is shown as if an owner of its own stated it.
type externals struct {
	claims map[string]map[*owner]*External // by part
	as     *owner                          // of liveness Outside; in claims of names, in no map of owners
}

// setExternal replaces what an owner states under a key, with nil takes it away.
func (b *builder) setExternal(o *owner, key string, x *External) {
	was := o.externals[key]
	if was == nil && x == nil {
		return
	}
	of := x
	if of == nil {
		of = was
	}
	name := strings.ToLower(of.Host)
	e := b.store.externals[name]
	if e == nil {
		e = &externals{claims: map[string]map[*owner]*External{}, as: &owner{liveness: Outside}}
		b.store.externals[name] = e
	}
	part := of.Part()
	if x == nil {
		delete(o.externals, key)
		if delete(e.claims[part], o); len(e.claims[part]) == 0 {
			delete(e.claims, part)
		}
	} else {
		if o.externals == nil {
			o.externals = map[string]*External{}
		}
		o.externals[key] = x
		if e.claims[part] == nil {
			e.claims[part] = map[*owner]*External{}
		}
		e.claims[part][o] = x
	}
	b.external[name] = struct{}{}
}

// touchExternals has all that an owner states of external nodes looked at anew.
func (b *builder) touchExternals(o *owner) {
	for _, x := range o.externals {
		b.external[strings.ToLower(x.Host)] = struct{}{}
	}
}

// dropExternals takes away all that an owner states of external nodes.
func (b *builder) dropExternals(o *owner) {
	for key := range maps.Clone(o.externals) {
		b.setExternal(o, key, nil)
	}
}

// standing is who counts for a part, nil if nobody states it.
func (e *externals) standing(part string) (by *owner, x *External) {
	for o, claim := range e.claims[part] {
		if o.liveness == Unknown {
			continue // membership has not heard of it: it may have left
		}
		if x == nil || cmp.Or(cmp.Compare(claim.Written, x.Written), slices.Compare(o.id[:], by.id[:])) > 0 {
			by, x = o, claim
		}
	}
	return by, x
}

// cleared is when a part was last gone, 0 if it never was.
func (e *externals) cleared(part string) uint64 {
	last := uint64(0)
	for o, x := range e.claims[part] {
		switch {
		case o.liveness == Unknown:
		case x.Gone:
			last = max(last, x.Written)
		default:
			last = max(last, x.Cleared)
		}
	}
	return last
}

// shown is who counts for a part, nil if that is gone or its node is since.
func (e *externals) shown(part string) *External {
	_, x := e.standing(part)
	if x == nil || x.Gone {
		return nil
	}
	if part != "n" && e.cleared("n") >= x.Written {
		return nil
	}
	if x.Check != nil && x.ServiceID != "" {
		service := "s/" + x.ServiceID
		if _, s := e.standing(service); s == nil || e.cleared(service) >= x.Written {
			return nil
		}
	}
	return x
}

// renderExternals brings the owners that stand for external nodes up to date. What is the
// same as before keeps its place, so that nobody is woken for it.
func (b *builder) renderExternals() {
	for name := range b.external {
		e := b.store.externals[name]
		if e == nil {
			continue
		}
		b.renderExternal(e)
		if len(e.claims) == 0 {
			delete(b.store.externals, name)
		}
	}
}

func (b *builder) renderExternal(e *externals) {
	var node *Node
	instances := map[string]*Instance{}
	checks := map[string][]Check{} // by service ID
	for _, part := range slices.Sorted(maps.Keys(e.claims)) {
		switch x := e.shown(part); {
		case x == nil:
		case x.Node != nil:
			n := *x.Node
			node = &n
		case x.Instance != nil:
			i := *x.Instance
			instances[i.ID] = &i
		default:
			checks[x.ServiceID] = append(checks[x.ServiceID], *x.Check)
		}
	}
	if node != nil {
		node.Checks = firstChecks(checks[""])
	}
	if was := e.as.node; !sameNode(was, node) {
		b.setNode(e.as, node)
		b.touchNode(e.as)
	}
	for _, p := range slices.Clone(e.as.instances) {
		if instances[p.ID()] == nil {
			e.as.instances.remove(p.ID())
			b.touchInstance(e.as, p.ID())
		}
	}
	for id, i := range instances {
		i.Checks = firstChecks(checks[id])
		p := b.store.Pack(i)
		if was := e.as.instances.get(id); was == nil || *was != *p {
			e.as.instances.put([]*Packed{p})
			b.touchInstance(e.as, id)
		}
	}
}

// firstChecks are as many as may be; agents may state more together.
func firstChecks(list []Check) []Check { return list[:min(len(list), MaxChecks)] }

func sameNode(a, b *Node) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bytes.Equal(appendNode(nil, a), appendNode(nil, b))
}

// ExternalWritten is when anything of an external node was last written, 0 if it is not
// known: who writes next must be later.
func (s *Store) ExternalWritten(node string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := uint64(0)
	if e := s.externals[strings.ToLower(node)]; e != nil {
		for _, claims := range e.claims {
			for _, x := range claims {
				last = max(last, x.Written)
			}
		}
	}
	return last
}

// ExternalCleared is when a part of an external node was last gone.
func (s *Store) ExternalCleared(node, part string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.externals[strings.ToLower(node)]; e != nil {
		return e.cleared(part)
	}
	return 0
}

// Externals are what counts of an external node: the parts that are there.
func (s *Store) Externals(node string) []*External {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.externals[strings.ToLower(node)]
	if e == nil {
		return nil
	}
	var list []*External
	for _, part := range slices.Sorted(maps.Keys(e.claims)) {
		if x := e.shown(part); x != nil {
			list = append(list, x)
		}
	}
	return list
}

// Outdated are the keys of what an owner states of external nodes and what no longer
// counts, since another wrote later or it is gone with its node or service. That something
// is gone is not among them while it is the last word.
func (s *Store) Outdated(id NodeID) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.owners[id]
	if o == nil {
		return nil
	}
	var keys []string
	for key, x := range o.externals {
		e := s.externals[strings.ToLower(x.Host)]
		if by, _ := e.standing(x.Part()); by != o && by != nil || !x.Gone && e.shown(x.Part()) == nil {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
