package dnsserver

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/miekg/dns"
)

// Bits of the third byte of a message: RFC 1035 section 4.1.1.
const (
	bitQR      = 1 << 7
	maskOpcode = 0xf << 3
	bitAA      = 1 << 2
	bitTC      = 1 << 1
	bitRD      = 1 << 0
)

// Bits of the fourth byte; for CD see RFC 4035 section 3.2.2.
const (
	bitRA = 1 << 7
	bitCD = 1 << 4
)

// Respond returns the reply to a packet, nil for silence. It uses buf for it if that
// is long enough. Whatever the packet holds, Respond does not panic, and the reply is
// no longer than the transport allows. It may wait for recursors.
func (r *Resolver) Respond(packet []byte, t Transport, buf []byte) []byte {
	return r.respond(packet, t, buf, nil)
}

// RespondAtOnce is Respond for those who must not wait. If later is true there is no reply
// yet, since others must be asked first: Respond has to be called where waiting does no
// harm. Nothing has been counted then.
func (r *Resolver) RespondAtOnce(packet []byte, t Transport, buf []byte) (reply []byte, later bool) {
	if r.recursors == nil {
		return r.respond(packet, t, buf, nil), false
	}
	reply = r.respond(packet, t, buf, &later)
	return reply, later
}

func (r *Resolver) respond(packet []byte, t Transport, buf []byte, late *bool) (reply []byte) {
	if len(packet) < headerSize || packet[2]&bitQR != 0 {
		r.counts.ignored.Add(1)
		return nil
	}
	var q dns.Msg
	rcode := dns.RcodeServerFailure
	defer func() {
		if fault := recover(); fault != nil {
			r.counts.panics.Add(1)
			r.faults.Error("dns: a question caused a panic; it was answered SERVFAIL",
				"panic", fmt.Sprint(fault), "stack", string(debug.Stack()))
			rcode = dns.RcodeServerFailure
			reply = echo(packet, rcode, buf)
			if late != nil {
				*late = false
			}
		}
		if late == nil || !*late {
			r.counts.answered(t, typeOf(&q), rcode, reply)
		}
	}()
	if rcode = read(&q, packet); rcode != dns.RcodeSuccess {
		return bare(packet, rcode, buf)
	}
	m := r.answer(&q, t, late)
	if late != nil && *late {
		return nil
	}
	r.trace(&q, m)
	reply, rcode = r.pack(m, &q, t, packet, buf)
	return reply
}

// read parses a packet into q; the rcode tells what is wrong with it. The opcode is
// looked at first, since the other ones have messages of other shapes.
func read(q *dns.Msg, packet []byte) (rcode int) {
	if int(packet[2]&maskOpcode)>>3 != dns.OpcodeQuery {
		return dns.RcodeNotImplemented
	}
	questions := binary.BigEndian.Uint16(packet[4:])
	if questions != 1 || !wholeQuestion(packet) || q.Unpack(packet) != nil || !wholeSections(q, packet) {
		return dns.RcodeFormatError
	}
	return dns.RcodeSuccess
}

// wholeSections reports whether all records are there that the header speaks of; the
// library lets pass a packet that ends before the first of a section.
func wholeSections(q *dns.Msg, packet []byte) bool {
	for i, section := range [...][]dns.RR{q.Answer, q.Ns, q.Extra} {
		if int(binary.BigEndian.Uint16(packet[6+2*i:])) != len(section) {
			return false
		}
	}
	return true
}

// wholeQuestion reports whether a name, a type and a class follow the header; the
// library lets pass that the latter are missing. There is no name before that one
// which a compression pointer could mean.
func wholeQuestion(packet []byte) bool {
	at := headerSize
	for at < len(packet) && packet[at] != 0 {
		if packet[at]&0xc0 != 0 {
			return false
		}
		at += 1 + int(packet[at])
	}
	return at+5 <= len(packet)
}

func typeOf(q *dns.Msg) uint16 {
	if len(q.Question) == 0 {
		return dns.TypeNone
	}
	return q.Question[0].Qtype
}

// pack writes m, or what has to stand in for it.
func (r *Resolver) pack(m, q *dns.Msg, t Transport, packet, buf []byte) (reply []byte, rcode int) {
	reply, err := m.PackBuffer(buf)
	if err != nil {
		r.faults.Error("dns: an answer could not be written; it was replaced by SERVFAIL",
			"question", q.Question[0].String(), "error", err)
		return echo(packet, dns.RcodeServerFailure, buf), dns.RcodeServerFailure
	}
	opt, _ := ednsOf(q)
	if limit := r.size(t, opt); len(reply) > limit {
		// fit measures with Msg.Len, which is known to say no less than Pack writes.
		r.faults.Error("dns: an answer came out longer than it was measured; TC was sent in its place",
			"question", q.Question[0].String(), "bytes", len(reply), "limit", limit)
		reply = echo(packet, dns.RcodeSuccess, buf)
		reply[2] |= bitTC
		return reply, dns.RcodeSuccess
	}
	return reply, m.Rcode
}

// bare is a reply of nothing but a header, for what could not be read or answered.
func bare(packet []byte, rcode int, buf []byte) []byte {
	reply := append(buf[:0], packet[:headerSize]...)
	reply[2] = bitQR | packet[2]&(maskOpcode|bitRD)
	reply[3] = byte(rcode)
	clear(reply[4:])
	return reply
}

// echo is a reply of a header, the question and, if that brought one, an OPT record: for
// what could be read but not answered. It is no longer than the packet.
func echo(packet []byte, rcode int, buf []byte) []byte {
	reply := bare(packet, rcode, buf)
	if binary.BigEndian.Uint16(packet[4:]) != 1 || !wholeQuestion(packet) {
		return reply
	}
	end := headerSize
	for packet[end] != 0 {
		end += 1 + int(packet[end])
	}
	end += 5
	reply = append(reply, packet[headerSize:end]...)
	reply[5] = 1
	if rest := packet[end:]; len(rest) >= emptyOPTSize && rest[0] == 0 && rest[1] == 0 && rest[2] == byte(dns.TypeOPT) {
		reply = appendOPT(reply, rest[7]&0x80 != 0)
		reply[11] = 1
	}
	return reply
}

// trace logs a question at debug level.
func (r *Resolver) trace(q, m *dns.Msg) {
	if m == nil || len(q.Question) != 1 || !r.log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	r.log.Debug("dns: answered", "name", q.Question[0].Name, "type", dns.TypeToString[q.Question[0].Qtype],
		"rcode", rcodeName(m.Rcode), "answers", len(m.Answer), "truncated", m.Truncated)
}
