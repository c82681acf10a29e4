package dnsserver

import (
	"log/slog"
	"math"
	"net/netip"
	"strings"
	"time"

	"covey/catalog"
	"covey/dnsserver/recursor"
	"covey/internal/fault"
	"covey/lb"
)

// Defaults of Config.
const (
	DefaultDomain         = "local"
	DefaultDatacenter     = "dc1"
	DefaultMaxUDPSize     = 1232
	DefaultMaxTCPConns    = 1024
	DefaultMaxPerClient   = 64
	DefaultMaxWaiting     = 1024
	DefaultRateSlip       = 2
	DefaultTCPIdleTimeout = 10 * time.Second
)

// Config says what is answered, and where. The zero value of a field means its
// default.
type Config struct {
	// Addr is where UDP and TCP are served, as host:port. Port 0 takes one that is
	// free for both. New needs it, NewResolver does not.
	Addr string

	// Domain is what the names end in, "local" by default, and AltDomain another such
	// ending, none by default. An answer uses the one that was asked; where one lies
	// within the other, the longer counts.
	Domain    string
	AltDomain string

	// Datacenter is the one in names such as web.service.dc1.local, "dc1" by default.
	// Names in any other do not exist.
	Datacenter string

	// NodeName is the agent's own node: the address of ns.DOMAIN is taken from it.
	NodeName string

	// Logger is for what an operator must know; nil discards. Questions are logged
	// at debug level only.
	Logger *slog.Logger

	// Catalog gives the view to answer from. It is asked once for each question.
	Catalog interface{ View() *catalog.View }

	// NodeTTL is how long answers about nodes and addresses may be cached; 0 by
	// default, which always gives the present state. Rounded down to seconds.
	NodeTTL time.Duration

	// ServiceTTL is the same for services: by name, or by a prefix that ends in "*".
	// The exact name comes before the longest prefix; 0 where nothing fits.
	ServiceTTL map[string]time.Duration

	// SOA is what the domains' SOA records say, among it how long negative answers may be
	// kept.
	SOA SOA

	// ServerID is what this server calls itself when asked by NSID (RFC 5001) or, in the
	// class CHAOS, for id.server and hostname.bind (RFC 4892); version.bind and
	// version.server tell Version then. "", the default, has such questions refused.
	ServerID string
	Version  string

	// OnlyPassing leaves out instances that are warning, too.
	OnlyPassing bool

	// UDPAnswerLimit is how many answers go into a reply over UDP to a client without
	// EDNS; TC says that there are more. 0, the default, means as many as fit: a client
	// such as HAProxy takes who is missing from an answer for gone.
	UDPAnswerLimit int

	// ARecordLimit is how many addresses go into any answer, without TC: the rest is
	// left out for good. 0, the default, means all. 1 serves clients that sort the
	// addresses they get, since these would undo the weights.
	ARecordLimit int

	// Balancer decides who is answered with which weight. nil is one that knows of this
	// agent nothing but NodeName.
	Balancer *lb.Balancer

	// SRVWeightScale is how many levels of an SRV weight a weight of 1 has, 1..65535. 0, the
	// default, writes registered weights as they are, and 256 levels a unit where something
	// changed them. HAProxy tells weights apart only in steps of 256.
	SRVWeightScale int

	// MaxUDPSize bounds the replies over UDP to clients on other hosts, whatever they
	// ask for: 512..65535, by default 1232 bytes, which no path of today fragments.
	// Clients on loopback are given the size they ask for: nothing fragments there, and
	// one that does not turn to TCP (HAProxy) gets the whole set that way.
	MaxUDPSize int

	// PortableUDP has packets read and written one by one and answered by the full path
	// only, as on systems other than Linux: for comparing the two, and for a kernel that
	// turns out not to have what the other way needs.
	PortableUDP bool

	// Recursors are asked about names outside the domains, which are REFUSED if there are
	// none; RecursorStrategy and RecursorTimeout say how, as recursor.Config does.
	Recursors        []netip.AddrPort
	RecursorStrategy recursor.Strategy
	RecursorTimeout  time.Duration

	// MaxWaiting bounds the questions that wait for recursors, 1024 by default. What comes
	// beyond is answered SERVFAIL.
	MaxWaiting int

	// ResponseRateLimit is how many replies a second go over UDP to one network of clients
	// on other hosts (a /24 of IPv4, a /56 of IPv6), a second's worth at once; 0, the
	// default, for any number. It does not hold for ResponseRateExempt, and where Addr is
	// loopback there is none. Of the questions beyond, one in ResponseRateSlip is answered
	// by TC, which sends a client to TCP: 1..10, 2 by default.
	ResponseRateLimit  int
	ResponseRateSlip   int
	ResponseRateExempt []netip.Prefix

	// MaxTCPConns bounds the open connections, 1024 by default. When all are taken, the
	// one that was silent longest gives way to a new one.
	MaxTCPConns int

	// MaxTCPConnsPerClient bounds those of one address of another host in the same way, 64
	// by default.
	MaxTCPConnsPerClient int

	// TCPIdleTimeout is how long a connection may take to bring its next question
	// whole, or to take an answer; 10 s by default.
	TCPIdleTimeout time.Duration
}

// maxRate is the greatest ResponseRateLimit.
const maxRate = 1_000_000

func (c *Config) setDefaults() {
	if c.Domain == "" {
		c.Domain = DefaultDomain
	}
	if c.Datacenter == "" {
		c.Datacenter = DefaultDatacenter
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.SOA.setDefaults()
	if c.Balancer == nil {
		c.Balancer = &lb.Balancer{Node: c.NodeName}
	}
	if c.MaxUDPSize == 0 {
		c.MaxUDPSize = DefaultMaxUDPSize
	}
	if c.MaxWaiting == 0 {
		c.MaxWaiting = DefaultMaxWaiting
	}
	if c.ResponseRateSlip == 0 {
		c.ResponseRateSlip = DefaultRateSlip
	}
	if c.MaxTCPConns == 0 {
		c.MaxTCPConns = DefaultMaxTCPConns
	}
	if c.MaxTCPConnsPerClient == 0 {
		c.MaxTCPConnsPerClient = DefaultMaxPerClient
	}
	if c.TCPIdleTimeout == 0 {
		c.TCPIdleTimeout = DefaultTCPIdleTimeout
	}
}

// validate finds every fault at once. It expects the defaults to be set.
func (c *Config) validate() error {
	var faults fault.List
	if c.Catalog == nil {
		faults.Field("Catalog", "must not be nil")
	}
	if err := catalog.CheckLabel(c.Datacenter); err != nil {
		faults.Field("datacenter", "%w", err)
	} else if isKeyword(strings.ToLower(c.Datacenter)) {
		faults.Field("datacenter", "%q has a meaning of its own in DNS names: choose another", c.Datacenter)
	}
	c.validateDomain(&faults, "domain", c.Domain)
	if c.AltDomain != "" {
		c.validateDomain(&faults, "alt_domain", c.AltDomain)
	}
	if c.NodeTTL < 0 {
		faults.Field("node_ttl", "%v is negative", c.NodeTTL)
	}
	for key, d := range map[string]time.Duration{
		"refresh": c.SOA.Refresh, "retry": c.SOA.Retry, "expire": c.SOA.Expire, "min_ttl": c.SOA.MinTTL,
	} {
		if d < 0 {
			faults.Field("soa."+key, "%v is negative", d)
		}
	}
	if err := catalog.CheckText(c.ServerID, maxString); err != nil {
		faults.Field("server_id", "%w", err)
	}
	for name, ttl := range c.ServiceTTL {
		if ttl < 0 {
			faults.Field("service_ttl", "%v for %q is negative", ttl, name)
		}
		if stem, _ := strings.CutSuffix(name, "*"); strings.Contains(stem, "*") || name == "" {
			faults.Field("service_ttl", "%q is neither a name nor a prefix followed by *", name)
		}
	}
	for _, limit := range []struct {
		field            string
		value, low, high int
	}{
		{"udp_answer_limit", c.UDPAnswerLimit, 0, maxSize},
		{"srv_weight_scale", c.SRVWeightScale, 0, math.MaxUint16},
		{"a_record_limit", c.ARecordLimit, 0, maxSize},
		{"max_udp_size", c.MaxUDPSize, minSize, maxSize},
		{"max_tcp_conns", c.MaxTCPConns, 1, 1 << 20},
		{"response_rate_limit", c.ResponseRateLimit, 0, maxRate},
		{"response_rate_slip", c.ResponseRateSlip, 1, 10},
		{"max_tcp_conns_per_client", c.MaxTCPConnsPerClient, 1, 1 << 20},
		{"max_waiting", c.MaxWaiting, 1, 1 << 20},
	} {
		if limit.value < limit.low || limit.value > limit.high {
			faults.Field(limit.field, "%d is not in %d..%d", limit.value, limit.low, limit.high)
		}
	}
	if c.TCPIdleTimeout < 0 {
		faults.Field("tcp_idle_timeout", "%v is negative", c.TCPIdleTimeout)
	}
	return faults.Err()
}

// validateDomain also sees to it that the longest name made under the domain,
// that of an IPv6 address, is a name.
func (c *Config) validateDomain(faults *fault.List, field, domain string) {
	domain = strings.TrimSuffix(domain, ".")
	if err := catalog.CheckHostName(domain); err != nil {
		faults.Field(field, "%w", err)
		return
	}
	if room := maxName - len(hexName(netip.IPv6Unspecified(), c.Datacenter, domain+".")); room < 0 {
		faults.Field(field, "%q is %d characters too long for the names under it", domain, -room)
	}
}
