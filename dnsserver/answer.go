package dnsserver

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"covey/catalog"
	"covey/lb"
)

// answer is what the catalogue has for one question, before it is cut to size.
type answer struct {
	rcode     int
	foreign   bool    // not from the zone: no AA
	entries   []entry // the answer section, the most wanted first
	authority []dns.RR
	leftOut   []lb.Omission // only where explained
}

// entry is one record of the answer section and what comes with it.
type entry struct {
	rr     dns.RR
	glue   []dns.RR // for the additional section
	member *member  // what it stands for, nil if no instance does
	host   *catalog.Host
}

// inquiry is one question and the one view it is answered from.
type inquiry struct {
	*Resolver
	view     *catalog.View
	rand     *rand.Rand
	qname    string // as it was written
	qtype    uint16
	about    asked
	tags     []string // all must be there; DNS can say one only
	room     int      // more entries than this cannot fit
	client   uint64   // who asks, if not all can be answered
	remote   uint64   // who asks, if that is another host
	balanced lb.Balanced
	explain  bool     // fill leftOut; room does not bind
	whole    bool     // neither room nor a_record_limit binds
	trail    []string // the names that aliases led through to here
	followed *int     // how many targets were followed for glue
	sought   *int     // how many names outside were looked up for this question
	stale    *bool    // somebody is answered who may be gone
	late     *bool    // not nil if nobody may wait: set if somebody would have to
}

func (in *inquiry) nodeIndex() *nodeIndex { return in.nodesAt.of(in.view, in.nodeName) }

// resolve finds what there is about the name.
func (in *inquiry) resolve() answer {
	switch in.about.kind {
	case outside:
		return answer{rcode: dns.RcodeRefused, foreign: true}
	case apex:
		return in.apex()
	case nameserver:
		return in.nameserver()
	case service:
		return in.service()
	case subtype:
		return in.subtype()
	case instance:
		return in.instance()
	case directory:
		return in.directory()
	case browseDomain:
		return in.browseDomain()
	case node:
		return in.node()
	case address:
		return in.address()
	case reverse:
		return in.pointers()
	case empty:
		return in.nodata()
	default:
		return in.nxdomain()
	}
}

// nodata says that the name exists but not with the type asked for.
func (in *inquiry) nodata() answer { return in.negative(dns.RcodeSuccess) }

// nxdomain says that neither the name nor anything beneath it exists.
func (in *inquiry) nxdomain() answer { return in.negative(dns.RcodeNameError) }

func (in *inquiry) negative(rcode int) answer {
	d := in.about.domain
	return answer{rcode: rcode, authority: []dns.RR{in.origin.soa(d, d, in.view)}}
}

// records answers with the records, NODATA if there are none.
func (in *inquiry) records(rrs ...dns.RR) answer {
	if len(rrs) == 0 {
		return in.nodata()
	}
	a := answer{}
	for _, rr := range rrs {
		a.entries = append(a.entries, entry{rr: rr})
	}
	return a
}

// apex answers for a domain itself. ANY gets the SOA alone: RFC 8482 section 4.1.
func (in *inquiry) apex() answer {
	d := in.about.domain
	switch in.qtype {
	case dns.TypeSOA, dns.TypeANY:
		return in.records(in.origin.soa(in.qname, d, in.view))
	case dns.TypeNS:
		ns := &dns.NS{Hdr: header(in.qname, dns.TypeNS, in.ttls.node), Ns: nsName(d)}
		return answer{entries: []entry{{rr: ns, glue: in.hostAddress(ns.Ns, in.nodeName, dns.TypeANY)}}}
	}
	return in.nodata()
}

// nameserver answers for ns.DOMAIN, which is the agent's own node.
func (in *inquiry) nameserver() answer {
	return in.records(in.hostAddress(in.qname, in.nodeName, in.qtype)...)
}

func (in *inquiry) address() answer {
	if !wants(in.qtype, in.about.ip) {
		return in.nodata()
	}
	return in.records(addressRR(in.qname, in.about.ip, in.ttls.node))
}

// node answers for a node whose agent has been seen, a failed one too: its name says
// where it is, not that something works there, and is most wanted when it does not.
func (in *inquiry) node() answer {
	h := in.view.Host(in.about.name)
	if h == nil || h.Liveness == catalog.Unknown {
		if in.nodeIndex().isAbove(in.about.name) {
			return in.nodata()
		}
		return in.nxdomain()
	}
	var a answer
	target := dns.Fqdn(strings.ToLower(h.Address)) // a name is that of an external node
	switch _, err := netip.ParseAddr(h.Address); {
	case in.qtype == dns.TypeTXT:
		a = in.records(metaRRs(in.qname, h.Meta, in.ttls.node)...)
	case err != nil && isName(target) && slices.Contains([]uint16{dns.TypeA, dns.TypeAAAA, dns.TypeANY, dns.TypeCNAME}, in.qtype):
		a = in.led(in.records(&dns.CNAME{Hdr: header(in.qname, dns.TypeCNAME, in.ttls.node), Target: target}), target)
	default:
		a = in.records(in.hostAddress(in.qname, in.about.name, in.qtype)...)
	}
	for i := range a.entries {
		a.entries[i].host = h
	}
	return a
}

// hostAddress is the address records of a node under the name given, of the type.
func (in *inquiry) hostAddress(owner, name string, qtype uint16) []dns.RR {
	h := in.view.Host(name)
	if h == nil {
		return nil
	}
	return addressRRs(owner, nodeIPs(h), qtype, in.ttls.node)
}

// maxAliases is how many aliases are followed within the zone.
const maxAliases = 3

// follow resolves another name of the zone for the same question (RFC 1034 section
// 4.3.2). What lies outside, comes round again or leads too far is left to the client.
func (in *inquiry) follow(name string, qtype uint16) (answer, bool) {
	about := in.zone.parse(name)
	trail := append(slices.Clone(in.trail), in.qname)
	if about.kind == outside || len(trail) > maxAliases ||
		slices.ContainsFunc(trail, func(t string) bool { return strings.EqualFold(t, name) }) {
		return answer{}, false
	}
	next := *in
	next.qname, next.qtype, next.about, next.tags, next.trail = name, qtype, about, about.tags(), trail
	return next.resolve(), true
}

// maxSought is how many names outside the zone are looked up for one question. Each may
// take as long as a recursor does.
const maxSought = 4

// outside looks up a name that the zone does not have.
func (in *inquiry) outside(name string, qtypes ...uint16) (entries []entry) {
	if in.lookupOutside == nil || in.explain || *in.sought >= maxSought || in.zone.parse(name).kind != outside {
		return nil
	}
	if in.late != nil {
		*in.late = true
		return nil
	}
	*in.sought++
	for _, qtype := range qtypes {
		rrs, ok := in.lookupOutside(name, qtype)
		if !ok {
			*in.sought = maxSought // nobody answers; the next one would take as long
			break
		}
		for _, rr := range rrs {
			entries = append(entries, entry{rr: rr})
		}
	}
	return entries
}
