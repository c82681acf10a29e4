package httpapi

import (
	"context"
	"log/slog"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// Agent is the agent that the API drives. Its errors carry a fault.Kind, which
// decides the status code. All methods may be called at once.
type Agent interface {
	// RegisterService adds or replaces an instance. When it returns nil the
	// registration is durable, and visible in the catalogue's next view. With
	// replaceChecks the checks that s does not name are removed.
	RegisterService(ctx context.Context, s definition.Service, replaceChecks bool) error
	DeregisterService(ctx context.Context, id string) error
	RegisterCheck(ctx context.Context, c definition.Check) error
	DeregisterCheck(ctx context.Context, id string) error
	// UpdateTTL is a TTL check's sign of life, with what it has to say, and if load is not
	// nil, the load of its service, which is plausible. That is told sooner or later.
	UpdateTTL(ctx context.Context, checkID string, status catalog.Status, output string, load *catalog.Reading) error
	ServiceMaintenance(ctx context.Context, id string, on bool, reason string) error
	NodeMaintenance(ctx context.Context, on bool, reason string) error
	// Drain is NodeMaintenance until the agent is started again. It returns for how long
	// others may keep answers from before.
	Drain(ctx context.Context, reason string) (keep time.Duration, err error)
	// RegisterExternal states what it is given of a node that runs no agent; it is durable
	// when it returns nil. DeregisterExternal takes a check, a service or, without either,
	// the whole node away, whichever agent stated it; what is not there is no error.
	RegisterExternal(ctx context.Context, d definition.External) error
	DeregisterExternal(ctx context.Context, d definition.ExternalRemoval) error
	Local() Local
	// LocalService is one instance of Local, by ID, and the checks of the node. It costs the
	// same however much is registered.
	LocalService(id string) (s LocalService, ofNode []LocalCheck, known bool)
	// Checks returns all checks on this agent, by ID.
	Checks() []CheckRun
	// RunCheck carries out a check now, and returns how it stands then.
	RunCheck(ctx context.Context, checkID string) (CheckRun, error)
	// Timeline returns the latest changes of a service's instances, "" for all, oldest
	// first.
	Timeline(service string) []Transition
	// Members are the nodes that membership knows, as of about now.
	Members() Members
	// Join contacts addrs and returns how many of them answered.
	Join(ctx context.Context, addrs []string) (joined int, err error)
	// Leave begins a graceful stop and returns when it is under way.
	Leave(ctx context.Context) error
	// ForceLeave declares a failed node gone; with prune it is forgotten entirely.
	ForceLeave(ctx context.Context, node string, prune bool) error
	Reload(ctx context.Context) error
	// HasKey reports whether a gossip key, in base64, is one that this agent has.
	HasKey(key string) bool
	// Keyring asks all agents for their gossip keys, ChangeKey has them "install", "use"
	// or "remove" one. Both return what was answered, with an error too.
	Keyring(ctx context.Context) (Keyring, error)
	ChangeKey(ctx context.Context, change, key string) (Keyring, error)
	// Coordinates are where nodes stand by the round-trip times between them. What is
	// returned stays the same for some seconds.
	Coordinates() Coordinates
	// Fire sends an event to all agents and returns it with its ID. Events are those that
	// came here.
	Fire(ctx context.Context, e Event) (Event, error)
	Events() Events
	// Monitor copies what the agent logs, from a level on, to lines until stop is called.
	// What a slow reader does not take is left out.
	Monitor(level slog.Level, json bool) (lines <-chan []byte, stop func())
	// Host describes the machine.
	Host() Host
	Status() Status
}

// Local is what is registered on this agent. Nothing in it may be modified.
type Local struct {
	Serial   uint64 // greater after each change
	Node     *catalog.Node
	Services []LocalService // by ID
	Checks   []LocalCheck   // all there are, by ID
	OfNode   []LocalCheck   // those of the node
}

// LocalService is an instance on this agent with its checks, by ID.
type LocalService struct {
	*catalog.Instance
	Checks []LocalCheck
}

// LocalCheck is a check on this agent, with how it is carried out.
type LocalCheck struct {
	catalog.Check
	ServiceID   string // "" for a check of the node
	ServiceName string
	ServiceTags []string
	Definition  *definition.Check
	Since       time.Time // of the status; zero if that is not known
}

// CheckRun is a check on this agent with how and when it is carried out; /v1/covey/checks
// lists them. A zero time is left out: there is none.
type CheckRun struct {
	ID, Name, Type         string
	ServiceID, ServiceName string // "" for a check of the node
	Target                 string // what is checked, for people
	Status, Output, Notes  string
	Since                  time.Time `json:",omitzero"` // of the status
	Interval               string    // "" for what is not repeated
	LastRun                time.Time `json:",omitzero"` // its end
	Took                   string    // "" before the first
	NextRun                time.Time `json:",omitzero"` // of a TTL check, when it expires
}

// Transition is a change of how an instance stands, as the agent saw it.
type Transition struct {
	Time              time.Time
	Service, Instance string // the name and the ID
	Node              string
	From, To          string // passing, warning or critical; "" for not there
	Reason            string // what check or host it was because of
}

// Keyring is what the agents have in their keyrings, with keys in base64.
type Keyring struct {
	Nodes         int            // that were asked
	Keys, Primary map[string]int // how many agents have a key, and seal with it
	Messages      map[string]string
}

// Members are nodes, by name. Nothing in them may be modified.
type Members struct {
	Serial uint64 // greater after each change
	List   []Member
}

// Member is a node as membership sees it.
type Member struct {
	Name   string
	ID     catalog.NodeID
	Addr   string // an IP
	Port   uint16 // of gossip
	Status string // alive, leaving, left or failed
	Tags   map[string]string
}

// Status is what the agent says of itself; it is the body of /v1/covey/status.
type Status struct {
	Node, ID, Version, Datacenter, Domain string
	Started                               time.Time
	GossipAddr, HTTPAddr, DNSAddr         string

	Members, Alive, Failed int // of the cluster; the others have left
	Services, Instances    int // in the catalogue
	Encrypted              bool
	DataDir                string // "" when nothing is kept on disk
	Counters               map[string]uint64
}
