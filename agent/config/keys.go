// Every key there is: its name, its default, what it says, and how it is read.

package config

import (
	"log/slog"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/catalog/definition/strict"
	"covey/dnsserver/recursor"
	"covey/gossip"
	"covey/gossip/replica"
)

// Key is one key of a configuration, for a user to read.
type Key struct {
	Name    string // "ports.http"
	Default string // "" if there is none
	Doc     string // one line
}

// Keys returns every key there is, in the order of Config's fields.
func Keys() []Key {
	keys := make([]Key, len(known))
	for i := range known {
		keys[i] = known[i].Key
	}
	return keys
}

// knownKey is a Key that can be read. What read is given is not null, and not "".
type knownKey struct {
	Key
	also string // another name for the member
	read func(d *draft, v strict.Value)
}

var known = []knownKey{
	{Key: Key{"node_name", "the host's name", "DNS name of this agent, unique in the cluster"}, read: func(d *draft, v strict.Value) {
		hostName(&d.NodeName, v)
	}},
	{Key: Key{"node_id", "made once, kept in data_dir", "UUID of this agent"}, read: func(d *draft, v strict.Value) {
		var text string
		if v.Text(&text) {
			id, err := catalog.ParseNodeID(text)
			v.Check(err)
			d.NodeID = id
		}
	}},
	{Key: Key{"node_meta", "", "free text about the host, by key"}, read: func(d *draft, v strict.Value) {
		var meta map[string]string
		v.TextMap(&meta)
		definition.CheckMeta(v, meta)
		if d.NodeMeta == nil {
			d.NodeMeta = meta
		}
		maps.Copy(d.NodeMeta, meta)
	}},
	{Key: Key{"zone", "what cloud-init says", "zone that the host stands in: its hosts fail together"}, read: func(d *draft, v strict.Value) { locality(&d.Zone, v) }},
	{Key: Key{"region", "what cloud-init says", "region that the zone is in"}, read: func(d *draft, v strict.Value) { locality(&d.Region, v) }},
	{Key: Key{"datacenter", "dc1", "name of the cluster in DNS names and the API"}, read: func(d *draft, v strict.Value) {
		if v.Text(&d.Datacenter) {
			v.Check(catalog.CheckLabel(d.Datacenter))
			d.Datacenter = strings.ToLower(d.Datacenter)
		}
	}},
	{Key: Key{"domain", "local", "zone that DNS answers"}, read: func(d *draft, v strict.Value) { domain(&d.Domain, v) }},
	{Key: Key{"alt_domain", "", "second zone with the same names"}, read: func(d *draft, v strict.Value) { domain(&d.AltDomain, v) }},

	{Key: Key{"bind_addr", "127.0.0.1", "IP that gossip listens on; off loopback it needs encrypt or insecure_gossip"}, read: func(d *draft, v strict.Value) {
		address(&d.BindAddr, v)
	}},
	{Key: Key{"advertise_addr", "bind_addr", "IP that other agents reach this one by"}, read: func(d *draft, v strict.Value) {
		if address(&d.AdvertiseAddr, v); d.AdvertiseAddr.IsValid() {
			v.Check(catalog.CheckAddress(d.AdvertiseAddr.String()))
		}
	}},
	{Key: Key{"advertise_addr_ipv4", "advertise_addr if IPv4", "IPv4 address that DNS answers for the node; gossip has advertise_addr"}, read: func(d *draft, v strict.Value) {
		addressOf(&d.AdvertiseAddrIPv4, "IPv4", netip.Addr.Is4, v)
	}},
	{Key: Key{"advertise_addr_ipv6", "advertise_addr if IPv6", "IPv6 address that DNS answers for the node; gossip has advertise_addr"}, read: func(d *draft, v strict.Value) {
		addressOf(&d.AdvertiseAddrIPv6, "IPv6", netip.Addr.Is6, v)
	}},
	{Key: Key{"client_addr", "127.0.0.1", "address that HTTP and DNS listen on"}, read: func(d *draft, v strict.Value) { listenHost(&d.ClientAddr, v) }},
	{Key: Key{"addresses.http", "client_addr", "address of the HTTP API, also with a port, or unix:///path"}, read: func(d *draft, v strict.Value) {
		d.listenAddress(&d.Addresses.HTTP, &d.Ports.HTTP, "ports.http", v)
	}},
	{Key: Key{"addresses.https", "client_addr", "address of the HTTP API over TLS, also with a port"}, read: func(d *draft, v strict.Value) {
		d.listenAddress(&d.Addresses.HTTPS, &d.Ports.HTTPS, "ports.https", v)
	}},
	{Key: Key{"addresses.dns", "client_addr", "address of the DNS server, also with a port"}, read: func(d *draft, v strict.Value) {
		d.listenAddress(&d.Addresses.DNS, &d.Ports.DNS, "ports.dns", v)
	}},
	{Key: Key{"addresses.agent_check", "client_addr", "address that HAProxy's agent checks are answered on, also with a port"}, read: func(d *draft, v strict.Value) {
		d.listenAddress(&d.Addresses.AgentCheck, &d.Ports.AgentCheck, "ports.agent_check", v)
	}},
	{Key: Key{"ports.http", "8500", "port of the HTTP API; 0 lets the system choose, -1 is for none"}, read: func(d *draft, v strict.Value) {
		d.portOrOff(&d.Ports.HTTP, "ports.http", v)
	}},
	{Key: Key{"ports.https", "-1", "port of the HTTP API over TLS, Consul's tools expect 8501; 0 lets the system choose, -1 is for none"}, read: func(d *draft, v strict.Value) {
		d.portOrOff(&d.Ports.HTTPS, "ports.https", v)
	}},
	{Key: Key{"ports.dns", "8600", "port of the DNS server; 0 lets the system choose"}, read: func(d *draft, v strict.Value) {
		d.port(&d.Ports.DNS, "ports.dns", v)
	}},
	{Key: Key{"ports.agent_check", "-1", "port that HAProxy's agent checks are answered on; 0 lets the system choose, -1 is for none"}, read: func(d *draft, v strict.Value) {
		d.portOrOff(&d.Ports.AgentCheck, "ports.agent_check", v)
	}},
	{Key: Key{"ports.serf_lan", "7946", "port of gossip, also called ports.gossip; 0 lets the system choose"}, also: "gossip", read: func(d *draft, v strict.Value) {
		d.port(&d.Ports.SerfLAN, "ports.serf_lan", v)
	}},

	{Key: Key{"start_join", "", "agents to join at start, which fails if none is reached"}, read: func(d *draft, v strict.Value) { peers(&d.StartJoin, v) }},
	{Key: Key{"retry_join", "", "agents to join as soon as one is reached"}, read: func(d *draft, v strict.Value) { peers(&d.RetryJoin, v) }},
	{Key: Key{"retry_interval", "10s", "time between attempts of retry_join"}, read: func(d *draft, v strict.Value) {
		if v.Duration(&d.RetryInterval) && d.RetryInterval < minRetry {
			v.Fault("%v is shorter than %v; give the unit, such as \"10s\"", d.RetryInterval, minRetry)
		}
	}},
	{Key: Key{"retry_max", "0", "attempts of retry_join before the agent gives up; 0 for no end"}, read: func(d *draft, v strict.Value) {
		v.Int(&d.RetryMax, 0, math.MaxInt32)
	}},
	{Key: Key{"leave_on_terminate", "true", "leave the cluster on SIGTERM and SIGINT"}, read: func(d *draft, v strict.Value) { v.Bool(&d.LeaveOnTerminate) }},

	{Key: Key{"data_dir", "by node name under /var/lib/covey or ~/.local/state/covey", "directory for what survives a restart"}, read: func(d *draft, v strict.Value) {
		v.Text(&d.DataDir)
		v.Check(catalog.CheckText(d.DataDir, maxPath))
	}},
	{Key: Key{"dev_mode", "false", "keep nothing on disk, gossip on loopback only"}, read: func(d *draft, v strict.Value) { v.Bool(&d.DevMode) }},

	{Key: Key{"encrypt", "", "gossip key in base64, the same on all agents; `covey keygen` makes one"}, read: func(d *draft, v strict.Value) { secret(&d.Encrypt, v) }},
	{Key: Key{"encrypt_verify_incoming", "true", "refuse gossip that is not encrypted"}, read: func(d *draft, v strict.Value) { v.Bool(&d.EncryptVerifyIncoming) }},
	{Key: Key{"encrypt_verify_outgoing", "true", "encrypt the gossip that is sent"}, read: func(d *draft, v strict.Value) { v.Bool(&d.EncryptVerifyOutgoing) }},
	{Key: Key{"insecure_gossip", "false", "gossip off loopback without a key"}, read: func(d *draft, v strict.Value) { v.Bool(&d.InsecureGossip) }},
	{Key: Key{"gossip_profile", gossip.DefaultProfile, "how soon a dead host is found out: local, lan or wan"}, read: func(d *draft, v strict.Value) {
		if profiles := gossip.Profiles(); v.Text(&d.GossipProfile) && profiles[d.GossipProfile] == (gossip.Timing{}) {
			v.Fault("%q is none of %s", d.GossipProfile, strings.Join(slices.Sorted(maps.Keys(profiles)), ", "))
		}
	}},
	{Key: Key{"gossip_rings", "0", "agents that each passes a change on to at once, 1 to 16; 0 for as many as suit the cluster's size"}, read: func(d *draft, v strict.Value) {
		v.Int(&d.GossipRings, 0, replica.MaxRings)
	}},

	{Key: Key{"log_level", "info", "debug, info, warn or error"}, read: func(d *draft, v strict.Value) { logLevel(&d.LogLevel, v) }},
	{Key: Key{"log_format", "text", "text or json"}, read: func(d *draft, v strict.Value) {
		var format string
		switch {
		case !v.Text(&format):
		case format != "text" && format != "json":
			v.Fault("%q is neither text nor json", format)
		default:
			d.setLogFormat(format, "log_json", v)
		}
	}},
	{Key: Key{"log_json", "", "Consul's word for log_format: true for json, false for text"}, read: (*draft).logJSON},

	{Key: Key{"http_config.allowed_hosts", "", "names, besides the node's own, that clients may call the HTTP API by"}, read: func(d *draft, v strict.Value) {
		hosts(&d.HTTP.AllowedHosts, v)
	}},

	{Key: Key{"http_config.token_file", "", "file of tokens that the HTTP API wants: on each line a role (read, register, operate) and a token"}, read: func(d *draft, v strict.Value) {
		file(&d.HTTP.TokenFile, v)
	}},
	{Key: Key{"http_config.max_conns", "8192", "most connections to the HTTP API at once"}, read: func(d *draft, v strict.Value) {
		v.Int(&d.HTTP.MaxConns, 16, 1<<20)
	}},
	{Key: Key{"limits.http_max_conns_per_client", "200", "most of them from one address of another host, or from one /64 of IPv6"}, read: func(d *draft, v strict.Value) {
		v.Int(&d.HTTP.MaxConnsPerClient, 1, 1<<20)
	}},
	{Key: Key{"tls.defaults", "", "what tls.https does not say"}, read: func(d *draft, v strict.Value) { tlsBlock(&d.tlsDefaults, v) }},
	{Key: Key{"tls.https", "", "the HTTP API over TLS: cert_file, key_file; ca_file or ca_path, verify_incoming; tls_min_version"}, read: func(d *draft, v strict.Value) { tlsBlock(&d.TLS, v) }},
	{Key: Key{"unix_sockets.mode", "0600", "permissions of the HTTP API's unix socket"}, read: func(d *draft, v strict.Value) { mode(&d.Sockets.Mode, v) }},
	{Key: Key{"unix_sockets.user", "the agent's", "who owns it, by name or number"}, read: func(d *draft, v strict.Value) { v.Text(&d.Sockets.User) }},
	{Key: Key{"unix_sockets.group", "the agent's", "group that owns it, by name or number"}, read: func(d *draft, v strict.Value) { v.Text(&d.Sockets.Group) }},

	{Key: Key{"recursors", "", "name servers to ask about names outside the zones, each an IP with a port or not; none: such names are refused"}, read: func(d *draft, v strict.Value) {
		recursors(&d.DNS.Recursors, v)
	}},
	{Key: Key{"dns_config.recursor_strategy", "sequential", "which recursor is asked first: sequential, random or fastest"}, read: func(d *draft, v strict.Value) {
		var text string
		if v.Text(&text) {
			s, err := recursor.ParseStrategy(text)
			v.Check(err)
			d.DNS.RecursorStrategy = s
		}
	}},
	{Key: Key{"dns_config.recursor_timeout", "2s", "how long each recursor may take"}, read: func(d *draft, v strict.Value) {
		if v.Duration(&d.DNS.RecursorTimeout) && (d.DNS.RecursorTimeout < recursor.MinTimeout || d.DNS.RecursorTimeout > recursor.MaxTimeout) {
			v.Fault("%v is not in %v..%v; give the unit, such as \"2s\"", d.DNS.RecursorTimeout, recursor.MinTimeout, recursor.MaxTimeout)
		}
	}},
	{Key: Key{"dns_config.node_ttl", "0s", "how long an answer about a node may be kept"}, read: func(d *draft, v strict.Value) { ttl(&d.DNS.NodeTTL, v) }},
	{Key: Key{"dns_config.service_ttl", "", "the same of services, by name, by prefix ending in *, or * for all"}, read: func(d *draft, v strict.Value) {
		serviceTTL(&d.DNS.ServiceTTL, v)
	}},
	{Key: Key{"dns_config.soa", "refresh 1h, retry 10m, expire 24h, min_ttl 0s", "SOA record of the zones; min_ttl is how long the answer that something is not there may be kept"}, read: func(d *draft, v strict.Value) {
		if o, ok := v.Object(); ok {
			soaTable.Read(o, &d.DNS.SOA)
		}
	}},
	{Key: Key{"dns_config.server_id", "", "name the DNS server gives to those who ask for it (NSID, id.server), with its version"}, read: func(d *draft, v strict.Value) {
		v.Text(&d.DNS.ServerID)
		v.Check(catalog.CheckText(d.DNS.ServerID, maxServerID))
	}},
	{Key: Key{"dns_config.only_passing", "false", "leave out instances with a warning"}, read: func(d *draft, v strict.Value) { v.Bool(&d.DNS.OnlyPassing) }},
	{Key: Key{"dns_config.udp_answer_limit", "0", "most answers over UDP to a client without EDNS; 0 for all that fit"}, read: func(d *draft, v strict.Value) {
		v.Int(&d.DNS.UDPAnswerLimit, 0, math.MaxUint16)
	}},
	{Key: Key{"dns_config.response_rate_limit", "1000", "most replies a second over UDP to one /24 or /56 of other hosts, unless DNS listens on loopback; 0 for no limit"}, read: func(d *draft, v strict.Value) {
		v.Int(&d.DNS.ResponseRateLimit, 0, 1_000_000)
	}},
	{Key: Key{"dns_config.response_rate_slip", "2", "of the questions beyond response_rate_limit, one in so many is sent to TCP, 1 to 10; the others are dropped"}, read: func(d *draft, v strict.Value) {
		v.Int(&d.DNS.ResponseRateSlip, 1, 10)
	}},
	{Key: Key{"dns_config.response_rate_exempt", "", "networks without response_rate_limit, such as 10.0.0.0/8"}, read: func(d *draft, v strict.Value) {
		networks(&d.DNS.ResponseRateExempt, v)
	}},
	{Key: Key{"dns_config.max_tcp_conns", "1024", "most TCP connections to the DNS server at once"}, read: func(d *draft, v strict.Value) {
		v.Int(&d.DNS.MaxTCPConns, 1, 1<<20)
	}},
	{Key: Key{"dns_config.max_tcp_conns_per_client", "64", "most of them from one address of another host"}, read: func(d *draft, v strict.Value) {
		v.Int(&d.DNS.MaxTCPConnsPerClient, 1, 1<<20)
	}},
	{Key: Key{"dns_config.tcp_idle_timeout", "10s", "how long a TCP connection may bring no question, or take no answer"}, read: func(d *draft, v strict.Value) {
		if v.Duration(&d.DNS.TCPIdleTimeout) && (d.DNS.TCPIdleTimeout < time.Second || d.DNS.TCPIdleTimeout > time.Hour) {
			v.Fault("%v is not in 1s..1h; give the unit, such as \"10s\"", d.DNS.TCPIdleTimeout)
		}
	}},
	{Key: Key{"dns_config.portable_udp", "false", "read and write packets one by one, as on systems other than Linux"}, read: func(d *draft, v strict.Value) { v.Bool(&d.DNS.PortableUDP) }},
	{Key: Key{"dns_config.max_udp_size", "1232", "most bytes of a UDP answer to a client on another host, 512 to 65535"}, read: func(d *draft, v strict.Value) {
		v.Int(&d.DNS.MaxUDPSize, 512, math.MaxUint16)
	}},
	{Key: Key{"dns_config.a_record_limit", "0", "most A or AAAA records in an answer; 0 for all"}, read: func(d *draft, v strict.Value) {
		v.Int(&d.DNS.ARecordLimit, 0, math.MaxUint16)
	}},
	{Key: Key{"dns_config.srv_weight_scale", "0", "levels of an SRV weight for a weight of 1; HAProxy needs 256; 0 for weights as registered"}, read: func(d *draft, v strict.Value) {
		v.Int(&d.DNS.SRVWeightScale, 0, math.MaxUint16)
	}},

	{Key: Key{"enable_local_script_checks", "false", "let checks in configuration files run programs (args, docker_container_id)"}, read: func(d *draft, v strict.Value) {
		v.Bool(&d.EnableLocalScriptChecks)
	}},

	{Key: Key{"lb.slow_start", "true", "newcomers start slowly where their service says so"}, read: func(d *draft, v strict.Value) { v.Bool(&d.LB.SlowStart) }},
	{Key: Key{"lb.load", "true", "reported load counts where the service says so"}, read: func(d *draft, v strict.Value) { v.Bool(&d.LB.Load) }},
	{Key: Key{"lb.place", "true", "zones and distances count where the service says so"}, read: func(d *draft, v strict.Value) { v.Bool(&d.LB.Place) }},
	{Key: Key{"lb.host_pressure", "false", "utilisation that instances here report counts as at least the host's CPU pressure (Linux)"}, read: func(d *draft, v strict.Value) { v.Bool(&d.LB.HostPressure) }},
	{Key: Key{"lb.services", "", "how services are balanced here, whatever is registered: lb blocks by name, prefix ending in *, or *"}, read: func(d *draft, v strict.Value) {
		balancedServices(&d.LB.Services, v)
	}},

	{Key: Key{"service", "", "one service to register, in HCL also several, a block each"}, read: one((*draft).service)},
	{Key: Key{"services", "", "services to register"}, read: each((*draft).service)},
	{Key: Key{"check", "", "one check of the node, or with service_id of a service; in HCL also several, a block each"}, read: one((*draft).check)},
	{Key: Key{"checks", "", "checks likewise"}, read: each((*draft).check)},
}

const (
	minRetry = 10 * time.Millisecond
	maxPath  = 4096

	maxServerID = 200 // with "covey" and a version, one string of a TXT record
)

// keyTable reads a file: known keys, groups of them, and Consul's that are refused.
var keyTable = newKeyTable()

func newKeyTable() *strict.Table[draft] {
	groups := map[string][]strict.Key[draft]{}
	add := func(name string, key strict.Key[draft]) {
		group, member, dotted := strings.Cut(name, ".")
		if !dotted {
			group, member = "", name
		}
		key.Name = member
		groups[group] = append(groups[group], key)
	}
	for _, k := range known {
		key := strict.Key[draft]{Read: func(d *draft, v strict.Value) { d.take(k, v) }}
		if k.also != "" {
			key.Also = []string{k.also}
		}
		add(k.Name, key)
	}
	refuse := func(names, why string, harmless func(name string, v strict.Value) bool) {
		for name := range strings.FieldsSeq(names) {
			add(name, strict.Key[draft]{Hidden: true, Read: func(_ *draft, v strict.Value) {
				if !harmless(name, v) {
					v.Fault("%s", why)
				}
			}})
		}
	}
	for _, r := range refused {
		refuse(r.keys, r.why, isOff)
	}
	for _, s := range settled {
		refuse(s.keys, s.why, isOn)
	}
	for group, keys := range groups {
		if group == "" {
			continue
		}
		table := strict.NewTable(keys...)
		add(group, strict.Key[draft]{Read: func(d *draft, v strict.Value) {
			if o, ok := v.Object(); ok {
				table.Read(o, d)
			}
		}})
	}
	slices.SortFunc(groups[""], func(a, b strict.Key[draft]) int { return strings.Compare(a.Name, b.Name) })
	return strict.NewTable(groups[""]...)
}

// take reads a value and notes where it was given.
func (d *draft) take(k knownKey, v strict.Value) {
	if !v.Given() {
		return
	}
	k.read(d, v)
	d.given[k.Name] = place{path: v.Path(), source: d.source}
}

// logJSON reads Consul's word for log_format.
func (d *draft) logJSON(v strict.Value) {
	var on bool
	v.Bool(&on)
	format := "text"
	if on {
		format = "json"
	}
	d.setLogFormat(format, "log_format", v)
}

// setLogFormat takes on a format, unless the same file says otherwise under other.
func (d *draft) setLogFormat(format, other string, v strict.Value) {
	if p, ok := d.given[other]; ok && p.source == d.source && d.LogFormat != format {
		v.Fault("contradicts %s, which says %s: keep one of them", other, d.LogFormat)
		return
	}
	d.LogFormat = format
}

func logLevel(into *slog.Level, v strict.Value) {
	var word string
	if !v.Text(&word) {
		return
	}
	switch strings.ToLower(word) {
	case "trace", "debug":
		*into = slog.LevelDebug
	case "info":
		*into = slog.LevelInfo
	case "warn", "warning":
		*into = slog.LevelWarn
	case "err", "error":
		*into = slog.LevelError
	default:
		v.Fault("%q is none of debug, info, warn and error", word)
	}
}

// one reads an object, or several blocks of HCL, which Consul's users write too.
func one(read func(*draft, strict.Value)) func(*draft, strict.Value) {
	return func(d *draft, v strict.Value) {
		for block := range v.Each() {
			read(d, block)
		}
	}
}

// each reads a list, or the blocks that HCL has in its place, one by one.
func each(read func(*draft, strict.Value)) func(*draft, strict.Value) {
	return func(d *draft, v strict.Value) {
		for one := range v.List() {
			read(d, one)
		}
	}
}

func (d *draft) service(v strict.Value) {
	o, ok := v.Object()
	if !ok {
		return
	}
	s := definition.ReadService(o)
	d.Services = append(d.Services, s)
	d.placed = append(d.placed, placed{"service", s.ID, v.Path()})
	for i, c := range s.Checks {
		if !slices.ContainsFunc(s.Checks[:i], func(b definition.Check) bool { return b.ID == c.ID }) { // a fault already
			d.placed = append(d.placed, placed{"check", c.ID, v.Path()})
		}
	}
}

func (d *draft) check(v strict.Value) {
	if o, ok := v.Object(); ok {
		c := definition.ReadCheck(o)
		d.Checks = append(d.Checks, c)
		d.placed = append(d.placed, placed{"check", c.ID, v.Path()})
	}
}

// secret reads a key; no fault repeats what was given.
func secret(into *Secret, v strict.Value) {
	var text string
	if !v.Text(&text) {
		return
	}
	key, err := decodeKey(text)
	if err != nil {
		v.Fault("%w; `covey keygen` makes a key", err)
		return
	}
	*into = key
}

// address reads an IP.
func address(into *netip.Addr, v strict.Value) {
	var text string
	if !v.Text(&text) {
		return
	}
	ip, err := netip.ParseAddr(text)
	switch {
	case strings.Contains(text, "{{"):
		v.Fault("address templates are not there: write the IP")
	case err != nil || ip.Zone() != "" || ip.IsMulticast():
		v.Fault("%q is not the IP address of a host", text)
	default:
		*into = ip.Unmap()
	}
}
