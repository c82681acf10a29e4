package dnsserver

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/miekg/dns"

	"covey/catalog"
	"covey/lb"
)

// DNS-based service discovery (RFC 6763): who knows only the domain is led to the
// services there, from each to its instances, and from an instance to where it is. The
// names that an answer leads to end as the name that was asked does, so that a client to
// which only service.DOMAIN is sent here stays within it.

// after is a name without its first labels.
func after(name string, labels int) string {
	return name[dns.Split(name)[labels]:]
}

// browseDomain answers that the domain itself is the one to browse.
func (in *inquiry) browseDomain() answer {
	return in.pointTo([]string{after(in.qname, 3)}, in.ttls.node)
}

// directory answers with the types of the services that have somebody to answer. Their
// protocol is not known; _tcp is what RFC 6763 section 7 has for that.
func (in *inquiry) directory() answer {
	var targets []string
	end := "." + tcpLabel + "." + after(in.qname, 3)
	ttl := uint32(maxTTL)
	for s := range in.view.Services() {
		target := "_" + s.Name + end
		q := lb.Query{Service: s.Name, OnlyPassing: in.onlyPassing}
		if !isName(target) || !lb.AnyEligible(in.view, q) && len(in.lastKnown(q)) == 0 {
			continue
		}
		targets = append(targets, target)
		ttl = min(ttl, in.ttls.service(s.Name))
		if !in.explain && len(targets) > in.room {
			break
		}
	}
	return in.pointTo(targets, ttl)
}

// pointTo answers with pointers, NODATA where others are asked for.
func (in *inquiry) pointTo(targets []string, ttl uint32) answer {
	if in.qtype != dns.TypePTR && in.qtype != dns.TypeANY {
		return in.nodata()
	}
	rrs := make([]dns.RR, len(targets))
	for i, target := range targets {
		rrs[i] = &dns.PTR{Hdr: header(in.qname, dns.TypePTR, ttl), Ptr: target}
	}
	return in.records(rrs...)
}

// browse answers for a service's type with its instances.
func (in *inquiry) browse(chosen []lb.Choice) answer {
	var a answer
	parent := in.qname
	if in.about.kind == subtype {
		parent = after(in.qname, 2)
	}
	var members []member
	for _, c := range in.reachable(chosen, &a) {
		if !isName(instanceName(c.Endpoint, parent)) {
			in.leaveOut(&a, c.Endpoint, "the name it would have is longer than names may be")
			continue
		}
		members = append(members, member{Choice: c.Choice, site: c.site})
	}
	members = in.cut(in.scaled(members))
	ttl := in.ttls.service(in.about.name)
	for i := range members {
		m := &members[i]
		name := instanceName(m.Endpoint, parent)
		e := entry{rr: &dns.PTR{Hdr: header(in.qname, dns.TypePTR, ttl), Ptr: name}, member: m}
		srv := in.srvOf(name, m, ttl)
		e.glue = append(e.glue, srv.rr, attributes(name, m.Endpoint, ttl)) // section 12.1
		e.glue = append(e.glue, srv.glue...)
		a.entries = append(a.entries, e)
	}
	return in.orNodata(a)
}

// subtype answers for the instances of a type that have a tag.
func (in *inquiry) subtype() answer {
	if in.about.label != "" {
		in.tags = append(slices.Clip(in.tags), in.about.label)
	}
	chosen, leftOut := in.choose()
	a := answer{}
	switch {
	case len(chosen) == 0:
		a = in.nxdomain()
	case in.about.label == "" || in.qtype != dns.TypePTR && in.qtype != dns.TypeANY:
		a = in.nodata()
	default:
		in.order(chosen)
		a = in.browse(chosen)
	}
	a.leftOut = append(leftOut, a.leftOut...)
	return a
}

// instance answers for one instance by its name.
func (in *inquiry) instance() answer {
	chosen, leftOut := in.choose()
	a := in.nxdomain()
	for _, o := range leftOut {
		if in.isAsked(o.Endpoint) {
			a.leftOut = append(a.leftOut, o)
		}
	}
	i := slices.IndexFunc(chosen, func(c lb.Choice) bool { return in.isAsked(c.Endpoint) })
	if i < 0 {
		return a
	}
	ttl := in.ttls.service(in.about.name)
	found := in.reachable(chosen[i:i+1], &a)
	if len(found) == 0 {
		return a
	}
	c := found[0]
	m := &in.scaled([]member{{Choice: c.Choice, site: c.site}})[0]
	switch in.qtype {
	case dns.TypeSRV, dns.TypeANY:
		return answer{entries: []entry{in.srvOf(in.qname, m, ttl)}}
	case dns.TypeTXT:
		return answer{entries: []entry{{rr: attributes(in.qname, c.Endpoint, ttl), member: m}}}
	}
	return in.nodata()
}

func (in *inquiry) isAsked(e *catalog.Endpoint) bool {
	return strings.EqualFold(instanceLabel(e), in.about.label)
}

// instanceName is the name of an instance of the type that parent is the name of.
func instanceName(e *catalog.Endpoint, parent string) string {
	return escapeLabel(instanceLabel(e)) + "." + parent
}

// maxLabel is how long a label may be in bytes.
const maxLabel = 63

// instanceLabel is what an instance is called among those of its service: ID@NODE. What
// is too long is cut, and a hash of the whole takes the place of the rest.
func instanceLabel(e *catalog.Endpoint) string {
	label := e.ID() + "@" + e.Host.Name
	if len(label) <= maxLabel {
		return label
	}
	h := fnv.New32a()
	h.Write([]byte(strings.ToLower(label)))
	cut := maxLabel - len("~01234567")
	for !utf8.RuneStart(label[cut]) {
		cut--
	}
	return fmt.Sprintf("%s~%08x", label[:cut], h.Sum32())
}

// escapeLabel writes a label as the DNS library takes and gives it.
func escapeLabel(label string) string {
	var b strings.Builder
	for i := range len(label) {
		switch c := label[i]; {
		case strings.IndexByte(`.'@;()"\ `, c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// attributes is what the instance states of itself (RFC 6763 section 6): its metadata,
// as far as it can be written so. There is always such a record.
func attributes(name string, e *catalog.Endpoint, ttl uint32) dns.RR {
	rr := &dns.TXT{Hdr: header(name, dns.TypeTXT, ttl)}
	meta := e.Instance().Meta
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		if text := key + "=" + meta[key]; isAttribute(key) && len(text) <= maxString {
			rr.Txt = append(rr.Txt, escapeText(text))
		}
	}
	if len(rr.Txt) == 0 {
		rr.Txt = []string{""}
	}
	return rr
}

// isAttribute reports whether a key can stand before "=": section 6.4.
func isAttribute(key string) bool {
	for i := range len(key) {
		if c := key[i]; c < ' ' || c > '~' || c == '=' {
			return false
		}
	}
	return key != ""
}
