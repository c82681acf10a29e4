package gossip

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"covey/gossip/replica"
)

// directory holds who bears which name. Membership speaks of names, replication of
// ids, and neither follows the other one for one: a node that is renamed leaves its
// old name behind under the same id, and one that lost its disk comes back under its
// name with another. So each name keeps its own state, and what an id's is follows
// from all names that bear it.
type directory struct {
	names   map[string]*bearer
	namesOf map[replica.ID][]string // the names of an id, kept in step with names
	ids     map[replica.ID]*member  // derived from names by settle
}

// bearer is what membership says of one name.
type bearer struct {
	id    replica.ID
	addr  netip.AddrPort
	state replica.Membership
	since time.Time // it has been in this state
}

// member is what follows for one id: the best state of its names, and which name and
// address that is.
type member struct {
	name  string
	addr  netip.AddrPort
	state replica.Membership
	since time.Time
}

// consequence is what a change of names means for an id.
type consequence struct {
	id    replica.ID
	state replica.Membership
	gone  bool // no name bears the id any more
}

func newDirectory() *directory {
	return &directory{names: map[string]*bearer{}, namesOf: map[replica.ID][]string{}, ids: map[replica.ID]*member{}}
}

// set notes the state of a name. What follows concerns the name's id, and the id that
// bore the name before if that was another.
func (d *directory) set(name string, b bearer) []consequence {
	was := d.names[name]
	if was != nil && was.id == b.id && was.state == b.state {
		b.since = was.since
	}
	d.names[name] = &b
	var out []consequence
	if was != nil && was.id != b.id {
		d.unname(was.id, name)
		out = d.settle(was.id, out)
	}
	if was == nil || was.id != b.id {
		d.namesOf[b.id] = append(d.namesOf[b.id], name)
	}
	return d.settle(b.id, out)
}

// remove forgets a name.
func (d *directory) remove(name string) []consequence {
	was := d.names[name]
	if was == nil {
		return nil
	}
	delete(d.names, name)
	d.unname(was.id, name)
	return d.settle(was.id, nil)
}

func (d *directory) unname(id replica.ID, name string) {
	rest := slices.DeleteFunc(d.namesOf[id], func(n string) bool { return n == name })
	if len(rest) == 0 {
		delete(d.namesOf, id)
	} else {
		d.namesOf[id] = rest
	}
}

// settle works out an id's state anew and appends what changed.
func (d *directory) settle(id replica.ID, out []consequence) []consequence {
	var best *bearer
	var bestName string
	for _, name := range d.namesOf[id] {
		if b := d.names[name]; best == nil || compareBearers(b, name, best, bestName) > 0 {
			best, bestName = b, name
		}
	}
	was := d.ids[id]
	if best == nil {
		delete(d.ids, id)
		if was == nil {
			return out
		}
		return append(out, consequence{id: id, gone: true})
	}
	d.ids[id] = &member{name: bestName, addr: best.addr, state: best.state, since: best.since}
	if was != nil && was.state == best.state {
		return out
	}
	return append(out, consequence{id: id, state: best.state})
}

// compareBearers orders by how much a state promises, then by how new it is.
func compareBearers(a *bearer, aName string, b *bearer, bName string) int {
	return cmp.Or(cmp.Compare(promise(a.state), promise(b.state)), a.since.Compare(b.since), cmp.Compare(aName, bName))
}

func promise(m replica.Membership) int {
	switch m {
	case replica.Alive:
		return 3
	case replica.Presumed:
		return 2
	case replica.Failed:
		return 1
	default:
		return 0
	}
}
