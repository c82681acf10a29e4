package replica

import (
	"encoding/hex"
	"sort"
)

// ID names an owner, which is also the peer that runs it.
type ID [16]byte

func (id ID) String() string { return hex.EncodeToString(id[:]) }

// entry is one key at the version that last changed it. It is immutable.
type entry struct {
	key     string
	version uint64
	payload string
	deleted bool
}

// state is what is known of one owner in one epoch.
type state struct {
	epoch uint64
	// version: every change up to it is in here. Entries bear versions 1..version.
	version uint64
	// gc: tombstones up to it are collected. Who knows less than gc of this epoch
	// may hold keys that are deleted, and must begin anew.
	gc      uint64
	entries map[string]*entry
	// log has every entry by version; superseded ones stay until they are half of it.
	log  []*entry
	dead int // superseded entries in log
}

func newState(epoch uint64) *state {
	return &state{epoch: epoch, entries: map[string]*entry{}}
}

// set makes e the entry of its key. Its version must be above all in the log.
func (s *state) set(e *entry) {
	if s.entries[e.key] != nil {
		s.dead++
	}
	s.entries[e.key] = e
	s.log = append(s.log, e)
	if s.dead > len(s.log)/2 && s.dead > 16 {
		s.compact()
	}
}

func (s *state) compact() {
	kept := make([]*entry, 0, len(s.entries))
	for _, e := range s.log {
		if s.entries[e.key] == e {
			kept = append(kept, e)
		}
	}
	s.log, s.dead = kept, 0
}

// collect drops the tombstones up to version.
func (s *state) collect(version uint64) {
	if version <= s.gc {
		return
	}
	s.gc = version
	for _, e := range s.log {
		if e.version > version {
			break
		}
		if e.deleted && s.entries[e.key] == e {
			delete(s.entries, e.key)
		}
	}
	s.compact()
}

// since returns the present entries above version, by version.
func (s *state) since(version uint64) []*entry {
	i := sort.Search(len(s.log), func(i int) bool { return s.log[i].version > version })
	out := make([]*entry, 0, len(s.log)-i)
	for _, e := range s.log[i:] {
		if s.entries[e.key] == e {
			out = append(out, e)
		}
	}
	return out
}

// newer reports whether (epoch, version) is ahead of (e, v).
func newer(epoch, version, e, v uint64) bool {
	return epoch > e || epoch == e && version > v
}
