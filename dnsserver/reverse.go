package dnsserver

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"covey/catalog"
)

// The zones of names that stand for addresses: RFC 1035 section 3.5, RFC 3596 section 2.5.
const (
	reverse4 = "in-addr.arpa."
	reverse6 = "ip6.arpa."
)

// readReverse reads a whole name of one of these zones.
func readReverse(qname string) (ip netip.Addr, ok bool) {
	labels := dns.SplitDomainName(qname)
	switch {
	case dns.IsSubDomain(reverse4, qname) && len(labels) == 4+2:
		var raw [4]byte
		for i := range raw {
			n, err := strconv.ParseUint(labels[i], 10, 8)
			if err != nil || len(labels[i]) > 1 && labels[i][0] == '0' {
				return ip, false
			}
			raw[3-i] = byte(n)
		}
		return netip.AddrFrom4(raw), true
	case dns.IsSubDomain(reverse6, qname) && len(labels) == 32+2:
		var raw [16]byte
		for i := range 32 {
			n, err := strconv.ParseUint(labels[i], 16, 4)
			if err != nil || len(labels[i]) != 1 {
				return ip, false
			}
			raw[15-i/2] |= byte(n) << (4 * (i % 2))
		}
		return netip.AddrFrom16(raw), true
	}
	return ip, false
}

// pointers answers for the name of an address: with the nodes that have it, else with the
// services that have an instance there. Of others it knows nothing, as if the name were
// outside, which it is: those zones are whole only elsewhere.
func (in *inquiry) pointers() answer {
	var targets []string
	ttl := in.ttls.node
	for _, name := range in.nodeIndex().at[in.about.ip] {
		targets = append(targets, nodeName(name, in.zone.datacenter, in.about.domain))
	}
	if len(targets) == 0 {
		ttl = maxTTL
		for _, name := range in.servicesAt.names(in.view, in.about.ip) {
			targets = append(targets, strings.Join([]string{name, serviceLabel, in.about.domain}, "."))
			ttl = min(ttl, in.ttls.service(name)) // they are one set: RFC 2181 section 5.2
		}
	}
	targets = slices.DeleteFunc(targets, func(t string) bool { return !isName(t) })
	if len(targets) == 0 {
		return answer{rcode: dns.RcodeRefused, foreign: true}
	}
	if in.qtype != dns.TypePTR && in.qtype != dns.TypeANY {
		return answer{} // NODATA; no SOA record of ours stands above the name
	}
	var a answer
	for _, t := range targets {
		e := entry{rr: &dns.PTR{Hdr: header(in.qname, dns.TypePTR, ttl), Ptr: t}}
		if to := in.zone.parse(t); to.kind == node {
			e.host = in.view.Host(to.name)
		}
		a.entries = append(a.entries, e)
	}
	return a
}

// servicesAt knows which services have an instance at an address of its own. It is safe to
// use at once.
//
// It is brought up to date by the questions that need it, for the services that changed
// only, so that asking for addresses nobody has costs little.
type servicesAt struct {
	mu    sync.Mutex // guards what follows
	index uint64     // of the view it was last brought to
	round uint64
	known map[string]*placedService // by lower-case name
	at    map[netip.Addr]map[string]struct{}
}

// placedService is what one service was at one index.
type placedService struct {
	index uint64 // at which it last changed
	round uint64 // in which it was last seen
	ips   []netip.Addr
}

// names is the services with an instance at ip on a living host, sorted.
func (s *servicesAt) names(v *catalog.View, ip netip.Addr) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.Index() > s.index { // an older view is as good as the present state
		s.update(v)
	}
	return slices.Sorted(maps.Keys(s.at[ip]))
}

func (s *servicesAt) update(v *catalog.View) {
	if s.known == nil {
		s.known, s.at = map[string]*placedService{}, map[netip.Addr]map[string]struct{}{}
	}
	s.index = v.Index()
	s.round++
	for service := range v.Services() {
		name := strings.ToLower(service.Name)
		p := s.known[name]
		if p == nil {
			p = &placedService{}
			s.known[name] = p
		}
		p.round = s.round
		if p.index == service.ModifyIndex {
			continue
		}
		s.remove(name, p)
		p.index, p.ips = service.ModifyIndex, ownAddresses(service)
		for _, ip := range p.ips {
			if s.at[ip] == nil {
				s.at[ip] = map[string]struct{}{}
			}
			s.at[ip][name] = struct{}{}
		}
	}
	for name, p := range s.known {
		if p.round != s.round {
			s.remove(name, p)
			delete(s.known, name)
		}
	}
}

func (s *servicesAt) remove(name string, p *placedService) {
	for _, ip := range p.ips {
		if delete(s.at[ip], name); len(s.at[ip]) == 0 {
			delete(s.at, ip)
		}
	}
}

// ownAddresses is where the instances are that are not where their nodes are.
func ownAddresses(s *catalog.Service) []netip.Addr {
	var ips []netip.Addr
	for _, e := range s.Endpoints {
		if e.Address() == "" {
			continue
		}
		at := siteOf(e)
		ips = append(ips, at.ips()...)
	}
	return ips
}
