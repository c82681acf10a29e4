package dnsserver

import (
	"hash/maphash"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// rateLimit bounds the replies over UDP to each network of clients, so that nobody can
// have a third party flooded by asking in its name. Of the questions beyond the limit a
// part is answered by TC alone, which is no longer than the question was: a client that is
// there turns to TCP, which cannot be forged. It is safe to use at once, without a lock.
//
// A network is a /24 of IPv4 or a /56 of IPv6. Its account is kept in one place of each of
// two rows, found by a hash: a reply is given if either has room for it. So the memory is
// bounded, one network is held to its limit exactly, and one that shares a place with a
// flood has another.
type rateLimit struct {
	each   int64 // nanoseconds that a reply takes
	slip   uint32
	exempt []netip.Prefix
	start  time.Time
	seed   maphash.Seed
	rows   [2][rateRow]atomic.Int64 // until when an account is used up: nanoseconds from start
	log    *slog.Logger
	told   atomic.Int64 // when a line was last logged; 0 for never

	dropped, slipped atomic.Uint64
}

const (
	rateRow = 1 << 15
	// rateBurst is for how long a network may have saved up.
	rateBurst = int64(time.Second)
	// Bits of a client's address that tell its network, as in other servers.
	rateBits4, rateBits6 = 24, 56
)

// newRateLimit returns nil, which limits nothing, if that is what is configured, or if
// only this host can ask.
func newRateLimit(c *Config, addr netip.Addr) *rateLimit {
	if c.ResponseRateLimit == 0 || addr.Unmap().IsLoopback() {
		return nil
	}
	return &rateLimit{
		each:   int64(time.Second) / int64(c.ResponseRateLimit),
		slip:   uint32(c.ResponseRateSlip),
		exempt: c.ResponseRateExempt,
		start:  time.Now(),
		seed:   maphash.MakeSeed(),
		log:    c.Logger,
	}
}

// curb looks at a packet before it is answered. If limited is true it is not to be;
// reply is what to send in place of the answer, nil for nothing. It uses buf for that.
func (l *rateLimit) curb(packet []byte, t Transport, buf []byte) (reply []byte, limited bool) {
	if l == nil || t.Local || t.Stream || len(packet) < headerSize || packet[2]&bitQR != 0 {
		return nil, false
	}
	now := int64(time.Since(l.start)) + 1 // 0 is never
	if l.admit(t.Client, now) || l.isExempt(t.Client) {
		return nil, false
	}
	l.tell(t.Client, now)
	if packet[2]&maskOpcode == 0 && rand.Uint32N(l.slip) == 0 {
		if reply = echo(packet, dns.RcodeSuccess, buf); len(reply) > headerSize {
			reply[2] |= bitTC
			l.slipped.Add(1)
			return reply, true
		}
	}
	l.dropped.Add(1)
	return nil, true
}

// admit charges a reply to a client's network, unless that is over its limit.
func (l *rateLimit) admit(client netip.Addr, now int64) bool {
	h := l.hash(client)
	first := l.charge(&l.rows[0][h%rateRow], now)
	second := l.charge(&l.rows[1][h>>32%rateRow], now)
	return first || second
}

// charge takes a reply from one account: the generic cell rate algorithm.
func (l *rateLimit) charge(account *atomic.Int64, now int64) bool {
	for {
		until := account.Load()
		next := max(until, now) + l.each
		if next-now > rateBurst {
			return false
		}
		if account.CompareAndSwap(until, next) {
			return true
		}
	}
}

func (l *rateLimit) hash(client netip.Addr) uint64 {
	b := client.As16()
	if client.Is4() {
		b[15] = 0
		return maphash.Bytes(l.seed, b[:])
	}
	return maphash.Bytes(l.seed, b[:rateBits6/8])
}

func (l *rateLimit) isExempt(client netip.Addr) bool {
	return slices.ContainsFunc(l.exempt, func(p netip.Prefix) bool { return p.Contains(client) })
}

// tell logs that a network is over its limit, once a minute at most.
func (l *rateLimit) tell(client netip.Addr, now int64) {
	told := l.told.Load()
	if told != 0 && now-told < int64(quietPeriod) || !l.told.CompareAndSwap(told, now) {
		return
	}
	bits := rateBits6
	if client.Is4() {
		bits = rateBits4
	}
	network, _ := client.Prefix(bits)
	l.log.Warn("dns: a network asks for more than response_rate_limit allows, or somebody does in its name; some questions are answered by TC, the others not",
		"network", network.String(), "dropped", l.dropped.Load(), "truncated", l.slipped.Load())
}

func (l *rateLimit) addTo(s *Stats) {
	if l != nil {
		s.RateDropped, s.RateSlipped = l.dropped.Load(), l.slipped.Load()
	}
}
