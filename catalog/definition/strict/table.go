package strict

import "slices"

// Key is one key that an object may have, and what is done with its value.
type Key[T any] struct {
	Name   string   // as it is suggested to users
	Also   []string // other names of the same
	Hidden bool     // known, but not to be suggested
	Read   func(into *T, v Value)
}

// Table is the set of keys that a kind of object may have. It is immutable.
type Table[T any] struct {
	keys  []Key[T]
	index map[string]int // by name and by folded name
	names []string       // what may be suggested
}

// NewTable returns the table of these keys.
func NewTable[T any](keys ...Key[T]) *Table[T] {
	t := &Table[T]{keys: keys, index: map[string]int{}}
	for i, key := range keys {
		for _, name := range append([]string{key.Name}, key.Also...) {
			var buf [maxKeyLen]byte
			folded, _ := fold(buf[:0], name)
			t.index[name], t.index[string(folded)] = i, i
		}
		if !key.Hidden {
			t.names = append(t.names, key.Name)
		}
	}
	return t
}

// Read reads the object into into, key by key in alphabetical order, so that the same
// input has the same faults in the same order.
func (t *Table[T]) Read(o *Object, into *T) {
	var buf [32]string
	sorted := buf[:0]
	for key := range o.values {
		sorted = append(sorted, key)
	}
	slices.Sort(sorted)
	seen := make([]bool, len(t.keys))
	for i, key := range sorted {
		at, known := t.find(key)
		switch {
		case !known:
			t.unknown(o, key)
		case seen[at]:
			o.faults.Field(o.path+spell(key), "is given already as %q", t.earlier(sorted[:i], at))
		default:
			seen[at] = true
			t.keys[at].Read(into, Value{object: o, key: key, index: -1, raw: o.values[key]})
		}
	}
}

// find returns which key the user means. The canonical spelling costs one look-up.
func (t *Table[T]) find(key string) (int, bool) {
	if at, ok := t.index[key]; ok {
		return at, true
	}
	var buf [maxKeyLen]byte
	folded, fits := fold(buf[:0], key)
	if !fits {
		return 0, false
	}
	at, ok := t.index[string(folded)]
	return at, ok
}

// earlier returns the first of keys that means the one at at.
func (t *Table[T]) earlier(keys []string, at int) string {
	for _, key := range keys {
		if a, ok := t.find(key); ok && a == at {
			return key
		}
	}
	return t.keys[at].Name
}

func (t *Table[T]) unknown(o *Object, key string) {
	if near := Nearest(key, t.names); near != "" {
		o.faults.Field(o.path+spell(key), "unknown key, did you mean %q?", o.styled(near))
		return
	}
	o.faults.Field(o.path+spell(key), "unknown key")
}
