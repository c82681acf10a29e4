package recursor

import (
	"strings"

	"github.com/miekg/dns"
)

// maxAliases is how many aliases an answer may lead through.
const maxAliases = 16

// sift keeps of a server's reply what is about the question. The first name gets the case
// of the question back.
func sift(m *dns.Msg, q Question, ours func(string) bool) *Reply {
	r := &Reply{Rcode: m.Rcode}
	name := dns.Fqdn(q.Name)
	names := []string{name}
	for len(names) <= maxAliases {
		alias := r.keepAnswers(m.Answer, name, q.Qtype)
		if alias == "" || contains(names, alias) {
			break
		}
		if ours(alias) {
			return &Reply{Answer: r.Answer, Leads: alias}
		}
		name = alias
		names = append(names, name)
	}
	r.keepAuthority(m.Ns, name, ours)
	r.keepAdditional(m.Extra, ours)
	return r
}

// keepAnswers takes the records of a name that answer the question, or lead on to the
// alias returned.
func (r *Reply) keepAnswers(answer []dns.RR, name string, qtype uint16) (alias string) {
	for _, rr := range answer {
		h := rr.Header()
		if h.Class != dns.ClassINET {
			continue
		}
		covers := h.Rrtype
		if sig, ok := rr.(*dns.RRSIG); ok {
			covers = sig.TypeCovered
		}
		switch {
		case covers == dns.TypeDNAME && !same(h.Name, name) && dns.IsSubDomain(h.Name, name):
			r.Answer = append(r.Answer, rr) // from which the server made the alias: RFC 6672
			continue
		case !same(h.Name, name):
			continue
		case qtype == covers || qtype == h.Rrtype || qtype == dns.TypeANY:
		case covers == dns.TypeCNAME:
			if cname, ok := rr.(*dns.CNAME); ok {
				if alias != "" {
					continue // a name has one alias: RFC 2181 section 10.1
				}
				alias = cname.Target
			}
		default:
			continue
		}
		r.Answer = append(r.Answer, renamed(rr, name))
	}
	return alias
}

// renamed is the record with its owner written another way.
func renamed(rr dns.RR, name string) dns.RR {
	if rr.Header().Name != name {
		rr = dns.Copy(rr) // others may share it
		rr.Header().Name = name
	}
	return rr
}

// keepAuthority takes what the zones of the last name say of themselves: who serves them,
// for how long the answer holds that there is nothing, and the proofs of that.
func (r *Reply) keepAuthority(authority []dns.RR, name string, ours func(string) bool) {
	var zones []string
	for _, rr := range authority {
		zone := rr.Header().Name
		switch rr := rr.(type) {
		case *dns.SOA, *dns.NS:
		case *dns.RRSIG:
			zone = rr.SignerName
		default:
			continue
		}
		if dns.IsSubDomain(zone, name) && !ours(zone) {
			zones = append(zones, zone)
		}
	}
	for _, rr := range authority {
		h := rr.Header()
		switch h.Rrtype {
		case dns.TypeSOA, dns.TypeNS:
			if contains(zones, h.Name) {
				r.Authority = append(r.Authority, rr)
			}
		case dns.TypeNSEC, dns.TypeNSEC3, dns.TypeDS, dns.TypeRRSIG:
			for _, zone := range zones {
				if dns.IsSubDomain(zone, h.Name) {
					r.Authority = append(r.Authority, rr)
					break
				}
			}
		}
	}
}

// keepAdditional takes the addresses of the names that the answer points to.
func (r *Reply) keepAdditional(extra []dns.RR, ours func(string) bool) {
	var targets []string
	for _, rr := range r.Answer {
		switch rr := rr.(type) {
		case *dns.SRV:
			targets = append(targets, rr.Target)
		case *dns.MX:
			targets = append(targets, rr.Mx)
		case *dns.NS:
			targets = append(targets, rr.Ns)
		case *dns.SVCB:
			targets = append(targets, rr.Target)
		case *dns.HTTPS:
			targets = append(targets, rr.Target)
		}
	}
	for _, rr := range extra {
		switch h := rr.Header(); h.Rrtype {
		case dns.TypeA, dns.TypeAAAA:
			if h.Class == dns.ClassINET && contains(targets, h.Name) && !ours(h.Name) {
				r.Additional = append(r.Additional, rr)
			}
		}
	}
}

func same(a, b string) bool { return strings.EqualFold(a, b) }

func contains(names []string, name string) bool {
	for _, n := range names {
		if same(n, name) {
			return true
		}
	}
	return false
}
