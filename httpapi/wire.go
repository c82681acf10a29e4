package httpapi

import "encoding/json"

// The types here are Consul's JSON shapes: names, capitals and types of the fields are
// what its clients decode. Slices and maps must not be nil, see nonNil and nonNilMap; only
// fields with omitempty may be left out.

// wireNode is a node in catalog/nodes and within other answers.
type wireNode struct {
	ID              string
	Node            string
	Address         string
	Datacenter      string
	TaggedAddresses map[string]string
	Meta            map[string]string
	CreateIndex     uint64
	ModifyIndex     uint64
}

// wireService is an instance, both in the catalogue and on this agent.
type wireService struct {
	Kind              string `json:",omitempty"`
	ID                string
	Service           string
	Tags              []string
	Address           string
	TaggedAddresses   map[string]wireAddress `json:",omitempty"`
	Meta              map[string]string
	Port              uint16
	Weights           wireWeights
	EnableTagOverride bool
	blocks
	ContentHash string `json:",omitempty"` // of agent/service/:id only
	Datacenter  string `json:",omitempty"` // of what is on this agent only
	CreateIndex uint64 `json:",omitempty"`
	ModifyIndex uint64 `json:",omitempty"`
}

// blocks are the parts of a registration that Covey keeps for clients and does not
// act on. They are spelled as in catalog.Instance.Extra.
type blocks struct {
	Proxy    json.RawMessage `json:",omitempty"`
	Connect  json.RawMessage `json:",omitempty"`
	Locality json.RawMessage `json:",omitempty"`
}

type wireWeights struct {
	Passing uint16
	Warning uint16
}

type wireAddress struct {
	Address string
	Port    uint16
}

// wireCheck is a check of a node or a service. Interval and Timeout are known of this
// agent's own checks only: how a check is carried out does not travel.
type wireCheck struct {
	Node        string
	CheckID     string
	Name        string
	Status      string
	Notes       string
	Output      string
	ServiceID   string
	ServiceName string
	ServiceTags []string
	Type        string
	Interval    string
	Timeout     string
	ExposedPort int
	Definition  struct{}
	CreateIndex uint64
	ModifyIndex uint64
}

// wireEntry is one instance in health/service.
type wireEntry struct {
	Node    *wireNode
	Service wireService
	Checks  []wireCheck
}

// wireCatalogService is one instance in catalog/service, all in one object.
type wireCatalogService struct {
	ID                       string // of the node
	Node                     string
	Address                  string // of the node
	Datacenter               string
	TaggedAddresses          map[string]string
	NodeMeta                 map[string]string
	ServiceKind              string
	ServiceID                string
	ServiceName              string
	ServiceTags              []string
	ServiceAddress           string
	ServiceTaggedAddresses   map[string]wireAddress
	ServiceWeights           wireWeights
	ServiceMeta              map[string]string
	ServicePort              uint16
	ServiceEnableTagOverride bool
	ServiceProxy             json.RawMessage `json:",omitempty"`
	ServiceConnect           json.RawMessage `json:",omitempty"`
	ServiceLocality          json.RawMessage `json:",omitempty"`
	CreateIndex              uint64
	ModifyIndex              uint64
}

// wireNodeServices is a node and what runs on it, by ID.
type wireNodeServices struct {
	Node     wireNode
	Services map[string]wireService
}

// wireNodeServiceList is the same as a list.
type wireNodeServiceList struct {
	Node     wireNode
	Services []wireService
}

// wireMember is a member of the cluster. Status is serf's number for it.
type wireMember struct {
	Name   string
	Addr   string
	Port   uint16
	Tags   map[string]string
	Status int
}

// wireServiceHealth is an instance on this agent with its checks and their sum.
type wireServiceHealth struct {
	AggregatedStatus string
	Service          wireService
	Checks           []wireCheck
}

// nonNil returns s, or an empty slice for nil.
func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// nonNilMap returns m, or an empty map for nil.
func nonNilMap[V any](m map[string]V) map[string]V {
	if m == nil {
		return map[string]V{}
	}
	return m
}
