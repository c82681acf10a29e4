package dnsserver

import (
	"encoding/binary"
	"hash/maphash"
	"math/rand/v2"
	"sync/atomic"

	"github.com/miekg/dns"

	"covey/lb"
)

// fastPath answers the questions that make up nearly all of the load (A, AAAA and SRV
// of a service, over UDP) from prepared answers: no lock, no allocation, no log. What
// it does not know it leaves to the full path, which is the reference: it prepares the
// answers, and a test holds the two to the same.
//
// Prepared answers lie in a table of fixed size, found by a hash of the question. A
// question that is not there is prepared if it is about a service; it may push out
// another one, which will be prepared again when it is asked.
type fastPath struct {
	*Resolver
	seed    maphash.Seed
	table   [tableSize]atomic.Pointer[prepared]
	scribes atomic.Int32
}

const (
	tableSize = 1 << 14
	tableWays = 4 // places that a question may be in
)

func newFastPath(r *Resolver) *fastPath { return &fastPath{Resolver: r, seed: maphash.MakeSeed()} }

// scribe is one goroutine's use of the fast path. It is not safe for concurrent use.
type scribe struct {
	*fastPath
	number int // among the scribes of this path, from 0
	draw   *lb.Draw
	target [maxPrepared]uint16 // where in the message the names are that own the glue
	met    [maxPrepared]bool   // which glue it has
	name   [maxWireName]byte
	counts tally
}

// maxWireName is how long a name may be in a packet (RFC 1035 section 3.1).
const maxWireName = 255

func (f *fastPath) scribe() *scribe {
	return &scribe{fastPath: f, number: int(f.scribes.Add(1)) - 1, draw: lb.NewDraw(rand.Uint64())}
}

// tally counts what a scribe answered until it is added to the counters that all share.
type tally struct {
	replies uint64
	types   [len(countedTypes)]uint64
}

func (t *tally) addTo(c *counts) {
	if t.replies == 0 {
		return
	}
	c.udp.Add(t.replies)
	c.fast.Add(t.replies)
	success := position(countedRcodes[:], dns.RcodeSuccess)
	for i, n := range t.types {
		if n > 0 {
			c.answers[i][success].Add(n)
		}
	}
	*t = tally{}
}

// plainQuestion is what the fast path reads of a packet.
type plainQuestion struct {
	end   int // of the question section
	qtype uint16
	edns  bool
	do    bool // DNSSEC OK, which is echoed
	size  int  // that the client can take, as it says
}

// answer appends the reply to a packet to buf, which must be empty and of some room. It
// is not ok if the full path must answer.
func (s *scribe) answer(packet []byte, t Transport, buf []byte) (reply []byte, ok bool) {
	q, ok := s.read(packet)
	if !ok {
		return nil, false
	}
	wire := s.name[:q.end-4-headerSize]
	p := s.find(wire, q.qtype)
	if p == nil || p.useless || p.own && !t.Local {
		return nil, false
	}
	size := p.size
	limit := minSize
	if q.edns {
		size += emptyOPTSize
		limit = max(q.size, minSize)
		if !t.Local {
			limit = min(limit, s.maxUDPSize)
		}
	} else if s.udpAnswerLimit > 0 && p.limit > s.udpAnswerLimit {
		return nil, false
	}
	if size > limit {
		return nil, false
	}
	m := append(buf, packet[:q.end]...)
	m[2] = bitQR | bitAA | packet[2]&bitRD
	m[3] = packet[3]&bitCD | s.recursion
	additional := 0
	if p.limit == 1 && p.glue == 0 {
		m = append(m, p.records[s.draw.One(p.first)].answer...)
	} else {
		m, additional = s.write(m, p, s.order(p))
	}
	if q.edns {
		m = appendOPT(m, q.do)
		additional++
	}
	binary.BigEndian.PutUint16(m[6:], uint16(p.limit))
	binary.BigEndian.PutUint16(m[10:], uint16(additional))
	s.counts.replies++
	s.counts.types[position(countedTypes[:], q.qtype)]++
	return m, true
}

// reply answers a packet in buf, by whichever path; it is empty for silence, and if it
// has to come later, as RespondAtOnce says.
func (s *scribe) reply(packet []byte, t Transport, buf []byte) (reply []byte, later bool) {
	defer func() {
		if recover() != nil {
			// Whatever it is, the full path is slower but careful.
			s.Resolver.counts.panics.Add(1)
			reply, later = s.RespondAtOnce(packet, t, buf[:0])
		}
	}()
	if reply, ok := s.answer(packet, t, buf); ok {
		return reply, false
	}
	return s.RespondAtOnce(packet, t, buf[:cap(buf)])
}

// emptyOPTSize is the size of an OPT record without options.
const emptyOPTSize = 11

func appendOPT(m []byte, do bool) []byte {
	flags := byte(0)
	if do {
		flags = 0x80
	}
	return append(m, 0, 0, byte(dns.TypeOPT), byte(advertisedSize>>8), byte(advertisedSize&0xff), 0, 0, flags, 0, 0, 0)
}

// read takes a packet apart and leaves its name, in lower case, in s.name. It is not ok
// for anything out of the ordinary.
func (s *scribe) read(b []byte) (q plainQuestion, ok bool) {
	const plain = bitQR | maskOpcode | bitTC
	if len(b) < headerSize+1+4 || b[2]&plain != 0 ||
		b[4] != 0 || b[5] != 1 || // one question
		b[6]|b[7]|b[8]|b[9]|b[10] != 0 || b[11] > 1 { // nothing else but an OPT record
		return q, false
	}
	at := headerSize
	for {
		n := int(b[at])
		next := at + 1 + n
		if n > 63 || next-headerSize > maxWireName-1 || next >= len(b) {
			return q, false
		}
		s.name[at-headerSize] = b[at]
		if n == 0 {
			break
		}
		for i := at + 1; i < next; i++ {
			s.name[i-headerSize] = lower[b[i]]
		}
		at = next
	}
	q.end = at + 5
	if q.end > len(b) || b[at+3] != 0 || b[at+4] != byte(dns.ClassINET) || b[at+1] != 0 {
		return q, false
	}
	switch q.qtype = uint16(b[at+2]); q.qtype {
	case dns.TypeA, dns.TypeAAAA, dns.TypeSRV:
	default:
		return q, false
	}
	if b[11] == 0 {
		return q, q.end == len(b)
	}
	return q, q.readOPT(b[q.end:])
}

// readOPT reads the additional section, which must be an OPT record without options
// that would change the answer.
func (q *plainQuestion) readOPT(b []byte) bool {
	if len(b) < emptyOPTSize || b[0] != 0 || b[1] != 0 || b[2] != byte(dns.TypeOPT) || b[6] != 0 {
		return false // among others: a version that is not 0
	}
	if b[5] != 0 { // the upper bits of an rcode, which no question has
		return false
	}
	q.edns, q.do = true, b[7]&0x80 != 0
	q.size = int(binary.BigEndian.Uint16(b[3:]))
	options := b[emptyOPTSize:]
	if len(options) != int(binary.BigEndian.Uint16(b[9:])) {
		return false
	}
	for len(options) > 0 {
		if len(options) < 4 || options[0] != 0 || options[1] != dns.EDNS0COOKIE && options[1] != dns.EDNS0PADDING {
			return false
		}
		n := 4 + int(binary.BigEndian.Uint16(options[2:]))
		if n > len(options) {
			return false
		}
		options = options[n:]
	}
	return true
}

// lower maps bytes to lower case (RFC 4343).
var lower = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
		if 'A' <= i && i <= 'Z' {
			t[i] += 'a' - 'A'
		}
	}
	return t
}()

// find returns the prepared answer to a question, nil if there can be none.
func (s *scribe) find(wire []byte, qtype uint16) *prepared {
	at := maphash.Bytes(s.seed, wire) + uint64(qtype)*0x9e3779b97f4a7c15
	free := at
	for way := range uint64(tableWays) {
		p := s.table[(at+way)%tableSize].Load()
		if p == nil {
			free = at + way
			break
		}
		if p.qtype != qtype || p.name != string(wire) {
			continue
		}
		select {
		case <-p.changed:
			free = at + way
		default:
			if !p.over(s.Resolver) {
				return p
			}
			free = at + way
		}
		break
	}
	return s.learn(wire, qtype, free)
}

// learn prepares the answer to a question and puts it in a place of the table.
func (s *scribe) learn(wire []byte, qtype uint16, place uint64) *prepared {
	qname, _, err := dns.UnpackDomainName(wire, 0)
	if err != nil {
		return nil
	}
	p := s.prepare(qname, qtype, wire)
	if p != nil {
		p.rolling = make([]*lb.Rolling, s.scribes.Load())
		s.table[place%tableSize].Store(p)
	}
	return p
}
