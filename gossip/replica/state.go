package replica

import (
	"encoding/hex"
	"slices"
	"sort"
)

// ID names an owner, which is also the peer that runs it.
type ID [16]byte

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// entry is one key at the version that last changed it. It is immutable.
type entry struct {
	version uint64
	record  Record // a tombstone if the key is deleted
}

// state is what is known of one owner in one epoch.
//
// It is made for a hundred thousand entries: they lie in one slice by version, and an
// index of four bytes or so each leads from a key to its place.
type state struct {
	epoch uint64
	// version: every change up to it is in here. Entries bear versions 1..version.
	version uint64
	// gc: tombstones up to it are collected. Who knows less than gc of this epoch
	// may hold keys that are deleted, and must begin anew.
	gc uint64
	// log is by version. Superseded entries have no record, and stay until they are
	// half of it.
	log   []entry
	index index // of the others
}

func newState(epoch uint64) *state { return &state{epoch: epoch} }

// len is how many keys there are, deleted ones included.
func (s *state) len() int { return s.index.used }

// get returns the entry of a key, nil if there is none.
func (s *state) get(key string) *entry {
	if at, ok := s.index.find(s.log, key); ok {
		return &s.log[at]
	}
	return nil
}

// set makes a record the entry of its key. The version must be above all in the log.
func (s *state) set(version uint64, r Record) {
	s.log = append(s.log, entry{version, r})
	if was, ok := s.index.put(s.log, r.Key(), len(s.log)-1); ok {
		s.log[was].record = nil
		if dead := len(s.log) - s.index.used; dead > len(s.log)/2 && dead > 16 {
			s.compact()
		}
	}
}

// compact drops what is superseded, and the room that the log has grown into.
func (s *state) compact() {
	kept := make([]entry, 0, s.index.used)
	for _, e := range s.log {
		if e.record != nil {
			kept = append(kept, e)
		}
	}
	s.log = slices.Clip(kept)
	s.index.rebuild(s.log)
}

// collect drops the tombstones up to version.
func (s *state) collect(version uint64) {
	if version <= s.gc {
		return
	}
	s.gc = version
	for i := range s.log {
		if s.log[i].version > version {
			break
		}
		if s.log[i].deleted() {
			s.log[i].record = nil
		}
	}
	s.compact()
}

// since returns the part of the log above a version, superseded entries included.
func (s *state) since(version uint64) []entry {
	return s.log[sort.Search(len(s.log), func(i int) bool { return s.log[i].version > version }):]
}

// newer reports whether (epoch, version) is ahead of (e, v).
func newer(epoch, version, e, v uint64) bool {
	return epoch > e || epoch == e && version > v
}
