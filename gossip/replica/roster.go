package replica

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sort"
)

// Roster is who is there, as one node sees it. NewRoster makes the usual one; a
// simulation may let cores that see the same share their memory.
type Roster interface {
	// Membership returns what is known of a node, Unknown if nothing is.
	Membership(id ID) Membership
	// Set changes it. Unknown forgets the node.
	Set(id ID, m Membership)
	// Living is how many nodes are alive.
	Living() int
	// All returns the living in an order that is the same in every run.
	All() []ID
	// Successors returns the distinct living nodes that follow a node on the first
	// rings, without itself.
	Successors(of ID, rings int) []ID
}

// roster keeps its own rings.
type roster struct {
	state map[ID]Membership
	rings *Rings // of the living
}

// NewRoster returns an empty roster for up to rings rings.
func NewRoster(rings int) Roster {
	return &roster{state: map[ID]Membership{}, rings: NewRings(rings)}
}

func (r *roster) Membership(id ID) Membership { return r.state[id] }

func (r *roster) Set(id ID, m Membership) {
	switch was := r.state[id]; {
	case was != Alive && m == Alive:
		r.rings.Add(id)
	case was == Alive && m != Alive:
		r.rings.Remove(id)
	}
	if m == Unknown {
		delete(r.state, id)
	} else {
		r.state[id] = m
	}
}

func (r *roster) Living() int { return r.rings.Len() }

func (r *roster) All() []ID { return r.rings.All() }

func (r *roster) Successors(of ID, rings int) []ID { return r.rings.Successors(of, rings, nil) }

// Rings are d orders of the same nodes, each by another hash of their ids. The
// successors of a node in them are its peers: everyone has d of them and is one of d
// others', there is no tree to keep, and views that differ a little differ in few
// successors.
type Rings struct {
	points [][]point // by ring, sorted
}

// point is a node's place on a ring.
type point struct {
	at uint64
	id ID
}

func comparePoints(a, b point) int {
	return cmp.Or(cmp.Compare(a.at, b.at), compareIDs(a.id, b.id))
}

// NewRings returns d empty rings.
func NewRings(d int) *Rings { return &Rings{points: make([][]point, d)} }

// Rings is how many rings there are.
func (r *Rings) Rings() int { return len(r.points) }

// Len is how many nodes there are.
func (r *Rings) Len() int { return len(r.points[0]) }

// Add adds a node; one that is there stays.
func (r *Rings) Add(id ID) {
	for ring := range r.points {
		p := point{ringHash(id, uint64(ring)), id}
		if i, found := slices.BinarySearchFunc(r.points[ring], p, comparePoints); !found {
			r.points[ring] = slices.Insert(r.points[ring], i, p)
		}
	}
}

// AddAll adds many nodes at once, none of which is there.
func (r *Rings) AddAll(ids []ID) {
	for ring := range r.points {
		for _, id := range ids {
			r.points[ring] = append(r.points[ring], point{ringHash(id, uint64(ring)), id})
		}
		slices.SortFunc(r.points[ring], comparePoints)
	}
}

// Remove removes a node; one that is not there is passed over.
func (r *Rings) Remove(id ID) {
	for ring := range r.points {
		p := point{ringHash(id, uint64(ring)), id}
		if i, found := slices.BinarySearchFunc(r.points[ring], p, comparePoints); found {
			r.points[ring] = slices.Delete(r.points[ring], i, i+1)
		}
	}
}

// All returns the nodes in the order of the first ring.
func (r *Rings) All() []ID {
	out := make([]ID, len(r.points[0]))
	for i, p := range r.points[0] {
		out[i] = p.id
	}
	return out
}

// Successors returns the distinct nodes that follow one on the first d rings, without
// itself and without those that skip, which may be nil, says to leave out.
func (r *Rings) Successors(of ID, d int, skip func(ID) bool) []ID {
	out := make([]ID, 0, d)
	for ring := range min(d, len(r.points)) {
		if id, ok := r.next(ring, of, skip); ok && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func (r *Rings) next(ring int, of ID, skip func(ID) bool) (ID, bool) {
	points := r.points[ring]
	self := point{ringHash(of, uint64(ring)), of}
	first := sort.Search(len(points), func(i int) bool { return comparePoints(points[i], self) > 0 })
	for i := range points {
		p := points[(first+i)%len(points)]
		if p.id != of && (skip == nil || !skip(p.id)) {
			return p.id, true
		}
	}
	return ID{}, false
}

func ringHash(id ID, ring uint64) uint64 {
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	return mix(hi ^ mix(lo+mix(ring+1)))
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
