package dnsserver

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"covey/catalog"
	"covey/lb"
)

// service answers for a service: SRV, or the addresses of its instances, or what else
// there is at its name.
func (in *inquiry) service() answer {
	chosen, leftOut := in.choose()
	var a answer
	switch {
	case len(chosen) == 0 && in.aboveTag():
		a = in.nodata()
	case len(chosen) == 0:
		a = in.nxdomain()
	default:
		a = in.serve(chosen)
	}
	a.leftOut = append(leftOut, a.leftOut...)
	return a
}

// choose parts the instances of the service that have the tags.
func (in *inquiry) choose() (chosen []lb.Choice, leftOut []lb.Omission) {
	q := lb.Query{Service: in.about.name, Tags: in.tags, OnlyPassing: in.onlyPassing}
	in.balanced = in.balancer.Balance(in.view, lb.Ask{
		Query: q, Now: in.now(), TTL: time.Duration(in.ttls.service(q.Service)) * time.Second, Client: in.remote, Explain: in.explain,
		Records: in.qtype,
	})
	chosen, leftOut = in.balanced.Chosen, in.balanced.LeftOut
	if len(chosen) == 0 {
		chosen = in.lastKnown(q)
		leftOut = without(leftOut, chosen)
	}
	return chosen, leftOut
}

func (in *inquiry) serve(chosen []lb.Choice) answer {
	in.order(chosen)
	switch in.qtype {
	case dns.TypeSRV:
		return in.srv(chosen)
	case dns.TypeA, dns.TypeAAAA, dns.TypeANY, dns.TypeCNAME:
		return in.addresses(chosen)
	case dns.TypeHTTPS, dns.TypeSVCB:
		return in.bindings(chosen)
	case dns.TypePTR:
		if in.about.typed {
			return in.browse(chosen)
		}
	}
	return in.nodata()
}

// order puts what choose found into the order of this answer.
func (in *inquiry) order(chosen []lb.Choice) {
	in.balanced.Chosen = chosen
	in.balancer.Order(in.view, &in.balanced, in.rand)
}

// aboveTag reports whether the tag asked for is the end of a dotted one: of "v1.blue",
// blue.NAME.service leads there.
func (in *inquiry) aboveTag() bool {
	if in.about.tag == "" {
		return false
	}
	all, _ := lb.Eligible(nil, in.view, lb.Query{Service: in.about.name, OnlyPassing: in.onlyPassing})
	end := "." + strings.ToLower(in.about.tag)
	for _, c := range all {
		for _, tag := range c.Tags {
			if strings.HasSuffix(strings.ToLower(tag), end) {
				return true
			}
		}
	}
	return false
}

// srv answers with an SRV record for each place, port included.
func (in *inquiry) srv(chosen []lb.Choice) answer {
	var a answer
	members := in.cut(in.scaled(merge(in.reachable(chosen, &a))))
	ttl := in.ttls.service(in.about.name)
	for i := range members {
		m := &members[i]
		a.entries = append(a.entries, in.srvOf(in.qname, m, ttl))
		in.explainMerged(&a, m)
	}
	return in.orNodata(a)
}

// srvOf is the SRV record of one place.
func (in *inquiry) srvOf(owner string, m *member, ttl uint32) entry {
	target := in.target(m.site)
	return entry{rr: &dns.SRV{
		Hdr:      header(owner, dns.TypeSRV, ttl),
		Priority: srvPriority + m.Level,
		Weight:   m.wire,
		Port:     m.port,
		Target:   target,
	}, glue: in.addressesAt(target, m, ttl), member: m}
}

// addressesAt is the glue of a record that leads to a target, which lives as long as that.
func (in *inquiry) addressesAt(target string, m *member, ttl uint32) []dns.RR {
	if ips := in.addressesOf(m.site); len(ips) > 0 {
		return addressRRs(target, ips, dns.TypeANY, ttl)
	}
	if *in.followed++; *in.followed > maxFollowed {
		return nil
	}
	return in.glue(target)
}

// target is the name under which a site's address is found.
func (in *inquiry) target(s site) string {
	if s.host != "" {
		return dns.Fqdn(s.host)
	}
	if s.node != "" {
		// A long node name may not leave room for the rest: its address always does.
		if name := nodeName(s.node, in.zone.datacenter, in.about.domain); isName(name) {
			return name
		}
	}
	return hexName(s.ip, in.zone.datacenter, in.about.domain)
}

// addressesOf is what the name target(s) has, not counting what aliases lead to. The name
// made of an address has that one only.
func (in *inquiry) addressesOf(s site) []netip.Addr {
	if s.node == "" && s.also.IsValid() {
		return []netip.Addr{s.ip}
	}
	return s.ips()
}

// maxFollowed is how many host names are followed for the glue of one answer. Each
// may be a service with instances of its own, so their number bounds the work.
const maxFollowed = 32

// glue is what the zone knows of a host name that stands as a target.
func (in *inquiry) glue(target string) []dns.RR {
	next, ok := in.follow(target, dns.TypeANY)
	if !ok {
		next.entries = in.outside(target, dns.TypeA, dns.TypeAAAA)
	}
	var rrs []dns.RR
	for _, e := range next.entries {
		switch e.rr.(type) {
		case *dns.A, *dns.AAAA, *dns.CNAME:
			rrs = append(rrs, e.rr)
		}
	}
	return rrs
}

// addresses answers with the addresses of the family asked for, each once.
//
// An alias may not stand beside other records, so host names count only if there is
// nothing else; then one of them is drawn by weight.
func (in *inquiry) addresses(chosen []lb.Choice) answer {
	var a answer
	var aliases, numbers []located
	numbered := false // there is an IP address, of whatever family
	for _, c := range in.reachable(chosen, &a) {
		if c.host != "" {
			aliases = append(aliases, c)
			continue
		}
		numbered = true
		found := false
		for _, ip := range c.ips() {
			if wants(in.qtype, ip) {
				numbers = append(numbers, located{c.Choice, site{ip: ip}})
				found = true
			}
		}
		if !found {
			in.leaveOut(&a, c.Endpoint, "no address of the type asked for")
		}
	}
	if !numbered && len(aliases) > 0 {
		return in.alias(a, aliases)
	}
	for _, c := range aliases {
		in.leaveOut(&a, c.Endpoint, "its address is a host name, while others have IP addresses")
	}
	members := in.scaled(merge(numbers))
	members = in.cut(in.limit(members, &a))
	ttl := in.ttls.service(in.about.name)
	for i := range members {
		m := &members[i]
		a.entries = append(a.entries, entry{rr: addressRR(in.qname, m.ip, ttl), member: m})
		in.explainMerged(&a, m)
	}
	return in.orNodata(a)
}

// alias answers with a CNAME to the first of the choices, and with where it leads
// within the zone.
func (in *inquiry) alias(a answer, aliases []located) answer {
	first := in.scaled(merge(aliases[:1]))[0]
	target := in.target(first.site)
	rr := &dns.CNAME{Hdr: header(in.qname, dns.TypeCNAME, in.ttls.service(in.about.name)), Target: target}
	a.entries = []entry{{rr: rr, member: &first}}
	for _, c := range aliases[1:] {
		in.leaveOut(&a, c.Endpoint, "its address is a host name, and there is room for one alias: "+first.ID()+" was drawn")
	}
	return in.led(a, target)
}

// led is an answer that ends in a CNAME, with where that leads.
func (in *inquiry) led(a answer, target string) answer {
	if in.qtype == dns.TypeCNAME {
		return a
	}
	if next, ok := in.follow(target, in.qtype); ok {
		a.rcode, a.authority = next.rcode, next.authority // RFC 6604: those of the last name
		a.entries = append(a.entries, next.entries...)
	} else if in.qtype != dns.TypeANY {
		a.entries = append(a.entries, in.outside(target, in.qtype)...)
	}
	return a
}

// reachable finds where the choices are, and drops those that no record can be made for.
// None such is registered; one that a peer sends must not spoil the answer about others.
func (in *inquiry) reachable(chosen []lb.Choice, a *answer) []located {
	kept := make([]located, 0, len(chosen))
	for _, c := range chosen {
		if s := siteOf(c.Endpoint); s.ip.IsValid() || s.host != "" && isName(dns.Fqdn(s.host)) {
			kept = append(kept, located{c, s})
		} else {
			in.leaveOut(a, c.Endpoint, "its address is neither an IP address nor a host name")
		}
	}
	return kept
}

// mostAddresses is how many addresses an answer has at most; 0 for no limit, and which
// setting says so.
func (in *inquiry) mostAddresses() (most int, setting string) {
	if in.balanced.Settings.Policy == catalog.Single {
		return 1, "its policy single"
	}
	return in.addressLimit, "a_record_limit"
}

// limit applies mostAddresses.
func (in *inquiry) limit(members []member, a *answer) []member {
	most, setting := in.mostAddresses()
	if in.whole || most == 0 || len(members) <= most {
		return members
	}
	reason := "not the address that was drawn: " + setting + " allows one"
	if most > 1 {
		reason = fmt.Sprintf("not among the %d addresses that %s allows", most, setting)
	}
	for _, m := range members[most:] {
		for _, e := range append(m.others, m.Endpoint) {
			in.leaveOut(a, e, reason)
		}
	}
	return members[:most]
}

// cut saves rendering what fit would drop anyhow: those furthest from the client. One
// too many stays, so that fit knows of it. The order of the rest is kept.
func (in *inquiry) cut(members []member) []member {
	if in.explain || in.whole || len(members) <= in.room+1 {
		return members
	}
	ranks := make([]float64, len(members))
	for i := range members {
		ranks[i] = members[i].rank(in.client)
	}
	last := slices.Sorted(slices.Values(ranks))[in.room]
	kept := make([]member, 0, in.room+1)
	for i := range members {
		if ranks[i] <= last && len(kept) <= in.room {
			kept = append(kept, members[i])
		}
	}
	return kept
}

func (in *inquiry) orNodata(a answer) answer {
	if len(a.entries) > 0 {
		return a
	}
	no := in.nodata()
	no.leftOut = a.leftOut
	return no
}

func (in *inquiry) explainMerged(a *answer, m *member) {
	for _, e := range m.others {
		in.leaveOut(a, e, "reached in the same place as "+m.ID()+": one record for both, with the sum of their weights")
	}
}

func (in *inquiry) leaveOut(a *answer, e *catalog.Endpoint, reason string) {
	if in.explain {
		a.leftOut = append(a.leftOut, lb.Omission{Endpoint: e, Reason: reason})
	}
}
