package strict

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// Blocks is what the blocks that HCL has under one key parse to: an object where one
// is wanted, a list where there may be several.
type Blocks []map[string]any

// MarshalJSON implements json.Marshaler. Without its reader to say what is wanted, one
// block is an object and several are a list.
func (b Blocks) MarshalJSON() ([]byte, error) {
	if len(b) == 1 {
		return json.Marshal(b[0])
	}
	return json.Marshal([]map[string]any(b))
}

// Value is one value of an object, with its place in the input. The reading methods
// leave their target alone if the value is null, and add a fault and leave it alone if
// the value is of another type.
type Value struct {
	object *Object
	key    string // as the user wrote it
	index  int    // in the list under key; -1 if it is the whole
	raw    any
}

// Path returns where the value stands, in the user's spelling: "Checks[1].Header".
func (v Value) Path() string {
	path := v.object.path + spell(v.key)
	if v.index >= 0 {
		path += "[" + strconv.Itoa(v.index) + "]"
	}
	return path
}

// Fault adds a fault about the value.
func (v Value) Fault(format string, args ...any) { v.object.faults.Field(v.Path(), format, args...) }

// Check adds what err says about the value, unless it is nil.
func (v Value) Check(err error) {
	if err != nil {
		v.Fault("%w", err)
	}
}

// Given reports whether there is a value at all: null and "" are none.
func (v Value) Given() bool { return v.raw != nil && v.raw != "" }

// Empty reports whether the value says nothing: null, "", 0, false, an empty list or
// an object of such values. It is what clients send for fields they do not use.
func (v Value) Empty() bool { return empty(v.raw) }

func empty(raw any) bool {
	switch x := raw.(type) {
	case nil:
		return true
	case string:
		return x == ""
	case bool:
		return !x
	case []any:
		return len(x) == 0
	case Blocks:
		return len(x) == 0 || len(x) == 1 && empty(x[0])
	case map[string]any:
		for _, member := range x {
			if !empty(member) {
				return false
			}
		}
		return true
	}
	n, ok := number(raw)
	return ok && n == 0
}

// Off reports whether the value is Empty or an object that says of itself that it is not
// enabled, whatever else it says.
func (v Value) Off() bool {
	raw := v.raw
	if blocks, ok := raw.(Blocks); ok && len(blocks) == 1 {
		raw = blocks[0]
	}
	if values, ok := raw.(map[string]any); ok {
		o := NewObject("", values, nil)
		if key, given := o.find("enabled"); given && values[key] == false {
			return true
		}
	}
	return v.Empty()
}

// Is reports whether the value is the number n.
func (v Value) Is(n int) bool {
	x, ok := number(v.raw)
	return ok && x == float64(n)
}

// IsNumber reports whether the value is a number, of whatever kind.
func (v Value) IsNumber() bool {
	_, ok := number(v.raw)
	return ok
}

// Text reads a string and reports whether it was one.
func (v Value) Text(into *string) bool {
	s, ok := v.raw.(string)
	if ok {
		*into = s
	} else {
		v.want("a string")
	}
	return ok
}

// Bool reads true or false.
func (v Value) Bool(into *bool) {
	if b, ok := v.raw.(bool); ok {
		*into = b
	} else {
		v.want("true or false")
	}
}

// Int reads a whole number of least..most.
func (v Value) Int(into *int, least, most int) {
	n, ok := number(v.raw)
	switch {
	case !ok:
		v.want("a whole number")
	case n != math.Trunc(n):
		v.Fault("%v is not a whole number", v.raw)
	case n < float64(least) || n > float64(most):
		v.Fault("%v is not in %d..%d", v.raw, least, most)
	default:
		*into = int(n)
	}
}

// Float reads a number, of whatever kind.
func (v Value) Float(into *float64) {
	if n, ok := number(v.raw); ok {
		*into = n
	} else {
		v.want("a number")
	}
}

// Duration reads a Go duration such as "10s" or "1m30s", or nanoseconds, and reports
// whether it was one; "" is none.
func (v Value) Duration(into *time.Duration) bool {
	switch x := v.raw.(type) {
	case nil:
		return false
	case time.Duration:
		*into = x
	case string:
		if x == "" {
			return false
		}
		d, err := time.ParseDuration(x)
		if err != nil {
			v.Fault("%q is not a duration such as \"10s\" or \"1m30s\"", clip(x))
			return false
		}
		*into = d
	default:
		n, ok := integer(v.raw)
		if !ok {
			v.Fault("must be a duration such as \"10s\", not %s", describe(v.raw))
			return false
		}
		*into = time.Duration(n)
	}
	return true
}

// Texts appends a list of strings.
func (v Value) Texts(into *[]string) {
	switch list := v.raw.(type) {
	case []string:
		*into = append(*into, list...)
	case []any:
		if len(list) > 0 {
			*into = slices.Grow(*into, len(list))
		}
		for i, raw := range list {
			if s, ok := raw.(string); ok {
				*into = append(*into, s)
			} else {
				v.at(i, raw).mustBe("a string")
			}
		}
	default:
		v.want("a list of strings")
	}
}

// TextMap adds an object of strings.
func (v Value) TextMap(into *map[string]string) {
	for key, member := range v.members("an object of strings") {
		s, ok := member.raw.(string)
		if !ok {
			member.mustBe("a string")
			continue
		}
		if *into == nil {
			*into = map[string]string{}
		}
		(*into)[key] = s
	}
}

// Members yields the members of an object whose keys are the user's own, by key.
func (v Value) Members() iter.Seq2[string, Value] { return v.members("an object") }

func (v Value) members(wanted string) iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		object, ok := v.open(wanted)
		if !ok {
			return
		}
		for _, key := range slices.Sorted(maps.Keys(object.values)) {
			if !yield(key, Value{object: object, key: key, index: -1, raw: object.values[key]}) {
				return
			}
		}
	}
}

// Object returns the value as an object to be read by a table; not if it is null or,
// which is a fault, of another type.
func (v Value) Object() (*Object, bool) { return v.open("an object") }

func (v Value) open(wanted string) (*Object, bool) {
	var values map[string]any
	switch x := v.raw.(type) {
	case map[string]any:
		values = x
	case map[string]string:
		values = make(map[string]any, len(x))
		for key, s := range x {
			values[key] = s
		}
	case Blocks:
		if len(x) != 1 {
			v.Fault("is given %d times, may be given once", len(x))
			return nil, false
		}
		values = x[0]
	default:
		v.want(wanted)
		return nil, false
	}
	return NewObject(v.Path()+".", values, v.object.faults), true
}

// Each yields the value itself, or the blocks one by one if HCL has several under its key.
func (v Value) Each() iter.Seq[Value] {
	if blocks, ok := v.raw.(Blocks); ok && len(blocks) > 1 {
		return v.List()
	}
	return func(yield func(Value) bool) { yield(v) }
}

// List yields the elements of a list, those that are null left out.
func (v Value) List() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		switch list := v.raw.(type) {
		case []any:
			for i, raw := range list {
				if raw != nil && !yield(v.at(i, raw)) {
					return
				}
			}
		case Blocks:
			for i, raw := range list {
				if !yield(v.at(i, raw)) {
					return
				}
			}
		default:
			v.want("a list")
		}
	}
}

// JSON returns the value as JSON without blanks, the keys of its objects sorted.
func (v Value) JSON() json.RawMessage {
	text, err := json.Marshal(v.raw)
	if err != nil {
		v.Fault("cannot be kept: %w", err)
	}
	return text
}

func (v Value) at(i int, raw any) Value {
	return Value{object: v.object, key: v.key, index: i, raw: raw}
}

// want faults a value of another type than wanted; null is none at all.
func (v Value) want(wanted string) {
	if v.raw != nil {
		v.mustBe(wanted)
	}
}

// mustBe names the type only: the value itself may be a secret.
func (v Value) mustBe(wanted string) { v.Fault("must be %s, not %s", wanted, describe(v.raw)) }

// describe names a value's type in a user's words.
func describe(raw any) string {
	switch raw.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "true or false"
	case []any, []string:
		return "a list"
	case map[string]any, map[string]string:
		return "an object"
	case Blocks:
		return "a block"
	case json.Number, float64, int, int64:
		return "a number"
	}
	return fmt.Sprintf("a %T", raw)
}
