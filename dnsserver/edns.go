package dnsserver

import (
	"encoding/hex"

	"github.com/miekg/dns"
)

// ednsOf returns the question's OPT record, nil for none. More than one, one that does
// not stand at the root, or one whose client subnet makes no sense is not ok.
func ednsOf(q *dns.Msg) (opt *dns.OPT, ok bool) {
	for _, rr := range q.Extra {
		o, is := rr.(*dns.OPT)
		if !is {
			continue
		}
		if opt != nil || o.Hdr.Name != "." {
			return nil, false
		}
		opt = o
	}
	if opt == nil {
		return nil, true
	}
	for _, o := range opt.Option {
		if subnet, is := o.(*dns.EDNS0_SUBNET); is && !sensible(subnet) {
			return opt, false
		}
	}
	return opt, true
}

// sensible reports whether a question may have a client subnet option like this: RFC 7871
// sections 6 and 7.1.2. The library has seen to the lengths.
func sensible(s *dns.EDNS0_SUBNET) bool {
	for i, b := range s.Address.To16()[16-subnetBytes(s.Family):] {
		if kept := int(s.SourceNetmask) - 8*i; kept < 8 && b&(0xff>>max(kept, 0)) != 0 {
			return false
		}
	}
	return s.SourceScope == 0
}

// subnetBytes is how long an address of the family is (RFC 7871 section 6).
func subnetBytes(family uint16) int {
	switch family {
	case 1:
		return 4
	case 2:
		return 16
	}
	return 0
}

// replyOPT is the OPT record of a reply: there is one if the question has one.
func (r *Resolver) replyOPT(opt *dns.OPT) *dns.OPT {
	if opt == nil {
		return nil
	}
	o := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	o.SetUDPSize(advertisedSize)
	o.SetDo(opt.Do()) // RFC 3225 section 3
	var subnet, id bool
	for _, option := range opt.Option {
		switch option := option.(type) {
		case *dns.EDNS0_SUBNET:
			if !subnet {
				// Scope 0: the answer does not depend on the client's network.
				o.Option = append(o.Option, &dns.EDNS0_SUBNET{
					Code: dns.EDNS0SUBNET, Family: option.Family, SourceNetmask: option.SourceNetmask, Address: option.Address,
				})
			}
			subnet = true
		case *dns.EDNS0_NSID:
			if !id && r.serverID != "" {
				o.Option = append(o.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID, Nsid: hex.EncodeToString([]byte(r.serverID))})
			}
			id = true
		}
	}
	return o
}

// chaos answers what a server says of itself in the class CHAOS (RFC 4892), nil if it
// says nothing.
func (r *Resolver) chaos(q dns.Question) dns.RR {
	if r.serverID == "" || q.Qclass != dns.ClassCHAOS || q.Qtype != dns.TypeTXT && q.Qtype != dns.TypeANY {
		return nil
	}
	var text string
	switch dns.CanonicalName(q.Name) {
	case "id.server.", "hostname.bind.":
		text = r.serverID
	case "version.server.", "version.bind.":
		text = "covey " + r.version
	default:
		return nil
	}
	rr := &dns.TXT{Hdr: header(q.Name, dns.TypeTXT, 0), Txt: []string{escapeText(text)}}
	rr.Hdr.Class = dns.ClassCHAOS
	return rr
}
