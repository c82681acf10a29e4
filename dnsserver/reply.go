package dnsserver

import (
	"github.com/miekg/dns"
)

// newReply is the beginning of every reply: what it takes over from the question.
func newReply(q *dns.Msg) *dns.Msg {
	m := &dns.Msg{MsgHdr: dns.MsgHdr{
		Id:               q.Id,
		Response:         true,
		Opcode:           q.Opcode,
		RecursionDesired: q.RecursionDesired,
		CheckingDisabled: q.CheckingDisabled,
	}}
	m.Compress = true
	if len(q.Question) == 1 {
		m.Question = q.Question // with its case: RFC 4343, and draft-vixie-dnsext-dns0x20
	}
	return m
}

// refuse ends a reply with nothing but an rcode.
func refuse(m *dns.Msg, opt *dns.OPT, rcode int) *dns.Msg {
	m.Rcode = rcode
	if o := replyOPT(opt); o != nil {
		m.Extra = []dns.RR{o}
	}
	return m
}

// ednsOf returns the question's OPT record, nil for none. More than one, or one that
// does not stand at the root, is not ok.
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
	return opt, true
}

// replyOPT is the OPT record of a reply: there is one if the question has one.
func replyOPT(opt *dns.OPT) *dns.OPT {
	if opt == nil {
		return nil
	}
	o := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	o.SetUDPSize(advertisedSize)
	o.SetDo(opt.Do()) // RFC 3225 section 3
	return o
}
