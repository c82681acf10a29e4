package replica

import "hash/maphash"

// index leads from keys to places in a log. It is a hash table with open addressing
// that holds the places only; the keys are where they lead.
type index struct {
	seed  maphash.Seed
	slots []uint32 // 1 + a place in the log, 0 if empty; a power of two, at most 3/4 full
	used  int
}

// slot returns where a key is, or would be put.
func (x *index) slot(log []entry, key string) int {
	mask := uint64(len(x.slots) - 1)
	for i := maphash.String(x.seed, key) & mask; ; i = (i + 1) & mask {
		if at := x.slots[i]; at == 0 || log[at-1].record != nil && log[at-1].record.Key() == key {
			return int(i)
		}
	}
}

// find returns the place of a key.
func (x *index) find(log []entry, key string) (at int, ok bool) {
	if x.used == 0 {
		return 0, false
	}
	place := x.slots[x.slot(log, key)]
	return int(place) - 1, place != 0
}

// put notes the place of a key and returns the one it had, if it had one.
func (x *index) put(log []entry, key string, at int) (was int, had bool) {
	if 4*(x.used+1) > 3*len(x.slots) {
		x.resize(log[:at], x.used+1)
	}
	i := x.slot(log, key)
	was, had = int(x.slots[i])-1, x.slots[i] != 0
	x.slots[i] = uint32(at) + 1
	if !had {
		x.used++
	}
	return was, had
}

// rebuild makes the index anew for a log that has no superseded entries.
func (x *index) rebuild(log []entry) { x.resize(log, len(log)) }

// resize makes room for so many keys, with what of the log is not superseded in it.
func (x *index) resize(log []entry, room int) {
	size := 8
	for 3*size < 4*room {
		size *= 2
	}
	if x.slots == nil {
		x.seed = maphash.MakeSeed()
	}
	x.slots, x.used = make([]uint32, size), 0
	for at := range log {
		if log[at].record != nil {
			x.slots[x.slot(log, log[at].record.Key())] = uint32(at) + 1
			x.used++
		}
	}
}
