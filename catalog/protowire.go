package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// field is the value of one protobuf field, not yet looked at.
type field struct {
	typ protowire.Type
	raw []byte // what follows the tag, up to the next field
}

var errWireType = errors.New("a field has another wire type than the schema says")

// fields calls each for every field of a message, in order.
func fields(b []byte, each func(protowire.Number, field) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(num, typ, b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		if err := each(num, field{typ, b[:n]}); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func (f field) bytes() ([]byte, error) {
	if f.typ != protowire.BytesType {
		return nil, errWireType
	}
	v, n := protowire.ConsumeBytes(f.raw)
	return v, protowire.ParseError(min(n, 0))
}

func (f field) string() (string, error) {
	v, err := f.bytes()
	return string(v), err
}

func (f field) uint() (uint64, error) {
	if f.typ != protowire.VarintType {
		return 0, errWireType
	}
	v, n := protowire.ConsumeVarint(f.raw)
	return v, protowire.ParseError(min(n, 0))
}

func (f field) uint16() (uint16, error) {
	v, err := f.uint()
	if err == nil && v > 65535 {
		err = fmt.Errorf("%d is not in 0..65535", v)
	}
	return uint16(v), err
}

// intoMap adds a map entry to m, which it makes when needed and keeps below limit.
func (f field) intoMap(m map[string]string, limit int) (map[string]string, error) {
	if len(m) == limit {
		return nil, fmt.Errorf("a map has more than %d keys", limit)
	}
	raw, err := f.bytes()
	if err != nil {
		return nil, err
	}
	var key, value string
	err = fields(raw, func(num protowire.Number, f field) (err error) {
		switch num {
		case 1:
			key, err = f.string()
		case 2:
			value, err = f.string()
		}
		return err
	})
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m, err
}

// The appenders leave out what is empty, as proto3 does.

func appendBytes(b []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
}

func appendString(b []byte, num protowire.Number, v string) []byte {
	if v == "" {
		return b
	}
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), v)
}

// sizeString is how many bytes appendString appends for a field below 16.
func sizeString(v string) int {
	if v == "" {
		return 0
	}
	return 1 + protowire.SizeBytes(len(v))
}

func appendUint(b []byte, num protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

func appendMap(b []byte, num protowire.Number, m map[string]string) []byte {
	for _, k := range sortedKeys(m) {
		b = appendBytes(b, num, appendString(appendString(nil, 1, k), 2, m[k]))
	}
	return b
}

// sortedKeys returns nil for the many maps that are empty.
func sortedKeys[T any](m map[string]T) []string {
	if len(m) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(m))
}
