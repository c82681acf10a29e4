// What depends on several keys: defaults that follow from others, and contradictions.

package config

import (
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// settle fills in what is left open and finds what contradicts what.
func (d *draft) settle(h host) {
	d.settleGossip()
	d.settleDisk(h)
	d.settleLocality(h)
	d.settleTLS()
	d.settleListeners()
	d.settleRecursors()
	if d.AltDomain != "" && d.AltDomain == d.Domain {
		d.fault("alt_domain", "is the same as %s, %q", d.at("domain"), d.Domain)
	}
	d.findDuplicates()
	d.settleScripts()
}

// settleScripts refuses checks that run programs unless that is switched on.
func (d *draft) settleScripts() {
	if d.EnableLocalScriptChecks {
		return
	}
	checks := d.Checks
	for i := range d.Services {
		checks = append(checks[:len(checks):len(checks)], d.Services[i].Checks...)
	}
	for i := range checks {
		if checks[i].Runs() {
			d.fault("enable_local_script_checks", "must be true for the check %q, which runs a program", checks[i].ID)
		}
	}
}

// at says where a key was given, or that it was not.
func (d *draft) at(key string) string {
	if p, ok := d.given[key]; ok {
		return p.path
	}
	return "the default " + key
}

func (d *draft) fault(key, format string, args ...any) {
	d.faults.Field(d.at(key), format, args...)
}

func (d *draft) isGiven(key string) bool { _, ok := d.given[key]; return ok }

func (d *draft) settleGossip() {
	// A key that was given but cannot be used has its fault already.
	encrypted := d.isGiven("encrypt")
	switch {
	case encrypted && d.InsecureGossip:
		d.fault("insecure_gossip", "contradicts %s: gossip has a key or is insecure, not both", d.at("encrypt"))
	case !encrypted && !d.InsecureGossip && !d.BindAddr.IsLoopback():
		d.fault("bind_addr", "%s is reached from other hosts, so gossip needs a key: make one with `covey keygen` and give it to every agent "+
			"with --encrypt (encrypt), or let everyone read and forge the catalogue with --insecure-gossip (insecure_gossip)", d.BindAddr)
	}
	verify := func(key string, on bool) {
		if on && !encrypted && d.isGiven(key) {
			d.fault(key, "cannot be had without a key: give encrypt too, or remove it")
		}
	}
	verify("encrypt_verify_incoming", d.EncryptVerifyIncoming)
	verify("encrypt_verify_outgoing", d.EncryptVerifyOutgoing)
	if d.DevMode && !d.BindAddr.IsLoopback() {
		d.fault("dev_mode", "gossips on loopback only, which contradicts %s, %s", d.at("bind_addr"), d.BindAddr)
	}
}

func (d *draft) settleDisk(h host) {
	if d.NodeName == "" {
		d.NodeName = h.nodeName(d.BindAddr)
	}
	switch {
	case d.DevMode && d.DataDir != "":
		d.fault("data_dir", "contradicts %s, which keeps nothing on disk", d.at("dev_mode"))
	case d.DevMode:
	case d.DataDir == "":
		dir, err := h.dataDir(d.NodeName)
		if err != nil {
			d.faults.Field("data_dir", "%w: give one with --data-dir (data_dir), or keep nothing on disk with --dev (dev_mode)", err)
		}
		d.DataDir = dir
	default:
		dir, err := filepath.Abs(d.DataDir)
		if err != nil {
			d.fault("data_dir", "%w", err)
		}
		d.DataDir = dir
	}
}

// listener is a TCP port that the agent will bind.
type listener struct {
	portKey, addressKey string
	host                string
	port                int
}

// settleListeners finds two listeners on one address and port. All use TCP.
func (d *draft) settleListeners() {
	listeners := []listener{
		{"ports.serf_lan", "bind_addr", d.BindAddr.String(), d.Ports.SerfLAN},
		{"ports.http", "addresses.http", "", d.Ports.HTTP},
		{"ports.dns", "addresses.dns", "", d.Ports.DNS},
		{"ports.https", "addresses.https", "", d.Ports.HTTPS},
		{"ports.agent_check", "addresses.agent_check", "", d.Ports.AgentCheck},
	}
	listeners[4].host, _, _ = net.SplitHostPort(d.AgentCheckAddr())
	listeners[3].host, _, _ = net.SplitHostPort(d.HTTPSAddr())
	listeners[1].host, _, _ = net.SplitHostPort(d.HTTPAddr()) // of a socket there is none
	listeners[2].host, _, _ = net.SplitHostPort(d.DNSAddr())
	if strings.HasPrefix(d.Addresses.HTTP, unixScheme) {
		listeners[1].port = 0
	}
	for i, b := range listeners {
		for _, a := range listeners[:i] {
			if a.port == b.port && a.port > 0 && overlap(a.host, b.host) {
				d.fault(b.portKey, "is %d, as is %s, and both listen on %s: choose another port or address (%s)",
					b.port, d.at(a.portKey), net.JoinHostPort(b.host, strconv.Itoa(b.port)), b.addressKey)
			}
		}
	}
}

// overlap reports whether listening on one host takes a port from the other. [::] takes
// IPv4's ports as well.
func overlap(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	if errX != nil || errY != nil {
		return false
	}
	covers := func(x, y netip.Addr) bool { return x.IsUnspecified() && (x.Is6() || y.Is4()) }
	return x == y || covers(x, y) || covers(y, x)
}

// settleRecursors finds recursors that are this agent.
func (d *draft) settleRecursors() {
	host, _, _ := net.SplitHostPort(d.DNSAddr())
	for _, r := range d.DNS.Recursors {
		if int(r.Port()) == d.Ports.DNS && overlap(host, r.Addr().Unmap().String()) && (r.Addr().IsLoopback() || host == r.Addr().Unmap().String()) {
			d.fault("recursors", "%s is where this agent itself answers DNS: name a server that resolves other names, or remove it", r)
		}
	}
}

// findDuplicates finds two services, or two checks, of one ID.
func (d *draft) findDuplicates() {
	seen := map[placed]string{}
	for _, p := range d.placed {
		key := placed{kind: p.kind, id: p.id}
		other, dup := seen[key]
		seen[key] = p.path
		if dup && p.id != "" {
			d.faults.Field(p.path, "has the %s ID %q, as has %s: give one of them another id", p.kind, p.id, other)
		}
	}
}
