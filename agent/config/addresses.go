// Names and addresses as keys give them.

package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"covey/catalog"
	"covey/catalog/definition/strict"
	"covey/dnsserver/recursor"
)

const (
	unixScheme = "unix://"
	maxSocket  = 103 // bytes of a socket's path: what every system takes
	maxPort    = 65535
)

func hostName(into *string, v strict.Value) {
	if v.Text(into) {
		v.Check(catalog.CheckHostName(*into))
		*into = strings.TrimSuffix(*into, ".")
	}
}

func domain(into *string, v strict.Value) {
	if v.Text(into) {
		v.Check(catalog.CheckHostName(*into))
		*into = strings.ToLower(strings.Trim(*into, "."))
	}
}

// addressOf reads an IP of one version that clients can be told.
func addressOf(into *netip.Addr, version string, is func(netip.Addr) bool, v strict.Value) {
	if address(into, v); !into.IsValid() {
		return
	}
	if v.Check(catalog.CheckAddress(into.String())); !is(*into) {
		v.Fault("%s is no %s address", into, version)
	}
}

// listenHost reads the host of a listener for clients.
func listenHost(into *string, v strict.Value) {
	var host string
	if v.Text(&host) {
		v.Check(checkListenHost(host))
		*into = host
	}
}

func checkListenHost(host string) error {
	if strings.ContainsAny(host, " {") {
		return fmt.Errorf("%q: several addresses and address templates are not there: write one IP", host)
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	return catalog.CheckAddress(host)
}

// listenAddress reads a host, host:port, :port or, for HTTP, unix:///path.
func (d *draft) listenAddress(host *string, port *int, portKey string, v strict.Value) {
	var text string
	if !v.Text(&text) {
		return
	}
	if file, ok := strings.CutPrefix(text, unixScheme); ok {
		v.Check(checkSocket(file, portKey))
		*host = text
		return
	}
	name, number, err := net.SplitHostPort(text)
	if err != nil { // no port: also of a bare IPv6 address
		v.Check(checkListenHost(text))
		*host = text
		return
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		v.Fault("port %q is not in 0..%d", number, maxPort)
		return
	}
	if name != "" { // ":8500" is a port only
		v.Check(checkListenHost(name))
		*host = name
	}
	d.setPort(port, int(n), portKey, v)
	d.given[portKey] = place{path: v.Path(), source: d.source}
}

func checkSocket(file, portKey string) error {
	switch {
	case portKey != "ports.http":
		return errors.New("a unix socket is for the HTTP API only")
	case !path.IsAbs(file):
		return errors.New("the path of a unix socket must be absolute: unix:///run/covey.sock")
	}
	return catalog.CheckText(file, maxSocket)
}

func (d *draft) port(into *int, key string, v strict.Value) {
	n := -1
	if v.Int(&n, 0, maxPort); n >= 0 {
		d.setPort(into, n, key, v)
	}
}

// portOrOff reads a port, or -1.
func (d *draft) portOrOff(into *int, key string, v strict.Value) {
	n := -2
	if v.Int(&n, -1, maxPort); n >= -1 {
		d.setPort(into, n, key, v)
	}
}

// setPort takes on a port, unless the same file gave another with the address.
func (d *draft) setPort(into *int, n int, key string, v strict.Value) {
	if p, ok := d.given[key]; ok && p.source == d.source && *into != n {
		v.Fault("port %d contradicts %s, which says %d: keep one of them", n, p.path, *into)
		return
	}
	*into = n
}

// peers appends agents to join: an IP or a host name, and a port or not.
func peers(into *[]string, v strict.Value) {
	var list []string
	v.Texts(&list)
	for _, peer := range list {
		v.Check(checkPeer(peer))
	}
	*into = append(*into, list...)
}

func hosts(into *[]string, v strict.Value) {
	var list []string
	v.Texts(&list)
	for _, host := range list {
		v.Check(catalog.CheckHostName(host))
	}
	*into = append(*into, list...)
}

func checkPeer(peer string) error {
	if strings.Contains(peer, "provider=") {
		return fmt.Errorf("%q: cloud providers are not asked: write addresses, or a DNS name that has several", peer)
	}
	host, port, err := net.SplitHostPort(peer)
	if err != nil {
		return catalog.CheckAddress(strings.Trim(peer, "[]"))
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q: port %q is not in 1..%d", peer, port, maxPort)
	}
	return catalog.CheckAddress(host)
}

// networks appends address ranges, or single addresses.
func networks(into *[]netip.Prefix, v strict.Value) {
	var list []string
	v.Texts(&list)
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if ip, ierr := netip.ParseAddr(text); ierr == nil && ip.Zone() == "" {
			p, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		if err != nil {
			v.Fault("%q is no network: write an address and how many of its bits count, such as 10.0.0.0/8", text)
			continue
		}
		*into = append(*into, p.Masked())
	}
}

// recursors appends name servers: an IP, and a port unless that is 53.
func recursors(into *[]netip.AddrPort, v strict.Value) {
	var list []string
	v.Texts(&list)
	for _, text := range list {
		server, err := readRecursor(text)
		if v.Check(err); err == nil && !slices.Contains(*into, server) {
			*into = append(*into, server)
		}
	}
	if len(*into) > recursor.MaxServers {
		v.Fault("%d recursors are given, at most %d are asked", len(*into), recursor.MaxServers)
	}
}

func readRecursor(text string) (netip.AddrPort, error) {
	const domain = 53
	server, err := netip.ParseAddrPort(text)
	if err != nil {
		var ip netip.Addr
		if ip, err = netip.ParseAddr(strings.Trim(text, "[]")); err != nil {
			return server, fmt.Errorf("%q is no recursor: write an IP, with a port unless that is %d, such as 192.0.2.1 or [2001:db8::1]:5353", text, domain)
		}
		server = netip.AddrPortFrom(ip, domain)
	}
	return server, recursor.CheckServer(server)
}

// ttl reads a DNS time to live (RFC 2181 section 8: 31 bits of seconds).
func ttl(into *time.Duration, v strict.Value) {
	var d time.Duration
	switch {
	case !v.Duration(&d):
	case d < 0 || d > (1<<31-1)*time.Second:
		v.Fault("%v is no time to live: it must be 0 to 68 years", d)
	case d%time.Second != 0:
		v.Fault("%v is not in whole seconds, as DNS counts; give the unit, such as \"10s\"", d)
	default:
		*into = d
	}
}

// soaTable reads the members of dns_config.soa: durations, or Consul's whole seconds.
var soaTable = strict.NewTable(
	strict.Key[SOA]{Name: "refresh", Read: func(s *SOA, v strict.Value) { secondsOrTTL(&s.Refresh, v) }},
	strict.Key[SOA]{Name: "retry", Read: func(s *SOA, v strict.Value) { secondsOrTTL(&s.Retry, v) }},
	strict.Key[SOA]{Name: "expire", Read: func(s *SOA, v strict.Value) { secondsOrTTL(&s.Expire, v) }},
	strict.Key[SOA]{Name: "min_ttl", Read: func(s *SOA, v strict.Value) { secondsOrTTL(&s.MinTTL, v) }},
)

// secondsOrTTL reads a TTL that Consul writes as a bare number of seconds.
func secondsOrTTL(into *time.Duration, v strict.Value) {
	if n, err := strconv.ParseInt(string(v.JSON()), 10, 32); err == nil && n >= 0 {
		*into = time.Duration(n) * time.Second
		return
	}
	ttl(into, v)
}

func serviceTTL(into *map[string]time.Duration, v strict.Value) {
	for name, member := range v.Members() {
		checkPattern(name, member)
		if *into == nil {
			*into = map[string]time.Duration{}
		}
		var d time.Duration
		ttl(&d, member)
		(*into)[strings.ToLower(name)] = d
	}
}

func decodeKey(text string) (Secret, error) {
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("is not base64")
	}
	switch len(key) {
	case 16, 24, 32:
		return key, nil
	}
	return nil, fmt.Errorf("holds %d bytes, must hold 16, 24 or 32", len(key))
}
