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
func (r *Resolver) refuse(m *dns.Msg, opt *dns.OPT, rcode int) *dns.Msg {
	m.Rcode = rcode
	if o := r.replyOPT(opt); o != nil {
		m.Extra = []dns.RR{o}
	}
	return m
}
