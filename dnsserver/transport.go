package dnsserver

import (
	"github.com/miekg/dns"
)

// Bounds of a message, in bytes.
const (
	headerSize = 12
	minSize    = dns.MinMsgSize // what every client takes over UDP: RFC 1035 section 4.2.1
	maxSize    = dns.MaxMsgSize
)

// advertisedSize is the payload that we say we take over UDP. Questions are shorter.
const advertisedSize = DefaultMaxUDPSize

// Transport is how a question came.
type Transport struct {
	Stream bool // TCP: an answer may be as long as a message can be
	Local  bool // from loopback, where packets do not fragment on the way
}

// size is how long the reply may be; opt is the question's, nil for none.
func (r *Resolver) size(t Transport, opt *dns.OPT) int {
	if t.Stream {
		return maxSize
	}
	if opt == nil {
		return minSize
	}
	size := max(int(opt.UDPSize()), minSize) // RFC 6891 section 6.2.3
	if !t.Local {
		size = min(size, r.maxUDPSize)
	}
	return min(size, maxPayload)
}

// maxPayload is the most that one UDP packet holds over IPv4: 65535 less both headers.
const maxPayload = 65507

// most is how many answers the reply may have.
func (r *Resolver) most(t Transport, opt *dns.OPT) int {
	if !t.Stream && opt == nil && r.udpAnswerLimit > 0 {
		return r.udpAnswerLimit
	}
	return maxSize
}
