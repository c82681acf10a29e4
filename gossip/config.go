package gossip

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"

	"covey/gossip/replica"
	"covey/internal/journal"
)

// Protocol is the version of replication that this agent speaks, told to others as
// the serf tag ProtocolTag. Frames go only to those who have the same.
const Protocol = "1"

// Tags by which agents introduce themselves.
const (
	ProtocolTag   = "covey"
	IDTag         = "id"
	DatacenterTag = "dc"
	BuildTag      = "build"
	EpochTag      = "epoch" // in base 36
)

// Config says how to take part in a cluster.
type Config struct {
	Name       string // the node's, unique in the cluster
	ID         replica.ID
	Epoch      uint64 // see replica.Config
	Rings      int    // see replica.Config; 0 for as many as suit the size of the cluster
	Datacenter string // clusters of another datacenter are refused
	Build      string // shown to others
	Timing     Timing // that of DefaultProfile if zero

	BindIP        string // where to listen
	BindPort      int    // 0 for any
	AdvertiseIP   string // what others are told; BindIP or the host's private address if ""
	AdvertisePort int    // BindPort if 0

	// Keys of 16, 24 or 32 bytes, the one to seal with first. None means that gossip
	// is neither secret nor authentic.
	Keys           [][]byte
	VerifyIncoming bool // refuse what is not sealed
	VerifyOutgoing bool // seal what is sent
	// SaveKeys is told the keyring when it was changed while the agents run, within a
	// second, the key to seal with first. It is called from one goroutine.
	SaveKeys func(keys [][]byte) error

	MembersFile string // where serf keeps members for rejoining; "" keeps nothing
	PeersFile   string // where the others' records are kept for a restart; ""  likewise
	FS          journal.FS

	// Validate, Apply and SetMember connect the catalogue. They are called from one
	// goroutine, in order, and must not call back.
	Validate  func(owner replica.ID, key string, payload []byte) (any, error)
	Apply     func([]replica.Change)
	SetMember func(id replica.ID, m replica.Membership)
	// UserEvent is told of each event that Fire sent, here or elsewhere, with Lamport's time
	// of it. It must not call back.
	UserEvent func(ltime uint64, payload []byte)
	// RaisedEpoch is told when the own epoch had to be raised, to be kept.
	RaisedEpoch func(epoch uint64)

	Network Network // nil for the system's
	Logger  *slog.Logger
}

// Timing of membership that is the same in all profiles.
const (
	// News of a member that gossip lost is made good by comparing all members with one
	// peer; memberlist does so less often the larger the cluster is.
	pushPullInterval  = 10 * time.Second
	reconnectInterval = 5 * time.Second
	leaveDelay        = 500 * time.Millisecond
	reclaimTime       = 5 * time.Second // how long a dead node's name is kept from another address
	leaveBroadcast    = 2 * time.Second
	failedFor         = 24 * time.Hour // then a failed node is forgotten
)

func (c *Config) keyring() (*memberlist.Keyring, error) {
	if len(c.Keys) == 0 {
		return nil, nil
	}
	k, err := memberlist.NewKeyring(c.Keys, c.Keys[0])
	if err != nil {
		return nil, fmt.Errorf("the gossip key: %w; `covey keygen` makes a good one", err)
	}
	return k, nil
}

// label keeps clusters of different datacenters apart even under one key.
func (c *Config) label() string { return "covey/" + c.Datacenter }

// serfConfig is serf as Covey uses it, over our transport.
func (c *Config) serfConfig(t *transport, keyring *memberlist.Keyring, events chan<- serf.Event, claims serf.MergeDelegate) *serf.Config {
	m := memberlist.DefaultLANConfig()
	m.Name = c.Name
	m.Transport = t
	m.BindAddr, m.BindPort = c.BindIP, t.port
	m.AdvertiseAddr, m.AdvertisePort = c.AdvertiseIP, c.AdvertisePort
	if c.AdvertiseIP != "" && c.AdvertisePort == 0 {
		m.AdvertisePort = t.port
	}
	m.Label = c.label()
	m.Keyring = keyring
	m.GossipVerifyIncoming, m.GossipVerifyOutgoing = c.VerifyIncoming, c.VerifyOutgoing
	m.EnableCompression = false // a decompression bomb, and slow
	c.Timing.set(m)
	m.PushPullInterval = pushPullInterval
	m.DeadNodeReclaimTime = reclaimTime

	s := serf.DefaultConfig()
	s.NodeName = c.Name
	s.MemberlistConfig = m
	s.EventCh = events
	s.SnapshotPath = c.MembersFile
	s.RejoinAfterLeave = true
	s.ReconnectInterval = reconnectInterval
	s.ReconnectTimeout, s.TombstoneTimeout = failedFor, failedFor
	s.LeavePropagateDelay = leaveDelay
	s.BroadcastTimeout = leaveBroadcast
	s.MinQueueDepth = 4096
	// Who keeps a contested name is decided by rivalry: serf's vote shuts an agent out that
	// nobody answers, and the one that just moved to another address.
	s.EnableNameConflictResolution = false
	s.Merge = claims
	s.ValidateNodeNames = false // names with dots are ours to allow
	s.Tags = map[string]string{
		ProtocolTag:   Protocol,
		IDTag:         base64.RawURLEncoding.EncodeToString(c.ID[:]),
		DatacenterTag: c.Datacenter,
		BuildTag:      c.Build,
		EpochTag:      strconv.FormatUint(c.Epoch, 36),
	}
	return s
}

// idOf reads a member's id; ok is false for one that does not speak our protocol.
func idOf(m *serf.Member) (id replica.ID, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(m.Tags[IDTag])
	if err != nil || len(raw) != len(id) || m.Tags[ProtocolTag] != Protocol {
		return id, false
	}
	return replica.ID(raw), true
}

// addrOf is where a member's gossip port is.
func addrOf(m *serf.Member) (netip.AddrPort, bool) {
	ip, ok := netip.AddrFromSlice(m.Addr)
	return netip.AddrPortFrom(ip.Unmap(), m.Port), ok
}
