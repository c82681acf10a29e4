// Package definition is what a user writes to register services and checks, in an
// HTTP body, a configuration file or the command's flags: one reading of it for all
// three, with Consul's keys.
//
// A key may be CamelCase or snake_case, with any capitals; an unknown one is an error,
// and so is a key of Consul's that asks for what Covey cannot do, unless its value is
// empty. Every fault of a definition is found at once and names its field. What comes
// out is normalised: all defaults are filled in. What a check does is health's
// concern, what others see of it is catalog's.
package definition

import (
	"cmp"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"covey/catalog"
)

// Service is a definition of one instance of a service. It keeps its value over
// encoding/json; fields that a later version adds are passed over.
type Service struct {
	ID                string                     `json:",omitempty"` // the name if not given
	Name              string                     `json:",omitempty"` // a DNS label
	Address           string                     `json:",omitempty"` // IP or host name; "" means the node's
	Port              int                        `json:",omitempty"` // 0..65535, 0 for none
	Tags              []string                   `json:",omitempty"`
	Meta              map[string]string          `json:",omitempty"`
	TaggedAddresses   map[string]Address         `json:",omitempty"`
	Weights           *Weights                   `json:",omitempty"` // never nil once read
	EnableTagOverride bool                       `json:",omitempty"` // Consul's; kept, not acted on
	Kind              string                     `json:",omitempty"` // likewise
	Extra             map[string]json.RawMessage `json:",omitempty"` // whole blocks (Proxy, Connect, Locality), likewise
	Checks            []Check                    `json:",omitempty"` // at most catalog.MaxChecks, each with its own ID
}

// Address is an address under a name such as "wan". What it holds is the user's: some
// clients keep URLs there.
type Address struct {
	Address string `json:",omitempty"`
	Port    int    `json:",omitempty"` // 0..65535, 0 for none
}

// Weights are 0..65535; 1 where not given.
type Weights struct {
	Passing int
	Warning int
}

// Check is a definition of one check, of a node or, with ServiceID, of a service. It
// keeps its value over encoding/json as Service does.
type Check struct {
	// ID is unique on the node. A check within a service is called "service:<id>" if
	// not given one, "service:<id>:<n>" with n from 1 if the service has several;
	// any other is called by its name.
	ID        string         `json:",omitempty"`
	Name      string         `json:",omitempty"`
	ServiceID string         `json:",omitempty"` // "" for a check of the node
	Notes     string         `json:",omitempty"`
	Status    catalog.Status // before the first run; Critical if not given

	// Exactly one of these kinds is set.
	HTTP    string        `json:",omitempty"` // URL; 2xx passes, 429 warns, all else is critical
	TCP     string        `json:",omitempty"` // host:port
	UDP     string        `json:",omitempty"` // host:port; refused is critical, silence passes
	GRPC    string        `json:",omitempty"` // host:port or host:port/service, asked by grpc.health.v1
	H2PING  string        `json:",omitempty"` // host:port of an HTTP/2 server
	TTL     time.Duration `json:",omitempty"` // how long an update by the service itself holds
	Hold    string        `json:",omitempty"` // host:port of a connection to keep: its end is an event
	Process string        `json:",omitempty"` // a process ID, or the path of a file with one: its exit is an event
	// AgentCheck is the host:port of an agent that says how the service is, and which part of
	// its weight it wants, by HAProxy's agent-check protocol.
	AgentCheck string `json:",omitempty"`
	AgentSend  string `json:",omitempty"` // what that agent is sent first, as it is; "" for nothing
	OSService  string `json:",omitempty"` // a systemd unit
	// AliasService is the ID of a service, AliasNode the name of the node that it is on,
	// this one if "". Without a service it is the node's health.
	AliasService string `json:",omitempty"`
	AliasNode    string `json:",omitempty"`
	// Args are a program and its arguments. It is run on this host, or if
	// DockerContainerID is given in that container, there with Shell -c if Args are one
	// and Shell is given. See Runs. A container without Args is asked after by its
	// runtime's state and health.
	Args              []string `json:",omitempty"`
	DockerContainerID string   `json:",omitempty"`
	Shell             string   `json:",omitempty"`

	// For HTTP only.
	Method           string              `json:",omitempty"` // "" for GET
	Header           map[string][]string `json:",omitempty"`
	Body             string              `json:",omitempty"`
	DisableRedirects bool                `json:",omitempty"`

	TCPUseTLS    bool  `json:",omitempty"`
	GRPCUseTLS   bool  `json:",omitempty"`
	H2PingUseTLS *bool `json:",omitempty"` // never nil once read with H2PING; true if not given

	// For what speaks TLS.
	TLSSkipVerify bool   `json:",omitempty"`
	TLSServerName string `json:",omitempty"`

	Interval time.Duration `json:",omitempty"` // between runs, at least MinInterval; 0 for TTL
	Timeout  time.Duration `json:",omitempty"` // of one run, at most MaxTimeout; DefaultTimeout or DefaultScriptTimeout if not given

	// OutputMaxSize is how many bytes of the output are kept, at most catalog.MaxOutput;
	// 0 for as many.
	OutputMaxSize int `json:",omitempty"`

	// How many runs in a row it takes to become so; 0 is as good as 1, and for a warning
	// as good as FailuresBeforeCritical.
	SuccessBeforePassing   int `json:",omitempty"`
	FailuresBeforeWarning  int `json:",omitempty"` // at most FailuresBeforeCritical
	FailuresBeforeCritical int `json:",omitempty"`

	// DeregisterCriticalServiceAfter is how long the service may be critical by this
	// check before it is deregistered: at least MinDeregisterAfter, 0 for ever.
	DeregisterCriticalServiceAfter time.Duration `json:",omitempty"`
}

const (
	// MinInterval is the shortest Interval and TTL.
	MinInterval = 10 * time.Millisecond

	// DefaultInterval is for kinds whose runs only stand by for an event.
	DefaultInterval = 10 * time.Second

	DefaultTimeout = 10 * time.Second
	MaxTimeout     = 10 * time.Minute

	// DefaultScriptTimeout is for programs, which may have more to do, as in Consul.
	DefaultScriptTimeout = 30 * time.Second

	// MinDeregisterAfter is Consul's: what is shorter is raised to it.
	MinDeregisterAfter = time.Minute
)

// Kind names what the check does, as catalog.Check.Type.
func (c Check) Kind() string {
	for i := range kinds {
		if kinds[i].given(&c) {
			return kinds[i].name
		}
	}
	return ""
}

// Target is what is checked, for people: "" for a TTL check. A password in a URL is not
// shown.
func (c Check) Target() string {
	switch {
	case c.HTTP != "":
		if u, err := url.Parse(c.HTTP); err == nil {
			return u.Redacted()
		}
		return c.HTTP
	case c.DockerContainerID != "":
		return strings.TrimSpace(c.DockerContainerID + " " + strings.Join(c.Args, " "))
	case len(c.Args) > 0:
		return strings.Join(c.Args, " ")
	case c.AliasService != "" && c.AliasNode != "":
		return c.AliasService + " on " + c.AliasNode
	}
	return cmp.Or(c.TCP, c.UDP, c.GRPC, c.H2PING, c.Hold, c.Process, c.AgentCheck, c.OSService, c.AliasService, c.AliasNode)
}

// Runs reports whether the check runs a program that its author chose. Whoever may
// register one may do what the agent may, so it is for the host's own files only.
func (c Check) Runs() bool { return len(c.Args) > 0 }
