package dnsserver

import (
	"sync/atomic"

	"github.com/miekg/dns"

	"covey/dnsserver/recursor"
)

// Stats is what was counted since the start. The labels are fixed: no client can add
// one.
type Stats struct {
	UDP, TCP  uint64            // replies by transport
	Types     map[string]uint64 // replies by the question's type: "A", ..., "other"
	Rcodes    map[string]uint64 // replies by rcode: "NOERROR", ..., "other"
	Answers   []AnswerCount     // replies by both, where there were any
	Fast      uint64            // of the replies, those from prepared records
	Truncated uint64            // replies with TC
	Ignored   uint64            // packets that deserved no reply
	Panics    uint64            // questions that caused one

	Waiting        uint64 // questions that wait for a recursor now
	WaitingRefused uint64 // answered SERVFAIL since too many were waiting
	Recursors      recursor.Stats

	RateDropped uint64 // packets without a reply since the client's network had too many
	RateSlipped uint64 // answered by TC for the same reason; in no other counter

	Conns        uint64 // TCP connections open now
	ConnsTotal   uint64 // TCP connections accepted
	ConnsEvicted uint64 // silent ones that gave way to new ones
	ConnsRefused uint64 // new ones closed at once, since all others were busy
}

// AnswerCount is how many replies of an rcode there were to questions of a type.
type AnswerCount struct {
	Type, Rcode string
	N           uint64
}

// labels of the counters by type and rcode, in the order they are kept; those that
// are in neither list count as "other".
var (
	countedTypes = [...]uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypeANY, dns.TypeTXT, dns.TypeSOA,
		dns.TypeNS, dns.TypePTR, dns.TypeCNAME, dns.TypeHTTPS, dns.TypeAXFR}
	countedRcodes = [...]int{dns.RcodeSuccess, dns.RcodeFormatError, dns.RcodeServerFailure, dns.RcodeNameError,
		dns.RcodeNotImplemented, dns.RcodeRefused, dns.RcodeBadVers}
)

const otherLabel = "other"

// counts are the counters behind Stats. They are safe to use at once.
type counts struct {
	udp, tcp, fast, truncated, ignored, panics atomic.Uint64
	answers                                    [len(countedTypes) + 1][len(countedRcodes) + 1]atomic.Uint64
}

// answered counts a reply of the rcode, to a question of the type.
func (c *counts) answered(t Transport, qtype uint16, rcode int, reply []byte) {
	if t.Stream {
		c.tcp.Add(1)
	} else {
		c.udp.Add(1)
	}
	if reply[2]&bitTC != 0 {
		c.truncated.Add(1)
	}
	c.answers[position(countedTypes[:], qtype)][position(countedRcodes[:], rcode)].Add(1)
}

func position[T comparable](labels []T, x T) int {
	for i, label := range labels {
		if label == x {
			return i
		}
	}
	return len(labels)
}

// Stats returns the counters as they are now, those of connections excepted.
func (r *Resolver) Stats() Stats {
	c := &r.counts
	s := Stats{
		UDP:       c.udp.Load(),
		TCP:       c.tcp.Load(),
		Types:     make(map[string]uint64, len(c.answers)),
		Rcodes:    make(map[string]uint64, len(c.answers[0])),
		Fast:      c.fast.Load(),
		Truncated: c.truncated.Load(),
		Ignored:   c.ignored.Load(),
		Panics:    c.panics.Load(),
	}
	for i := range c.answers {
		for j := range c.answers[i] {
			a := AnswerCount{typeLabel(i), rcodeLabel(j), c.answers[i][j].Load()}
			s.Types[a.Type] += a.N
			s.Rcodes[a.Rcode] += a.N
			if a.N > 0 {
				s.Answers = append(s.Answers, a)
			}
		}
	}
	if r.recursors != nil {
		s.Recursors = r.recursors.Stats()
	}
	return s
}

func typeLabel(i int) string {
	if i < len(countedTypes) {
		return dns.TypeToString[countedTypes[i]]
	}
	return otherLabel
}

func rcodeLabel(i int) string {
	if i < len(countedRcodes) {
		return rcodeName(countedRcodes[i])
	}
	return otherLabel
}

// rcodeName is the usual name of an rcode. The library calls 16 by its other name,
// BADSIG, which means something else than what is answered here.
func rcodeName(rcode int) string {
	if rcode == dns.RcodeBadVers {
		return "BADVERS"
	}
	return dns.RcodeToString[rcode]
}
