// Package strict reads untyped objects, as JSON and HCL parse to, into Go values.
//
// A key's spelling is free: case and underscores do not matter, so that CamelCase and
// snake_case are one. All else is strict. A key that is unknown or given twice and a
// value of the wrong type are faults, and every fault of an input is collected, with
// its path in the user's own spelling. Nothing is converted from one type to another,
// and null is the same as not given.
//
// It knows no field: what keys there are, and what they may hold, is in the tables of
// its callers.
package strict

import (
	"strconv"
	"strings"

	"covey/internal/fault"
)

// Object is one object being read. It is for one goroutine.
type Object struct {
	path   string // what stands before a key: "", "Check.", "a.hcl: ports."
	values map[string]any
	faults *fault.List
}

// NewObject begins the reading of an object. The path is put before every key that is
// named in a fault; faults are added to the list.
func NewObject(path string, values map[string]any, faults *fault.List) *Object {
	return &Object{path: path, values: values, faults: faults}
}

// Path returns the path of the key called name: as the user spelt it if it is given,
// else in the style of the object's other keys.
func (o *Object) Path(name string) string {
	if key, ok := o.find(name); ok {
		return o.path + spell(key)
	}
	return o.path + o.styled(name)
}

// Has reports whether the key called name is given a value, other than null.
func (o *Object) Has(name string) bool {
	key, ok := o.find(name)
	return ok && o.values[key] != nil
}

// find returns a key that the user wrote for name.
func (o *Object) find(name string) (string, bool) {
	if _, ok := o.values[name]; ok {
		return name, true
	}
	var buf [maxKeyLen]byte
	want, _ := fold(buf[:0], name)
	for key := range o.values {
		var buf [maxKeyLen]byte
		if have, ok := fold(buf[:0], key); ok && string(have) == string(want) {
			return key, true
		}
	}
	return "", false
}

// Fault adds a fault about the key called name.
func (o *Object) Fault(name, format string, args ...any) {
	o.faults.Field(o.Path(name), format, args...)
}

// FaultWhole adds a fault about the object as a whole.
func (o *Object) FaultWhole(format string, args ...any) {
	o.faults.Field(o.Name(), format, args...)
}

// Name returns the path of the object itself: "Check", "a.hcl: ports".
func (o *Object) Name() string { return strings.TrimRight(o.path, ".: ") }

// styled spells a name in snake_case if that is how the object's keys are written.
func (o *Object) styled(name string) string {
	if len(o.values) == 0 {
		return name
	}
	for key := range o.values {
		if strings.ToLower(key) != key {
			return name
		}
	}
	return snake(name)
}

// snake turns TLSSkipVerify into tls_skip_verify.
func snake(name string) string {
	upper := func(i int) bool { return 'A' <= name[i] && name[i] <= 'Z' }
	lower := func(i int) bool { return 'a' <= name[i] && name[i] <= 'z' }
	out := make([]byte, 0, len(name)+4)
	for i := range len(name) {
		if i > 0 && upper(i) && (lower(i-1) || upper(i-1) && i+1 < len(name) && lower(i+1)) {
			out = append(out, '_')
		}
		out = append(out, name[i])
	}
	return strings.ToLower(string(out))
}

// maxKeyLen is more than any known key has.
const maxKeyLen = 64

// fold appends key to buf without case and underscores; it fails if that does not fit.
func fold(buf []byte, key string) ([]byte, bool) {
	for i := range len(key) {
		c := key[i]
		if c == '_' {
			continue
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if len(buf) == cap(buf) {
			return nil, false
		}
		buf = append(buf, c)
	}
	return buf, true
}

// spell returns a user's key as it may stand in a message: short and printable.
func spell(key string) string {
	if s := clip(key); strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return strconv.QuoteToASCII(s)
	}
	return clip(key)
}

func clip(s string) string {
	if len(s) > maxKeyLen {
		return s[:maxKeyLen] + "..."
	}
	return s
}
