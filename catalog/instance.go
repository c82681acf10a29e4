package catalog

import "encoding/json"

// Instance is one registered copy of a service as its owner states it. The store keeps
// it as a Packed, which shares what others of its kind have too.
type Instance struct {
	ID              string // unique on its node
	Service         string // a DNS label; compared without case
	Address         string // IP or host name; "" means the node's
	Port            uint16 // 0 means none
	Tags            []string
	Meta            map[string]string
	Weights         Weights
	TaggedAddresses map[string]ServiceAddress
	Checks          []Check // by ID
	Load            Load    // as last reported

	EnableTagOverride bool
	// Kind and Extra are Consul's: stored and returned, not acted on. Extra is a JSON
	// object of whole blocks by name (Proxy, Connect, ...), nil if there is none.
	Kind  string
	Extra json.RawMessage
}

// Weights are the shares an instance asks for, by its status: 0..65535.
type Weights struct {
	Passing uint16
	Warning uint16
}

// For is the weight for a status; 0 when critical.
func (w Weights) For(s Status) uint16 {
	switch s {
	case Passing:
		return w.Passing
	case Warning:
		return w.Warning
	default:
		return 0
	}
}

// DefaultWeights is what an instance has that was registered without.
var DefaultWeights = Weights{Passing: 1, Warning: 1}

// ServiceAddress is an address under a name such as "lan_ipv4" or "wan".
type ServiceAddress struct {
	Address string
	Port    uint16
}

// InstanceKeyPrefix begins the key of an Instance record; its ID follows.
const InstanceKeyPrefix = "s/"

// Key implements Record.
func (i *Instance) Key() string { return InstanceKeyPrefix + i.ID }
