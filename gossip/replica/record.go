package replica

import "bytes"

// Record is an entry's payload as it is kept. A value that Validate returns, or that
// comes with a Put, is kept in place of the payload if it is a Record of the same key
// and gives the very bytes back; so what the caller holds in memory anyhow is not held
// twice. Records are immutable.
type Record interface {
	// Key is the entry's.
	Key() string
	// AppendPayload appends the payload.
	AppendPayload(b []byte) []byte
}

// raw is a payload that is kept as it came, because nothing else gives it back: of an
// unknown kind, or with fields that only a newer agent knows.
type raw struct {
	key     string
	payload string
	value   any
}

func (r *raw) Key() string                   { return r.key }
func (r *raw) AppendPayload(b []byte) []byte { return append(b, r.payload...) }

// tombstone is a key that is deleted.
type tombstone struct{ key string }

func (t *tombstone) Key() string                   { return t.key }
func (t *tombstone) AppendPayload(b []byte) []byte { return b }

func (e *entry) deleted() bool {
	_, ok := e.record.(*tombstone)
	return ok
}

// value is what Validate, or the Put, gave for the entry.
func (e *entry) value() any {
	switch r := e.record.(type) {
	case *raw:
		return r.value
	case *tombstone:
		return nil
	}
	return e.record
}

// keep returns how a payload is kept. scratch is room to work in.
func keep(key string, payload []byte, value any, scratch []byte) Record {
	if r, ok := value.(Record); ok && r.Key() == key && bytes.Equal(r.AppendPayload(scratch[:0]), payload) {
		return r
	}
	return &raw{key, string(payload), value}
}
