package replica

import (
	"encoding/binary"
	"slices"
)

// rings are d orders of all living members, each by another hash of their ids. The
// successors of a node in them are its peers: everyone has d of them and is one of d
// others', there is no tree to keep, and views that differ a little differ in few
// successors.
type rings struct {
	self    ID
	members map[ID]struct{} // living, without self
	succ    []ID            // successors by ring, as far as computed for members
	met     []ID            // became members since the last Flush
	targets []ID            // whom the own log has been offered to
}

func newRings(self ID) rings { return rings{self: self, members: map[ID]struct{}{}} }

func (r *rings) add(id ID) {
	r.members[id] = struct{}{}
	r.succ = nil
}

func (r *rings) remove(id ID) {
	if _, ok := r.members[id]; ok {
		delete(r.members, id)
		r.succ = nil
	}
	r.met = slices.DeleteFunc(r.met, func(m ID) bool { return m == id })
	r.targets = slices.DeleteFunc(r.targets, func(m ID) bool { return m == id })
}

// successors returns the distinct successors on the first d rings.
func (r *rings) successors(d int) []ID {
	if len(r.succ) < d {
		r.succ = r.succ[:0]
		for ring := range d {
			if id, ok := r.successor(uint64(ring)); ok {
				r.succ = append(r.succ, id)
			}
		}
	}
	out := make([]ID, 0, d)
	for _, id := range r.succ[:min(d, len(r.succ))] {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// successor finds the member that follows self on one ring.
func (r *rings) successor(ring uint64) (ID, bool) {
	from := ringHash(r.self, ring)
	var best ID
	var bestDistance uint64
	found := false
	for id := range r.members {
		distance := ringHash(id, ring) - from // modulo 2^64: round the ring
		if !found || distance < bestDistance || distance == bestDistance && compareIDs(id, best) < 0 {
			best, bestDistance, found = id, distance, true
		}
	}
	return best, found
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
