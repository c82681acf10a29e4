package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// MaxRecord is how many bytes the wire form of a record may have.
const MaxRecord = 64 << 10

// ErrUnknownKind says that a key is of a kind this agent does not know: a newer
// agent's. Such a record is relayed as it is and left out of the catalogue.
var ErrUnknownKind = errors.New("record of a kind not known here")

// Encode returns the wire form of a record, by catalog.proto. Equal records have
// equal bytes.
func Encode(r Record) []byte {
	switch r := r.(type) {
	case *Node:
		return appendNode(nil, r)
	case *Instance:
		return appendInstance(nil, r)
	case *Packed:
		return r.AppendPayload(nil)
	case *External:
		return r.AppendPayload(nil)
	}
	panic(fmt.Sprintf("catalog: a %T is no record", r))
}

// Decode reads what Encode wrote, validates it as strictly as a registration, and
// holds it to its key. Unknown fields are passed over. The record does not refer to
// payload.
func Decode(key string, payload []byte) (Record, error) {
	var r interface {
		Record
		validate() error
	}
	var err error
	switch {
	case len(payload) > MaxRecord:
		return nil, fmt.Errorf("record %q has %d bytes, more than %d", clip(key), len(payload), MaxRecord)
	case key == NodeKey:
		r, err = decodeNode(payload)
	case strings.HasPrefix(key, InstanceKeyPrefix):
		r, err = decodeInstance(payload)
	case strings.HasPrefix(key, ExternalKeyPrefix):
		r, err = decodeExternal(payload)
	default:
		return nil, ErrUnknownKind
	}
	if err == nil {
		err = r.validate()
	}
	if err == nil && r.Key() != key {
		err = fmt.Errorf("it says to be %q", clip(r.Key()))
	}
	if err != nil {
		return nil, fmt.Errorf("record %q: %w", clip(key), err)
	}
	return r, nil
}

func appendNode(b []byte, n *Node) []byte {
	b = appendBytes(b, 1, n.ID[:])
	b = appendString(b, 2, n.Name)
	b = appendString(b, 3, n.Address)
	b = appendString(b, 4, n.Datacenter)
	b = appendMap(b, 5, n.Meta)
	b = appendMap(b, 6, n.TaggedAddresses)
	b = appendChecks(b, 7, n.Checks)
	b = appendString(b, 8, n.Zone)
	return appendString(b, 9, n.Region)
}

func decodeNode(b []byte) (*Node, error) {
	n := &Node{}
	err := fields(b, func(num protowire.Number, f field) (err error) {
		switch num {
		case 1:
			var raw []byte
			if raw, err = f.bytes(); err == nil && len(raw) != len(n.ID) {
				return errors.New("its id is not of 16 bytes")
			}
			copy(n.ID[:], raw)
		case 2:
			n.Name, err = f.string()
		case 3:
			n.Address, err = f.string()
		case 4:
			n.Datacenter, err = f.string()
		case 5:
			n.Meta, err = f.intoMap(n.Meta, MaxMeta)
		case 6:
			n.TaggedAddresses, err = f.intoMap(n.TaggedAddresses, MaxAddresses)
		case 7:
			n.Checks, err = f.intoChecks(n.Checks)
		case 8:
			n.Zone, err = f.string()
		case 9:
			n.Region, err = f.string()
		}
		return err
	})
	return n, err
}

// Fields of an Instance that a Packed takes apart. It relies on their order.
const (
	fieldID      = 1
	fieldService = 2 // left out if it is the ID
	fieldAddress = 3
	fieldPort    = 4
	fieldChecks  = 10
	fieldLoad    = 14 // after all that a Shape has
)

func appendInstance(b []byte, i *Instance) []byte {
	b = appendString(b, fieldID, i.ID)
	if i.Service != i.ID {
		b = appendString(b, fieldService, i.Service)
	}
	b = appendString(b, fieldAddress, i.Address)
	b = appendUint(b, fieldPort, uint64(i.Port))
	for _, t := range i.Tags {
		b = protowire.AppendString(protowire.AppendTag(b, 5, protowire.BytesType), t)
	}
	b = appendMap(b, 6, i.Meta)
	if i.Weights.Passing != 1 {
		b = protowire.AppendVarint(protowire.AppendTag(b, 7, protowire.VarintType), uint64(i.Weights.Passing))
	}
	if i.Weights.Warning != 1 {
		b = protowire.AppendVarint(protowire.AppendTag(b, 8, protowire.VarintType), uint64(i.Weights.Warning))
	}
	for _, k := range sortedKeys(i.TaggedAddresses) {
		a := i.TaggedAddresses[k]
		value := appendUint(appendString(nil, 1, a.Address), 2, uint64(a.Port))
		b = appendBytes(b, 9, appendBytes(appendString(nil, 1, k), 2, value))
	}
	b = appendChecks(b, fieldChecks, i.Checks)
	if i.EnableTagOverride {
		b = appendUint(b, 11, 1)
	}
	b = appendString(b, 12, i.Kind)
	if len(i.Extra) > 0 {
		b = appendBytes(b, 13, i.Extra)
	}
	return appendLoad(b, i.Load)
}

func appendLoad(b []byte, l Load) []byte {
	if !l.Reported() {
		return b
	}
	return appendBytes(b, fieldLoad, l.append(nil))
}

func decodeInstance(b []byte) (*Instance, error) {
	i := &Instance{Weights: DefaultWeights}
	err := fields(b, func(num protowire.Number, f field) (err error) {
		switch num {
		case fieldID:
			i.ID, err = f.string()
		case fieldService:
			i.Service, err = f.string()
		case fieldAddress:
			i.Address, err = f.string()
		case fieldPort:
			i.Port, err = f.uint16()
		case 5:
			if len(i.Tags) == MaxTags {
				return fmt.Errorf("it has more than %d tags", MaxTags)
			}
			var t string
			t, err = f.string()
			i.Tags = append(i.Tags, t)
		case 6:
			i.Meta, err = f.intoMap(i.Meta, MaxMeta)
		case 7:
			i.Weights.Passing, err = f.uint16()
		case 8:
			i.Weights.Warning, err = f.uint16()
		case 9:
			i.TaggedAddresses, err = f.intoAddresses(i.TaggedAddresses)
		case fieldChecks:
			i.Checks, err = f.intoChecks(i.Checks)
		case 11:
			var v uint64
			v, err = f.uint()
			i.EnableTagOverride = v != 0
		case 12:
			i.Kind, err = f.string()
		case 13:
			var raw []byte
			raw, err = f.bytes()
			i.Extra = slices.Clone(raw)
		case fieldLoad:
			var raw []byte
			if raw, err = f.bytes(); err == nil {
				i.Load, err = readLoad(raw)
			}
		}
		return err
	})
	if i.Service == "" {
		i.Service = i.ID
	}
	return i, err
}

func appendChecks(b []byte, num protowire.Number, checks []Check) []byte {
	for i := range checks {
		b = appendCheck(b, num, &checks[i])
	}
	return b
}

func appendCheck(b []byte, num protowire.Number, c *Check) []byte {
	size := sizeString(c.ID) + sizeString(c.Name) + sizeString(c.Output) + sizeString(c.Notes) + sizeString(c.Type)
	if c.Status != Passing {
		size += 2
	}
	if c.Withdrawn {
		size += 2
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, num, protowire.BytesType), uint64(size))
	b = appendString(b, 1, c.ID)
	b = appendString(b, 2, c.Name)
	b = appendUint(b, 3, uint64(c.Status))
	b = appendString(b, 4, c.Output)
	b = appendString(b, 5, c.Notes)
	b = appendString(b, 6, c.Type)
	if c.Withdrawn {
		b = appendUint(b, 7, 1)
	}
	return b
}

func (f field) intoChecks(list []Check) ([]Check, error) {
	if len(list) > MaxChecks {
		return nil, fmt.Errorf("it has more than %d checks", MaxChecks+1)
	}
	raw, err := f.bytes()
	if err != nil {
		return nil, err
	}
	var c Check
	err = fields(raw, func(num protowire.Number, f field) (err error) {
		switch num {
		case 1:
			c.ID, err = f.string()
		case 2:
			c.Name, err = f.string()
		case 3:
			var v uint64
			if v, err = f.uint(); err == nil {
				c.Status = Status(min(v, uint64(Critical))) // a worse one than we know is critical
			}
		case 4:
			c.Output, err = f.string()
		case 5:
			c.Notes, err = f.string()
		case 6:
			c.Type, err = f.string()
		case 7:
			var v uint64
			v, err = f.uint()
			c.Withdrawn = v != 0
		}
		return err
	})
	return append(list, c), err
}

func (f field) intoAddresses(m map[string]ServiceAddress) (map[string]ServiceAddress, error) {
	if len(m) == MaxAddresses {
		return nil, fmt.Errorf("it has more than %d addresses", MaxAddresses)
	}
	raw, err := f.bytes()
	if err != nil {
		return nil, err
	}
	var key string
	var a ServiceAddress
	err = fields(raw, func(num protowire.Number, f field) (err error) {
		switch num {
		case 1:
			key, err = f.string()
		case 2:
			var value []byte
			if value, err = f.bytes(); err != nil {
				return err
			}
			err = fields(value, func(num protowire.Number, f field) (err error) {
				switch num {
				case 1:
					a.Address, err = f.string()
				case 2:
					a.Port, err = f.uint16()
				}
				return err
			})
		}
		return err
	})
	if m == nil {
		m = map[string]ServiceAddress{}
	}
	m[key] = a
	return m, err
}
