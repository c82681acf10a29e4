// Package config is what an agent is told before it starts: by configuration files in
// HCL or JSON, and by the command's flags, under Consul's names wherever Consul has
// one.
//
// What Load returns is complete and free of contradictions. What it refuses, it refuses
// with every fault at once, each with its file and key. It touches nothing but the
// files it is told to read: no directory is made, no port is bound, no name resolved.
package config

import (
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/dnsserver/recursor"
	"covey/gossip"
)

// Config is how one agent is to run. It is not modified once loaded.
type Config struct {
	// NodeName is the agent's DNS name, unique among the living: a second agent of the
	// same name is hidden. Default: the host's name, with the bind address appended
	// where that is a loopback address of its own ("host-127-0-0-2"), since several
	// agents on one host only happen there.
	NodeName string

	// NodeID identifies the agent beyond its name. Zero, the default, has one made and
	// kept in DataDir; give one only to carry an identity over to a new disk.
	NodeID catalog.NodeID

	// NodeMeta is free text about the host for filters and people; all of it travels to
	// every other host. Default: none.
	NodeMeta map[string]string

	// Zone and Region say where the host stands: what fails together, and what is near.
	// Traffic can be kept within them (policy local). Default: as the cloud tells in the
	// metadata that cloud-init leaves on disk, else none.
	Zone, Region string

	// Datacenter is the name that DNS questions and the HTTP API may give for this
	// cluster. All agents should have the same. Default: "dc1".
	Datacenter string

	// Domain is the zone that is answered. "local", the default, belongs to multicast
	// DNS as well (RFC 6762), so resolvers need to be told of "service.local".
	Domain string

	// AltDomain is a second zone with the same names, for a move from one to the other.
	// Default: none.
	AltDomain string

	// BindAddr is where gossip listens. The default, 127.0.0.1, is reached from this
	// host only; anything else needs Encrypt or InsecureGossip.
	BindAddr netip.Addr

	// AdvertiseAddr is where other agents reach this one, and what DNS answers for
	// services without an address. If it is not valid, the default, it is BindAddr, or
	// what gossip picks if that is 0.0.0.0 or [::].
	AdvertiseAddr netip.Addr

	// AdvertiseAddrIPv4 and AdvertiseAddrIPv6 are what DNS answers for the node, and for
	// services without an address, to questions about that IP version. Gossip uses neither.
	// If one is not valid, the default, it is AdvertiseAddr where that is of the version.
	AdvertiseAddrIPv4, AdvertiseAddrIPv6 netip.Addr

	// ClientAddr is where the HTTP API and DNS listen unless Addresses says otherwise.
	// Whoever reaches the API can register services. Default: 127.0.0.1.
	ClientAddr string

	// Addresses overrides ClientAddr. HTTP may be "unix:///path", which lets file
	// permissions say who may register. Default: "" for both. A port that was given
	// here ("10.0.0.1:8500") has become that of Ports.
	Addresses Addresses

	// TLS is for the HTTP API on Ports.HTTPS.
	TLS TLS

	// Sockets is for the HTTP API where it is on a unix socket.
	Sockets Sockets

	// Ports are those of HTTP (8500), DNS (8600, UDP and TCP) and gossip (7946, UDP and
	// TCP). With 0 the system chooses.
	Ports Ports

	// StartJoin are agents to join once, at start; if none can be reached, the start
	// fails. Each is an IP or a host name, with a port if it is not gossip's default.
	StartJoin []string

	// RetryJoin are agents to join as soon as one can be reached, which suits hosts that
	// start together. Default: none.
	RetryJoin []string

	// RetryInterval lies between two attempts of RetryJoin. Shorter heals sooner and asks
	// more of the agents that everyone names. Default: 10s.
	RetryInterval time.Duration

	// RetryMax is how many attempts there are before the agent gives up and stops; 0,
	// the default, never does.
	RetryMax int

	// LeaveOnTerminate makes SIGTERM and SIGINT a graceful leave: others forget this
	// host's services at once. Without it they keep them, as failed, for its return.
	// Default: true.
	LeaveOnTerminate bool

	// DataDir holds what must survive a restart: the node's id, the registrations made
	// here, the last known catalogue. "" in DevMode only. Default: /var/lib/covey/<node
	// name> for root, else covey/<node name> under $XDG_STATE_HOME or ~/.local/state.
	DataDir string

	// DevMode keeps nothing on disk and gossips on loopback only. Default: false.
	DevMode bool

	// Encrypt is the key that all agents share: 16, 24 or 32 bytes for AES-128, -192 or
	// -256. Whoever has it is trusted entirely. Default: none.
	Encrypt Secret

	// EncryptVerifyIncoming refuses gossip that is not encrypted, EncryptVerifyOutgoing
	// encrypts what is sent. Switch them off only while a running cluster is being moved
	// to a key. Default: true.
	EncryptVerifyIncoming, EncryptVerifyOutgoing bool

	// InsecureGossip says that gossip off loopback may go without a key: whoever reaches
	// the port can then read and forge the catalogue. Default: false.
	InsecureGossip bool

	// GossipProfile is how soon a dead host is found out: local, lan or wan (see
	// gossip.Profiles). All agents should have the same. Default: lan.
	GossipProfile string

	// GossipRings is to how many others an agent passes each change on at once, 1..16.
	// Another one costs every agent a packet a change and makes misses rarer by the
	// packet loss; what is missed waits for repair, a second or so. All agents should
	// have the same. Default: 0, which is 3 in a cluster of up to 20,000 agents, else 4.
	GossipRings int

	// LogLevel is the least level that is logged. Default: info.
	LogLevel slog.Level

	// LogFormat is "text" for people, "json" for machines. Default: text.
	LogFormat string

	// HTTP is how the HTTP API is served.
	HTTP HTTP

	// DNS is how names are answered.
	DNS DNS

	// EnableLocalScriptChecks lets checks in configuration files run programs as the
	// agent's user, on this host or in its containers. Whoever may write those files may
	// then do what the agent may. Over the HTTP API such checks are refused in any case.
	// Default: false.
	EnableLocalScriptChecks bool

	// LB is how this agent balances.
	LB Balancing

	// Services and Checks are registered at every start, in addition to what was
	// registered over the API. A check without a ServiceID is the node's.
	Services []definition.Service
	Checks   []definition.Check
}

// Addresses are of the listeners for clients: an IP, a host name or "" for ClientAddr.
type Addresses struct {
	HTTP  string // or unix:///path
	HTTPS string
	DNS   string

	AgentCheck string
}

// Ports are 0..65535; 0 lets the system choose. HTTP and HTTPS may be -1, for off, as HTTPS
// is by default, and AgentCheck likewise.
type Ports struct {
	HTTP    int
	HTTPS   int
	DNS     int
	SerfLAN int

	AgentCheck int
}

// HTTP is how the HTTP API is served.
type HTTP struct {
	// AllowedHosts are names, without port, by which clients may call the API, besides
	// IP addresses, localhost and the node's name. Any other name is refused, since a
	// web page could have pointed it here. Default: none.
	AllowedHosts []string

	// TokenFile holds tokens and their roles (httpapi.ParseTokens). It is read again when it
	// changes. Default: none, and whoever reaches the API may do everything.
	TokenFile string

	// MaxConns bounds the connections that are open at once, and MaxConnsPerClient those of
	// one address of another host, or of one /64 of IPv6. Default: 8192, 200.
	MaxConns          int
	MaxConnsPerClient int
}

// DNS is how names are answered.
type DNS struct {
	// Recursors are the name servers asked about names outside Domain and AltDomain, which
	// are refused if there are none. A question waits for each of them that does not answer
	// for RecursorTimeout, 10ms..30s; RecursorStrategy says which is first. Default: none,
	// sequential, 2s.
	Recursors        []netip.AddrPort
	RecursorStrategy recursor.Strategy
	RecursorTimeout  time.Duration

	// ResponseRateLimit is how many replies a second go over UDP to one network of clients
	// on other hosts: a /24 of IPv4, a /56 of IPv6; 0 for any number. It keeps others from
	// having the agent flood somebody in whose name they ask, and holds only where DNS does
	// not listen on loopback. Of the questions beyond, one in ResponseRateSlip is answered
	// by TC, so that true clients turn to TCP. ResponseRateExempt names networks that are
	// not limited, such as that of a resolver which asks for many. Default: 1000, 2, none.
	ResponseRateLimit  int
	ResponseRateSlip   int
	ResponseRateExempt []netip.Prefix

	// MaxTCPConns bounds the TCP connections that are open at once, MaxTCPConnsPerClient
	// those of one address of another host; at the bound the one that was silent longest
	// gives way. TCPIdleTimeout is how long one may bring no question, or take no answer.
	// Default: 1024, 64, 10s.
	MaxTCPConns, MaxTCPConnsPerClient int
	TCPIdleTimeout                    time.Duration

	// NodeTTL and ServiceTTL are for how long an answer may be kept, in whole seconds. A
	// cached answer costs nothing and may name an instance that has died since. The keys
	// of ServiceTTL are service names in lower case, prefixes that end in "*", or "*".
	// Default: 0 and none.
	NodeTTL    time.Duration
	ServiceTTL map[string]time.Duration

	// OnlyPassing leaves out instances with a warning, as critical ones always are.
	// Default: false.
	OnlyPassing bool

	// UDPAnswerLimit is the most answers in a UDP packet to a client that did not say,
	// by EDNS, how much it takes, as Consul has 3. A client that is shown another few each
	// time drops servers that live. Default: 0, all that fit.
	UDPAnswerLimit int

	// SOA is what the zones say of themselves.
	SOA SOA

	// ServerID is the name that the server tells those who ask for one, together with its
	// version: by NSID, or for id.server, hostname.bind and version.bind in the class
	// CHAOS. Default: none, and such questions are refused.
	ServerID string

	// ARecordLimit is the most A or AAAA records in one answer. 1 makes the weighted
	// shuffle final for clients that sort addresses themselves. 0, the default, is all.
	ARecordLimit int

	// MaxUDPSize bounds UDP answers to clients on other hosts: more bytes than a path
	// carries in one packet get lost. Default: 1232.
	MaxUDPSize int

	// SRVWeightScale is how many levels of an SRV record's weight a weight of 1 has. HAProxy
	// tells weights apart in steps of 256 only. Default: 0, which writes registered weights
	// as they are, and 256 a unit where a factor has changed one.
	SRVWeightScale int

	// PortableUDP has packets read and written one by one and answered by the full path,
	// as on systems other than Linux. It costs three times as much. Default: false.
	PortableUDP bool
}

// SOA is what the zones say of themselves, in whole seconds.
type SOA struct {
	// Refresh, Retry and Expire are for servers that copy a zone, which none can do here.
	// Default: 1h, 10m, 24h.
	Refresh, Retry, Expire time.Duration

	// MinTTL is how long the answer that there is no such name or record may be kept, and
	// so how long a service that just came up may go unnoticed. Default: 0, never.
	MinTTL time.Duration
}

// Default returns what holds where nothing is said. NodeName and DataDir are empty:
// they depend on the host and on the rest, and Load fills them in.
func Default() *Config {
	return &Config{
		Datacenter:            "dc1",
		Domain:                "local",
		BindAddr:              netip.AddrFrom4([4]byte{127, 0, 0, 1}),
		ClientAddr:            "127.0.0.1",
		Ports:                 Ports{HTTP: 8500, HTTPS: -1, DNS: 8600, SerfLAN: 7946, AgentCheck: -1},
		RetryInterval:         10 * time.Second,
		LeaveOnTerminate:      true,
		GossipProfile:         gossip.DefaultProfile,
		EncryptVerifyIncoming: true,
		EncryptVerifyOutgoing: true,
		LogLevel:              slog.LevelInfo,
		LogFormat:             "text",
		Sockets:               Sockets{Mode: 0o600},
		HTTP:                  HTTP{MaxConns: 8192, MaxConnsPerClient: 200},
		LB:                    Balancing{SlowStart: true, Load: true, Place: true},
		DNS: DNS{
			RecursorTimeout: recursor.DefaultTimeout,
			SOA:             SOA{Refresh: time.Hour, Retry: 10 * time.Minute, Expire: 24 * time.Hour},
			MaxUDPSize:      1232,

			ResponseRateLimit: 1000, ResponseRateSlip: 2,
			MaxTCPConns: 1024, MaxTCPConnsPerClient: 64, TCPIdleTimeout: 10 * time.Second,
		},
	}
}

// HTTPAddr returns where the HTTP API listens without TLS: host:port, unix:///path, or ""
// if it does not.
func (c *Config) HTTPAddr() string {
	if strings.HasPrefix(c.Addresses.HTTP, unixScheme) {
		return c.Addresses.HTTP
	}
	if c.Ports.HTTP < 0 {
		return ""
	}
	return c.clientAddr(c.Addresses.HTTP, c.Ports.HTTP)
}

// HTTPSAddr returns where the HTTP API listens with TLS: host:port, or "" if it does not.
func (c *Config) HTTPSAddr() string {
	if c.TLS.CertFile == "" || c.Ports.HTTPS < 0 {
		return ""
	}
	return c.clientAddr(c.Addresses.HTTPS, c.Ports.HTTPS)
}

// HTTPIsLocal reports whether only this host reaches the HTTP API without TLS.
func (c *Config) HTTPIsLocal() bool {
	if strings.HasPrefix(c.Addresses.HTTP, unixScheme) {
		return true
	}
	addr := c.HTTPAddr()
	if addr == "" {
		return true
	}
	host, _, _ := net.SplitHostPort(addr)
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || host == "localhost"
}

// DNSAddr returns where DNS listens, on UDP and TCP: host:port.
func (c *Config) DNSAddr() string { return c.clientAddr(c.Addresses.DNS, c.Ports.DNS) }

// AgentCheckAddr returns where HAProxy's agent checks are answered: host:port, or "" if
// they are not.
func (c *Config) AgentCheckAddr() string {
	if c.Ports.AgentCheck < 0 {
		return ""
	}
	return c.clientAddr(c.Addresses.AgentCheck, c.Ports.AgentCheck)
}

func (c *Config) clientAddr(host string, port int) string {
	if host == "" {
		host = c.ClientAddr
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// GossipAddr returns where gossip listens, on UDP and TCP: ip:port.
func (c *Config) GossipAddr() string {
	return net.JoinHostPort(c.BindAddr.String(), strconv.Itoa(c.Ports.SerfLAN))
}
