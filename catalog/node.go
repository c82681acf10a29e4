package catalog

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
)

// NodeID identifies an agent for as long as it keeps its data directory: a random
// UUID (RFC 9562, version 4). Two agents may come to share a name; never an id.
type NodeID [16]byte

// NewNodeID returns a random id.
func NewNodeID() NodeID {
	var id NodeID
	rand.Read(id[:]) // never fails: see crypto/rand
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// ParseNodeID reads the usual text form of a UUID.
func ParseNodeID(text string) (NodeID, error) {
	var id NodeID
	raw, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(raw) != len(id) || len(text) != 36 {
		return id, fmt.Errorf("node id %q is not a UUID such as 6ba7b810-9dad-41d1-80b4-00c04fd430c8", text)
	}
	return NodeID(raw), nil
}

// String returns the usual text form of a UUID.
func (id NodeID) String() string {
	x := hex.EncodeToString(id[:])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// Node is a host's agent as it states itself. It is immutable once in the store.
type Node struct {
	ID              NodeID
	Name            string // a DNS name, unique among the living
	Address         string // an IP, where its instances are reached by default
	Datacenter      string
	Meta            map[string]string
	TaggedAddresses map[string]string
	Checks          []Check // of the node as a whole, by ID; without serfHealth
	Zone, Region    string  // where the host stands; "" if that is not known
}

// NodeKey is the key of an owner's Node record.
const NodeKey = "n"

// Key implements Record.
func (*Node) Key() string { return NodeKey }

// AppendPayload appends what Encode returns.
func (n *Node) AppendPayload(b []byte) []byte { return appendNode(b, n) }

// Liveness says whether a node's agent is up, as membership sees it.
type Liveness uint8

const (
	// Unknown: records have come, membership has not heard of the node yet. Hidden.
	Unknown Liveness = iota
	// Presumed: it was alive before this agent's restart, and not met since. Answered.
	Presumed
	Alive
	// Failed: the node did not say goodbye. Hidden, kept for its return.
	Failed
	// Outside: the node runs no agent, so nobody can tell. Its instances are answered by
	// their checks alone.
	Outside
)

// Up reports whether instances on the node may be answered.
func (l Liveness) Up() bool { return l == Alive || l == Presumed || l == Outside }

// String names the liveness in words shown to users.
func (l Liveness) String() string {
	switch l {
	case Presumed:
		return "presumed"
	case Alive:
		return "alive"
	case Failed:
		return "failed"
	case Outside:
		return "external"
	default:
		return "unknown"
	}
}
