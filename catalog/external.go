package catalog

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// External is what an agent states of a node that runs no agent: of the node itself, of
// an instance there, or of a check. Several agents may state the same; what was written
// last counts, see externals.
type External struct {
	Host    string // the node's name
	Written uint64 // microseconds of the clock, later than all that the writer knew
	Gone    bool   // it was deregistered
	// Cleared is when it was last deregistered before it came back. What was written by
	// then of the parts of a node, or of the checks of a service, stays gone.
	Cleared uint64

	// Exactly one of these is set; of what is gone, by its ID only.
	Node     *Node // without checks
	Instance *Instance
	Check    *Check

	ServiceID string // of the check's service, "" for the node's
}

// ExternalKeyPrefix begins the keys of External records.
const ExternalKeyPrefix = "x/"

// MaxExternalKey is how long the name of a node and an ID there may be together, so that
// they fit a key.
const MaxExternalKey = 280

// Key implements Record.
func (x *External) Key() string { return ExternalKeyPrefix + strings.ToLower(x.Host) + "/" + x.Part() }

// Part is what of the node it speaks of: unique on the node.
func (x *External) Part() string {
	switch {
	case x.Instance != nil:
		return "s/" + x.Instance.ID
	case x.Check != nil:
		return "c/" + x.Check.ID
	default:
		return "n"
	}
}

// AppendPayload appends what Encode returns.
func (x *External) AppendPayload(b []byte) []byte {
	b = appendString(b, 1, x.Host)
	b = appendUint(b, 2, x.Written)
	if x.Gone {
		b = appendUint(b, 3, 1)
	}
	switch {
	case x.Node != nil:
		b = appendBytes(b, 4, appendNode(nil, x.Node))
	case x.Instance != nil:
		b = appendBytes(b, 5, appendInstance(nil, x.Instance))
	case x.Check != nil:
		b = appendCheck(b, 6, x.Check)
	}
	b = appendString(b, 7, x.ServiceID)
	return appendUint(b, 8, x.Cleared)
}

func decodeExternal(b []byte) (*External, error) {
	x := &External{}
	err := fields(b, func(num protowire.Number, f field) (err error) {
		var raw []byte
		switch num {
		case 1:
			x.Host, err = f.string()
		case 2:
			x.Written, err = f.uint()
		case 3:
			var v uint64
			v, err = f.uint()
			x.Gone = v != 0
		case 4:
			if raw, err = f.bytes(); err == nil {
				x.Node, err = decodeNode(raw)
			}
		case 5:
			if raw, err = f.bytes(); err == nil {
				x.Instance, err = decodeInstance(raw)
			}
		case 6:
			var list []Check
			if list, err = f.intoChecks(nil); err == nil {
				x.Check = &list[0]
			}
		case 7:
			x.ServiceID, err = f.string()
		case 8:
			x.Cleared, err = f.uint()
		}
		return err
	})
	return x, err
}

func (x *External) validate() error {
	if err := CheckHostName(x.Host); err != nil {
		return err
	}
	if x.Host == "" || x.Written == 0 || x.Written >= 1<<62 || x.Cleared >= x.Written {
		return errors.New("it lacks the name of its node, or when it was written is wrong")
	}
	if len(x.Key()) > MaxExternalKey {
		return fmt.Errorf("the node's name and the ID have more than %d bytes together", MaxExternalKey)
	}
	set := 0
	var err error
	if n := x.Node; n != nil {
		set++
		if n.Name != x.Host || len(n.Checks) > 0 {
			return errors.New("it is of another node than it says")
		}
		if !x.Gone {
			err = n.validateExternal()
		}
	}
	if i := x.Instance; i != nil {
		set++
		switch {
		case len(i.Checks) > 0:
			return errors.New("an instance has checks of its own")
		case x.Gone:
			err = errors.Join(CheckText(i.ID, MaxIDLen))
		default:
			err = i.validate()
		}
	}
	if x.Check != nil {
		set++
		err = errors.Join(checkChecks([]Check{*x.Check}), CheckText(x.ServiceID, MaxIDLen))
	}
	if set != 1 {
		return errors.New("it is not of one thing")
	}
	return err
}

// validateExternal is validate for a node whose address may be a name.
func (n *Node) validateExternal() error {
	like := *n
	if err := CheckAddress(n.Address); err != nil {
		return err
	}
	like.Address = "127.0.0.1"
	return like.validate()
}

// ExternalNodeID is the id of an external node that was registered without one: always the
// same for its name.
func ExternalNodeID(name string) NodeID {
	sum := sha256.Sum256([]byte("covey external node " + strings.ToLower(name)))
	id := NodeID(sum[:16])
	id[6] = id[6]&0x0f | 0x80 // RFC 9562, version 8: of one's own making
	id[8] = id[8]&0x3f | 0x80
	return id
}
