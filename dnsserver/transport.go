package dnsserver

import (
	"hash/fnv"
	"net"
	"net/netip"

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
	Stream bool       // TCP: an answer may be as long as a message can be
	Local  bool       // from loopback, where packets do not fragment on the way
	Client netip.Addr // who asks; not valid if that is not known
}

// transportOf is how a question from a client's address came.
func transportOf(client net.Addr, stream bool) Transport {
	switch client := client.(type) {
	case *net.UDPAddr:
		return from(client.AddrPort().Addr(), stream)
	case *net.TCPAddr:
		return from(client.AddrPort().Addr(), stream)
	}
	return Transport{Stream: stream}
}

func from(client netip.Addr, stream bool) Transport {
	client = client.Unmap().WithZone("")
	return Transport{Stream: stream, Local: client.IsLoopback(), Client: client}
}

// client identifies who asks, for what must be the same each time he does. Where that is
// this host itself, its node's name stands for it: every host is 127.0.0.1 to itself, and
// all of them would share one choice.
func (r *Resolver) client(t Transport) uint64 {
	h := fnv.New64a()
	if t.Client.IsValid() && !t.Client.IsLoopback() {
		b := t.Client.As16()
		h.Write(b[:])
	} else {
		h.Write([]byte(r.nodeName))
	}
	return h.Sum64()
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
