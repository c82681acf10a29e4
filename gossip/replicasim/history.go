package replicasim

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"covey/gossip/replica"
)

// history is the dumb model of one owner's log in one epoch: all that it ever said.
type history struct {
	keys    map[string][]saying
	version uint64
}

// saying is a key's value as of a version; an empty one is a deletion.
type saying struct {
	version uint64
	value   string
}

// incarnation is an owner in one epoch.
type incarnation struct {
	owner replica.ID
	epoch uint64
}

func (h *history) say(key, value string) {
	h.version++
	h.keys[key] = append(h.keys[key], saying{h.version, value})
}

// renumbered is what a later epoch begins with: what is there, in the same order.
func (h *history) renumbered() *history {
	next := &history{keys: map[string][]saying{}}
	if h == nil {
		return next
	}
	last := func(key string) saying { return h.keys[key][len(h.keys[key])-1] }
	keys := slices.SortedFunc(maps.Keys(h.keys), func(a, b string) int { return cmp.Compare(last(a).version, last(b).version) })
	for _, key := range keys {
		if value := last(key).value; value != "" {
			next.say(key, value)
		}
	}
	return next
}

// holds says in what entries are not those that a replica may have at a version.
//
// What the owner changed up to that version must be there exactly, unless the owner
// changed it again later: who is further on leaves out what is superseded, so of such a
// key any earlier value may be there, or none.
func (h *history) holds(version uint64, entries map[string]string) error {
	if version > h.version {
		return fmt.Errorf("it is at version %d, the owner only at %d", version, h.version)
	}
	for key, value := range entries {
		if !slices.ContainsFunc(h.keys[key], func(s saying) bool { return s.value == value }) {
			return fmt.Errorf("%q is %q, which the owner never said", key, value)
		}
	}
	for key, said := range h.keys {
		if last := said[len(said)-1]; last.version <= version && entries[key] != last.value {
			return fmt.Errorf("%q is %q, the owner made it %q at %d", key, entries[key], last.value, last.version)
		}
	}
	return nil
}
