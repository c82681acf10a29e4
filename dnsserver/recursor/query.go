package recursor

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"

	"github.com/miekg/dns"
)

// query is one question as it is sent to one server.
type query struct {
	msg dns.Msg
}

// payload is what we say we take over UDP: no path of today fragments it.
const payload = 1232

// newQuery returns a question for one server. The name goes out as it is written.
func newQuery(name string, k key) *query {
	q := &query{}
	q.msg.RecursionDesired = true
	q.msg.CheckingDisabled = k.cd
	q.msg.Question = []dns.Question{{Name: name, Qtype: k.qtype, Qclass: dns.ClassINET}}
	q.msg.SetEdns0(payload, k.do)
	return q
}

// pack is the question with an id of its own each time.
func (q *query) pack() ([]byte, error) {
	var id [2]byte
	rand.Read(id[:]) // never fails
	q.msg.Id = binary.BigEndian.Uint16(id[:])
	return q.msg.Pack()
}

// withoutEDNS drops the OPT record, for servers that do not know it.
func (q *query) withoutEDNS() *query {
	plain := &query{msg: q.msg}
	plain.msg.Extra = nil
	return plain
}

const headerSize = 12

// match is how a packet stands to a question.
type match uint8

const (
	stranger match = iota // no reply to it
	blurred               // a reply, but the letters of the name have lost their case
	exact
)

// matchOf compares a packet to the question that was sent. A server that could not read
// it may leave the question out of its error.
func matchOf(sent, reply []byte) match {
	const qr, opcode = 0x80, 0x78
	if len(reply) < headerSize || reply[0] != sent[0] || reply[1] != sent[1] || reply[2]&qr == 0 || reply[2]&opcode != 0 {
		return stranger
	}
	if reply[4] == 0 && reply[5] == 0 && reply[3]&0xf != dns.RcodeSuccess && reply[6]|reply[7] == 0 {
		return exact
	}
	end := questionEnd(sent)
	if len(reply) < end || reply[4] != 0 || reply[5] != 1 {
		return stranger
	}
	switch asked, repeated := sent[headerSize:end], reply[headerSize:end]; {
	case bytes.Equal(asked, repeated):
		return exact
	case bytes.EqualFold(asked[:len(asked)-4], repeated[:len(asked)-4]) && bytes.Equal(asked[len(asked)-4:], repeated[len(asked)-4:]):
		return blurred
	}
	return stranger
}

// questionEnd is where the question section of a packet of ours ends.
func questionEnd(packet []byte) int {
	at := headerSize
	for packet[at] != 0 {
		at += 1 + int(packet[at])
	}
	return at + 5
}

// scramble draws the case of each letter.
func scramble(name string) string {
	b := []byte(name)
	draw := make([]byte, len(b))
	rand.Read(draw)
	for i, c := range b {
		if 'a' <= c && c <= 'z' && draw[i]&1 != 0 {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

func letters(name string) (n int) {
	for _, c := range []byte(name) {
		if c |= 0x20; 'a' <= c && c <= 'z' {
			n++
		}
	}
	return n
}
