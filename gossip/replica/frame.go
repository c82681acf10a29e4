package replica

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Limits of a frame. A decoder allocates nothing that is not backed by bytes it was
// given; these bound the rest.
const (
	MaxFrame  = 256 << 10 // bytes
	maxKeyLen = 300       // bytes
	// maxCount keeps epochs and versions far from where adding to them overflows.
	maxCount = 1 << 56
)

const buckets = 256

// bucketHashSize is how many bytes of a bucket's hash are sent.
const bucketHashSize = 3

type frame struct {
	deltas  []delta
	root    *root
	buckets *bucketHashes
	heads   *heads
	pull    *pull
	gone    []gone
	answers uint64
	last    bool
	cut     bool
}

type delta struct {
	owner    ID
	epoch    uint64
	from, to uint64
	head     uint64
	gc       uint64
	count    int         // of its entries
	entries  []wireEntry // once readEntries has read them
	raw      []byte      // as received
}

// wireEntry refers to the frame's bytes.
type wireEntry struct {
	key     string
	version uint64
	payload []byte
	deleted bool
}

type root struct {
	hash   uint64
	owners uint64
	living uint64 // see Core.Living; 0 from a peer that does not say
}

// bucketHashes are the buckets of a digest, cut to 24 bits under a salt.
type bucketHashes struct {
	hashes [buckets]uint32
	salt   uint64
}

type heads struct {
	covers [buckets / 8]byte
	heads  []head
}

type head struct {
	owner          ID
	epoch, version uint64
}

type pull struct {
	number uint64
	wants  []want
}

type want struct {
	owner              ID
	epoch, version, gc uint64
}

type gone struct {
	owner ID
	epoch uint64
}

func (h *heads) cover(bucket int)       { h.covers[bucket/8] |= 1 << (bucket % 8) }
func (h *heads) has(bucket int) bool    { return h.covers[bucket/8]&(1<<(bucket%8)) != 0 }
func appendID(b []byte, id ID) []byte   { return appendBytes(b, 1, id[:]) }
func appendTrue(b []byte, n int) []byte { return appendUint(b, protowire.Number(n), 1) }

// maxDeltaHead is more than what a Delta takes beside its entries.
const maxDeltaHead = 80

// appendDeltaHead writes what a Delta has beside its entries.
func appendDeltaHead(m []byte, owner ID, s *state, from, to uint64) []byte {
	m = appendID(m, owner)
	m = appendUint(m, 2, s.epoch)
	m = appendUint(m, 3, from)
	m = appendUint(m, 4, to)
	if s.version != to {
		m = appendUint(m, 5, s.version)
	}
	return appendUint(m, 6, s.gc)
}

// entryWriter writes entries as fields of a Delta. It keeps room to work in.
type entryWriter struct{ payload []byte }

func (w *entryWriter) append(b []byte, e *entry) []byte {
	key, deleted := e.record.Key(), e.deleted()
	w.payload = e.record.AppendPayload(w.payload[:0])
	size := 1 + protowire.SizeBytes(len(key)) + 1 + protowire.SizeVarint(e.version)
	if deleted {
		size += 2
	} else {
		size += 1 + protowire.SizeBytes(len(w.payload))
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, 7, protowire.BytesType), uint64(size))
	b = protowire.AppendString(protowire.AppendTag(b, 1, protowire.BytesType), key)
	b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), e.version)
	if deleted {
		return appendTrue(b, 4)
	}
	return appendBytes(b, 3, w.payload)
}

func encodeRoot(r root) []byte {
	m := protowire.AppendFixed64(protowire.AppendTag(nil, 1, protowire.Fixed64Type), r.hash)
	m = appendUint(m, 2, r.owners)
	return appendBytes(nil, 2, protowire.AppendFixed64(protowire.AppendTag(m, 3, protowire.Fixed64Type), r.living))
}

func encodeBuckets(b *bucketHashes) []byte {
	raw := make([]byte, 0, bucketHashSize*buckets)
	for _, h := range b.hashes {
		raw = append(raw, byte(h), byte(h>>8), byte(h>>16))
	}
	m := appendBytes(nil, 1, raw)
	m = protowire.AppendFixed64(protowire.AppendTag(m, 2, protowire.Fixed64Type), b.salt)
	return appendBytes(nil, 3, m)
}

func encodeHeads(h *heads) []byte {
	m := appendBytes(nil, 1, h.covers[:])
	for _, x := range h.heads {
		n := appendUint(appendUint(appendID(nil, x.owner), 2, x.epoch), 3, x.version)
		m = appendBytes(m, 2, n)
	}
	return appendBytes(nil, 4, m)
}

func encodePull(p *pull) []byte {
	m := appendUint(nil, 1, p.number)
	for _, w := range p.wants {
		n := appendUint(appendUint(appendUint(appendID(nil, w.owner), 2, w.epoch), 3, w.version), 4, w.gc)
		m = appendBytes(m, 2, n)
	}
	return appendBytes(nil, 5, m)
}

func appendGone(b []byte, g gone) []byte {
	return appendBytes(b, 6, appendUint(appendID(nil, g.owner), 2, g.epoch))
}

func appendAnswer(b []byte, number uint64, last, cut bool) []byte {
	b = appendUint(b, 7, number)
	if last {
		b = appendTrue(b, 8)
	}
	if cut {
		b = appendTrue(b, 9)
	}
	return b
}

func appendBytes(b []byte, num protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, num, protowire.BytesType), v)
}

func appendUint(b []byte, num protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

// decodeFrame reads a frame. The result refers to b.
func decodeFrame(b []byte) (*frame, error) {
	if len(b) > MaxFrame {
		return nil, fmt.Errorf("a frame of %d bytes is above the limit of %d", len(b), MaxFrame)
	}
	f := &frame{}
	err := fields(b, func(num protowire.Number, v value) (err error) {
		switch num {
		case 1:
			var d delta
			d, err = decodeDelta(v.bytes)
			f.deltas = append(f.deltas, d)
		case 2:
			f.root, err = decodeRoot(v.bytes)
		case 3:
			f.buckets, err = decodeBuckets(v.bytes)
		case 4:
			f.heads, err = decodeHeads(v.bytes)
		case 5:
			f.pull, err = decodePull(v.bytes)
		case 6:
			var h head
			h, err = decodeHead(v.bytes)
			f.gone = append(f.gone, gone{h.owner, h.epoch})
		case 7:
			f.answers = v.uint
		case 8:
			f.last = v.uint != 0
		case 9:
			f.cut = v.uint != 0
		}
		return err
	})
	return f, err
}

// decodeDelta reads what a Delta has beside its entries: most that come have come on
// another ring before, and this says so.
func decodeDelta(b []byte) (delta, error) {
	d := delta{raw: b}
	err := fields(b, func(num protowire.Number, v value) (err error) {
		switch num {
		case 1:
			d.owner, err = v.id()
		case 2:
			d.epoch, err = v.count()
		case 3:
			d.from, err = v.count()
		case 4:
			d.to, err = v.count()
		case 5:
			d.head, err = v.count()
		case 6:
			d.gc, err = v.count()
		case 7:
			d.count++
		}
		return err
	})
	if err != nil {
		return d, err
	}
	d.head = max(d.head, d.to)
	switch {
	case d.owner == ID{} || d.epoch == 0:
		return d, errors.New("a delta without owner or epoch")
	case d.from > d.to || d.gc > d.head:
		return d, fmt.Errorf("a delta's versions contradict one another: from %d, to %d, gc %d", d.from, d.to, d.gc)
	}
	return d, nil
}

// smallEntry is less than what an entry takes that says anything.
const smallEntry = 16

// readEntries reads the entries.
func (d *delta) readEntries() error {
	d.entries = make([]wireEntry, 0, min(d.count, len(d.raw)/smallEntry))
	last := d.from
	return fields(d.raw, func(num protowire.Number, v value) error {
		if num != 7 {
			return nil
		}
		e, err := decodeEntry(v.bytes)
		if err != nil {
			return err
		}
		if e.version <= last || e.version > d.to {
			return fmt.Errorf("an entry's version %d is out of order in (%d, %d]", e.version, last, d.to)
		}
		last = e.version
		d.entries = append(d.entries, e)
		return nil
	})
}

func decodeEntry(b []byte) (wireEntry, error) {
	var e wireEntry
	err := fields(b, func(num protowire.Number, v value) (err error) {
		switch num {
		case 1:
			e.key = string(v.bytes)
		case 2:
			e.version, err = v.count()
		case 3:
			e.payload = v.bytes
		case 4:
			e.deleted = v.uint != 0
		}
		return err
	})
	if err == nil && (e.key == "" || len(e.key) > maxKeyLen) {
		err = fmt.Errorf("a key of %d bytes", len(e.key))
	}
	return e, err
}

func decodeRoot(b []byte) (*root, error) {
	r := &root{}
	err := fields(b, func(num protowire.Number, v value) error {
		switch num {
		case 1:
			r.hash = v.uint
		case 2:
			r.owners = v.uint
		case 3:
			r.living = v.uint
		}
		return nil
	})
	return r, err
}

func decodeBuckets(b []byte) (*bucketHashes, error) {
	out := &bucketHashes{}
	err := fields(b, func(num protowire.Number, v value) error {
		switch num {
		case 1:
			if len(v.bytes) != bucketHashSize*buckets {
				return fmt.Errorf("%d bytes of bucket hashes instead of %d", len(v.bytes), bucketHashSize*buckets)
			}
			for i := range out.hashes {
				h := v.bytes[bucketHashSize*i:]
				out.hashes[i] = uint32(h[0]) | uint32(h[1])<<8 | uint32(h[2])<<16
			}
		case 2:
			out.salt = v.uint
		}
		return nil
	})
	return out, err
}

func decodeHeads(b []byte) (*heads, error) {
	h := &heads{}
	err := fields(b, func(num protowire.Number, v value) (err error) {
		switch num {
		case 1:
			if len(v.bytes) != len(h.covers) {
				return fmt.Errorf("%d bytes of bucket bits instead of %d", len(v.bytes), len(h.covers))
			}
			copy(h.covers[:], v.bytes)
		case 2:
			var x head
			x, err = decodeHead(v.bytes)
			h.heads = append(h.heads, x)
		}
		return err
	})
	return h, err
}

func decodeHead(b []byte) (head, error) {
	w, err := decodeWant(b)
	return head{w.owner, w.epoch, w.version}, err
}

func decodePull(b []byte) (*pull, error) {
	p := &pull{}
	err := fields(b, func(num protowire.Number, v value) (err error) {
		switch num {
		case 1:
			p.number = v.uint
		case 2:
			var w want
			w, err = decodeWant(v.bytes)
			p.wants = append(p.wants, w)
		}
		return err
	})
	return p, err
}

func decodeWant(b []byte) (want, error) {
	var w want
	err := fields(b, func(num protowire.Number, v value) (err error) {
		switch num {
		case 1:
			w.owner, err = v.id()
		case 2:
			w.epoch, err = v.count()
		case 3:
			w.version, err = v.count()
		case 4:
			w.gc, err = v.count()
		}
		return err
	})
	if err == nil && w.owner == (ID{}) {
		err = errors.New("an owner without id")
	}
	return w, err
}

// value is a field's value: uint for varints and fixed numbers, bytes for the rest.
type value struct {
	uint  uint64
	bytes []byte
}

func (v value) id() (id ID, err error) {
	if copy(id[:], v.bytes) != len(v.bytes) || len(v.bytes) != len(id) {
		return id, fmt.Errorf("an id of %d bytes", len(v.bytes))
	}
	return id, nil
}

func (v value) count() (uint64, error) {
	if v.uint > maxCount {
		return 0, fmt.Errorf("a count of %d is above any that occurs", v.uint)
	}
	return v.uint, nil
}

func fields(b []byte, each func(protowire.Number, value) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		var v value
		switch typ {
		case protowire.VarintType:
			v.uint, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			v.uint, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		if err := each(num, v); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
