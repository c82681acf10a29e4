package dnsserver

import (
	"cmp"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"covey/catalog"
	"covey/internal/fault"
	"covey/lb"
)

// lookupTypes are what Lookup can be asked for.
var lookupTypes = [...]string{"SRV", "A", "AAAA", "HTTPS", "PTR", "TXT"}

// Lookup answers as DNS would over TCP and tells what stands behind each record, and
// why the other instances were left out. Each call draws a new order.
//
// name is that of a service, an IP address, or a whole name that ends in one of the
// domains, such as web1.node.local. tags must all be there; only a service may have any.
// qtype is SRV (also if empty), A, AAAA, HTTPS, PTR or TXT. A name that does not exist is no error but an Rcode; an
// error is of kind fault.Invalid.
func (r *Resolver) Lookup(name string, tags []string, qtype string) (lb.Lookup, error) {
	qtype = strings.ToUpper(cmp.Or(qtype, lookupTypes[0]))
	if !slices.Contains(lookupTypes[:], qtype) {
		return lb.Lookup{}, fault.Field("type", "%q cannot be looked up: want SRV, A, AAAA, HTTPS, PTR or TXT", qtype)
	}
	in, beyond, err := r.lookupInquiry(name, tags, dns.StringToType[qtype])
	if err != nil {
		return lb.Lookup{}, err
	}
	a := in.resolve()
	m := &dns.Msg{Question: []dns.Question{{Name: in.qname, Qtype: in.qtype, Qclass: dns.ClassINET}}}
	m.Compress = true
	m.Ns = a.authority
	n := fit(m, nil, a.entries, maxSize, maxSize, in.client)

	out := lb.Lookup{
		Name: in.qname, Tags: beyond, Type: qtype, Rcode: rcodeName(a.rcode), Stale: *in.stale,
		Answers: []lb.LookupAnswer{}, LeftOut: []lb.LookupOmission{},
	}
	if in.balanced.Known {
		out.Policy, out.Panic = in.balanced.Settings.PolicyText(), in.balanced.Panic
	}
	for i := range a.entries[:n] {
		e := &a.entries[i]
		if i == 0 {
			out.TTL = e.rr.Header().Ttl
		}
		out.Answers = append(out.Answers, describe(e))
	}
	for _, e := range a.entries[n:] {
		if e.member != nil {
			out.LeftOut = append(out.LeftOut, omission(e.member.Endpoint, "a DNS message has no room for it"))
		}
	}
	for _, o := range a.leftOut {
		out.LeftOut = append(out.LeftOut, omission(o.Endpoint, o.Reason))
	}
	return out, nil
}

// lookupInquiry reads what a person would write: a service's name, or a whole one. The
// tags that the name asked does not say are beyond it.
func (r *Resolver) lookupInquiry(name string, tags []string, qtype uint16) (in *inquiry, beyond []string, err error) {
	if catalog.CheckLabel(name) == nil {
		domain := r.zone.primary
		about := asked{kind: service, domain: domain, name: name}
		full := strings.Join([]string{name, serviceLabel, domain}, ".")
		if len(tags) == 1 && isName(tags[0]+"."+full) {
			about.tag, full = tags[0], tags[0]+"."+full
		} else {
			beyond = tags
		}
		in = r.inquire(full, qtype)
		in.about, in.tags, in.explain = about, tags, true
		return in, beyond, nil
	}
	full := dns.Fqdn(name)
	if reverse, err := dns.ReverseAddr(name); err == nil {
		full = reverse
	}
	if !isName(full) {
		return nil, nil, fault.Field("name", "%q is neither a service's name nor one that DNS knows", name)
	}
	in = r.inquire(full, qtype)
	in.explain = true
	if in.about.kind == outside {
		return nil, nil, fault.Field("name", "%q is neither a service's name nor within %s", name, strings.Join(r.zone.domains, " or "))
	}
	if len(tags) > 0 {
		if in.about.kind != service {
			return nil, nil, fault.Field("tag", "%q is no service, so it has no tags", name)
		}
		in.tags = append(in.tags, tags...)
	}
	return in, tags, nil
}

// describe tells what one record says and who stands behind it.
func describe(e *entry) lb.LookupAnswer {
	var d lb.LookupAnswer
	if e.host != nil {
		d.Node, d.Status = e.host.Name, e.host.Status().String()
	}
	if m := e.member; m != nil {
		d.ID, d.Node, d.Status, d.Tags = m.ID(), m.Host.Name, statusOf(m.Endpoint).String(), m.Tags
		d.Address, d.Port, d.Weight = m.Addr(), m.Port, m.wire
		d.Factors = m.Why
		if l := m.Endpoint.Load(); l.Reported() {
			d.Load = &lb.Load{Rate: l.PerSecond(), Utilisation: l.Used(), Queue: l.InHand(), Share: l.Part()}
		}
	}
	switch rr := e.rr.(type) {
	case *dns.SRV:
		d.Target, d.Priority = rr.Target, rr.Priority
	case *dns.CNAME:
		d.Target = rr.Target
	case *dns.A:
		d.Address = rr.A.String()
	case *dns.AAAA:
		d.Address = rr.AAAA.String()
	default:
		d.Data = strings.TrimPrefix(rr.String(), rr.Header().String())
	}
	return d
}

// statusOf is the status that an instance was answered for: if its host failed, the last
// one known.
func statusOf(e *catalog.Endpoint) catalog.Status {
	if e.Host.Liveness == catalog.Failed {
		return e.Reported()
	}
	return e.Status()
}

func omission(e *catalog.Endpoint, reason string) lb.LookupOmission {
	return lb.LookupOmission{
		ID: e.ID(), Node: e.Host.Name, Address: e.Addr(), Port: e.Port,
		Status: e.Status().String(), Reason: reason,
	}
}
