package catalog

import (
	"encoding/binary"
	"strings"
)

// Packed is an Instance as the catalogue keeps it: what tells it from others of its
// kind in one short text, all the rest in a Shape that it shares with them. A hundred
// thousand instances fit a host that has other work to do because of it.
//
// It is immutable, and a record like the Instance it was made from: the same key, the
// same wire form.
type Packed struct {
	// text is the ID, the address, the load if there is one, and, if any is not empty, the
	// outputs of the checks, each behind its length.
	text string
	*Shape
	Port               uint16 // 0 means none
	idBytes, toAddrEnd uint16 // where in text the ID and the address end
	loadBytes          uint8  // that follow the address
}

// ID is unique on the instance's node.
func (p *Packed) ID() string { return p.text[:p.idBytes] }

// Address is an IP or host name; "" means the node's.
func (p *Packed) Address() string { return p.text[p.idBytes:p.toAddrEnd] }

// Load is the last report of the instance's load.
func (p *Packed) Load() Load {
	if p.loadBytes == 0 {
		return Load{}
	}
	l, _ := readLoad([]byte(p.loadText())) // of our own writing: it can be read
	return l
}

func (p *Packed) loadText() string { return p.text[p.toAddrEnd:][:p.loadBytes] }

// differsByLoad reports whether q is p with another load.
func (p *Packed) differsByLoad(q *Packed) bool {
	end, qend := int(p.toAddrEnd), int(q.toAddrEnd)
	return p.Shape == q.Shape && p.Port == q.Port && p.idBytes == q.idBytes && p.text[:end] == q.text[:qend] &&
		p.text[end+int(p.loadBytes):] == q.text[qend+int(q.loadBytes):] && p.loadText() != q.loadText()
}

// Key implements Record.
func (p *Packed) Key() string { return InstanceKeyPrefix + p.ID() }

// AppendPayload appends what Encode returns.
func (p *Packed) AppendPayload(b []byte) []byte {
	b = appendString(b, fieldID, p.ID())
	if p.Service != p.ID() {
		b = appendString(b, fieldService, p.Service)
	}
	b = appendString(b, fieldAddress, p.Address())
	b = appendUint(b, fieldPort, uint64(p.Port))
	b = p.appendFilled(b, p.ID(), p.text[int(p.toAddrEnd)+int(p.loadBytes):])
	if p.loadBytes > 0 {
		b = appendBytes(b, fieldLoad, []byte(p.loadText()))
	}
	return b
}

// Instance returns the instance that was packed, with nothing of it shared.
func (p *Packed) Instance() *Instance {
	i, _ := decodeInstance(p.AppendPayload(nil)) // of our own writing: it can be read
	return i
}

// Checks returns the checks, by ID, in a slice of the caller's own.
func (p *Packed) Checks() []Check { return p.Instance().Checks }

// pack makes a Packed of a valid instance.
func (s *shapes) pack(i *Instance) *Packed {
	p := &Packed{Shape: s.of(i), Port: i.Port}
	var b strings.Builder
	b.Grow(len(i.ID) + len(i.Address) + sizeOutputs(i.Checks))
	b.WriteString(i.ID)
	b.WriteString(i.Address)
	p.idBytes, p.toAddrEnd = uint16(len(i.ID)), uint16(b.Len())
	if i.Load.Reported() {
		load := i.Load.append(nil)
		b.Write(load)
		p.loadBytes = uint8(len(load))
	}
	if sizeOutputs(i.Checks) > 0 {
		for k := range i.Checks {
			var length [binary.MaxVarintLen64]byte
			b.Write(length[:binary.PutUvarint(length[:], uint64(len(i.Checks[k].Output)))])
			b.WriteString(i.Checks[k].Output)
		}
	}
	p.text = b.String()
	return p
}

// sizeOutputs is how many bytes the outputs of checks take, 0 if all are empty.
func sizeOutputs(checks []Check) int {
	size, empty := 0, true
	for i := range checks {
		n := len(checks[i].Output)
		size += 1 + n
		if n >= 1<<7 {
			size++
		}
		empty = empty && n == 0
	}
	if empty {
		return 0
	}
	return size
}

// cutOutput takes the first output off; what is not there is empty.
func cutOutput(b string) (output, rest string) {
	n, at := uint64(0), 0
	for shift := 0; at < len(b); shift += 7 {
		c := b[at]
		at++
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			break
		}
	}
	end := min(at+int(n), len(b))
	return b[at:end], b[end:]
}
