package dnsserver

import (
	"net"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"covey/catalog"
	"covey/lb"
)

// metaALPN is the key of an instance's metadata that lists, with commas, the protocols it
// speaks over TLS: h2,h3.
const metaALPN = "alpn"

// bindings answers with the SVCB or HTTPS records (RFC 9460) of the instances that state
// their protocols, each with its port, so that https://web.service.local finds it.
//
// Clients draw among records of one priority evenly. So each has its own, by the order
// drawn: the first is tried first, as often as its weight has it.
func (in *inquiry) bindings(chosen []lb.Choice) answer {
	var a answer
	var able []located
	protocols := map[*catalog.Shape][]string{}
	for _, c := range in.reachable(chosen, &a) {
		list, met := protocols[c.Shape]
		if !met {
			list = alpn(c.Instance().Meta[metaALPN])
			protocols[c.Shape] = list
		}
		if list == nil {
			in.leaveOut(&a, c.Endpoint, "its metadata has no alpn, or one that lists no protocols")
			continue
		}
		able = append(able, c)
	}
	members := in.cut(in.scaled(merge(able)))
	ttl := in.ttls.service(in.about.name)
	for i := range members {
		m := &members[i]
		target := in.target(m.site)
		b := dns.SVCB{Hdr: header(in.qname, in.qtype, ttl), Priority: uint16(i + 1), Target: target}
		b.Value = append(b.Value, &dns.SVCBAlpn{Alpn: protocols[m.Shape]}) // by the number of their keys
		if m.port != 0 {
			b.Value = append(b.Value, &dns.SVCBPort{Port: m.port})
		}
		b.Value = append(b.Value, hints(in.addressesOf(m.site))...)
		e := entry{rr: &b, glue: in.addressesAt(target, m, ttl), member: m}
		if in.qtype == dns.TypeHTTPS {
			e.rr = &dns.HTTPS{SVCB: b}
		}
		a.entries = append(a.entries, e)
		in.explainMerged(&a, m)
	}
	return in.orNodata(a)
}

// hints is the addresses for clients that do not wait for those of the target. There is
// one of each IP version at most.
func hints(ips []netip.Addr) []dns.SVCBKeyValue {
	var v4, v6 []dns.SVCBKeyValue
	for _, ip := range ips {
		if ip.Is4() {
			v4 = append(v4, &dns.SVCBIPv4Hint{Hint: []net.IP{ip.AsSlice()}})
		} else {
			v6 = append(v6, &dns.SVCBIPv6Hint{Hint: []net.IP{ip.AsSlice()}})
		}
	}
	return append(v4, v6...)
}

// alpn reads a list of protocol names, nil if it is none (RFC 7301 section 3.1).
func alpn(text string) []string {
	var list []string
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		if name == "" || len(name) > maxString {
			return nil
		}
		list = append(list, name)
	}
	return list
}
