package dnsserver

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"covey/internal/bubble"
)

func newTestLimit(t testing.TB, c Config) *rateLimit {
	t.Helper()
	c.setDefaults()
	l := newRateLimit(&c, netip.IPv4Unspecified())
	if l == nil {
		t.Fatal("nothing is limited")
	}
	return l
}

func TestEachNetworkHasItsRate(t *testing.T) {
	l := newTestLimit(t, Config{ResponseRateLimit: 100})
	admitted := func(client string, from, to time.Duration) (n int) {
		for at := from; at < to; at += time.Millisecond {
			if l.admit(netip.MustParseAddr(client), int64(at)) {
				n++
			}
		}
		return n
	}
	const second = time.Second
	// Saved up for a second, then at the rate; 1000 questions a second are asked.
	if n := admitted("192.0.2.1", 0, second); n < 198 || n > 201 {
		t.Errorf("in the first second %d were answered, want 100 saved up and 100 more", n)
	}
	if n := admitted("192.0.2.200", second, 2*second); n < 99 || n > 101 {
		t.Errorf("in the next second %d were answered to the same /24, want 100", n)
	}
	if n := admitted("192.0.3.1", second, second+50*time.Millisecond); n != 50 {
		t.Errorf("to another network %d of 50 were answered", n)
	}
	if n := admitted("2001:db8::1", 0, second); n < 198 || n > 201 {
		t.Errorf("over IPv6 %d were answered", n)
	}
	if n := admitted("2001:db8:0:ff::1", second, 2*second); n < 99 || n > 101 {
		t.Errorf("in the same /56 %d were answered", n)
	}
	if n := admitted("2001:db8:0:100::1", second, second+50*time.Millisecond); n != 50 {
		t.Errorf("in another /56 %d of 50 were answered", n)
	}
}

// A flood in the name of very many networks fills the table, and no more than that.
func TestANetworkIsSparedByMostFloods(t *testing.T) {
	l := newTestLimit(t, Config{ResponseRateLimit: 10})
	const now = int64(time.Second)
	for i := range 2000 {
		for range 50 {
			l.admit(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), now)
		}
	}
	spared := 0
	for i := range 1000 {
		if l.admit(netip.AddrFrom4([4]byte{172, byte(i >> 8), byte(i), 1}), now) {
			spared++
		}
	}
	if spared < 970 { // both its places are taken with a probability of (2000/32768)^2 = 0.004
		t.Errorf("of 1000 other networks %d are answered", spared)
	}
}

// However many ask at once, none goes free.
func TestAccountsAreExactUnderLoad(t *testing.T) {
	l := newTestLimit(t, Config{ResponseRateLimit: 1000})
	client := netip.MustParseAddr("192.0.2.1")
	var admitted atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				if l.admit(client, int64(time.Second)) {
					admitted.Add(1)
				}
			}
		})
	}
	all.Wait()
	// Both rows are exact; of those who come when one is full each may find the other not.
	if n := admitted.Load(); n < 1000 || n > 1000+8 {
		t.Errorf("%d of 8000 were answered, want 1000", n)
	}
}

func TestBeyondTheLimitSomeAreTruncated(t *testing.T) {
	question := new(dns.Msg).SetQuestion("Web.service.local.", dns.TypeSRV)
	for name, c := range map[string]struct {
		packet []byte
		slips  bool
	}{
		"a question":      {pack(t, question), true},
		"with EDNS":       {pack(t, question.Copy().SetEdns0(1232, true)), true},
		"another opcode":  {pack(t, func() *dns.Msg { q := question.Copy(); q.Opcode = dns.OpcodeNotify; return q }()), false},
		"half a question": {pack(t, question)[:20], false},
	} {
		t.Run(name, func(t *testing.T) {
			l := newTestLimit(t, Config{ResponseRateLimit: 1, ResponseRateSlip: 2})
			t0 := Transport{Client: netip.MustParseAddr("192.0.2.1")}
			if _, limited := l.curb(c.packet, t0, nil); limited {
				t.Fatal("the first one was limited")
			}
			const rounds = 400
			for range rounds {
				reply, limited := l.curb(c.packet, t0, make([]byte, 512))
				if !limited {
					t.Fatal("it was not limited")
				}
				if reply == nil {
					continue
				}
				var m, q dns.Msg
				if err := m.Unpack(reply); err != nil || q.Unpack(c.packet) != nil {
					t.Fatal(err)
				}
				if !m.Truncated || !m.Response || m.Id != q.Id || m.Question[0] != q.Question[0] || len(m.Answer) > 0 ||
					(m.IsEdns0() == nil) != (q.IsEdns0() == nil) || len(reply) > len(c.packet) {
					t.Fatalf("the reply is %v", &m)
				}
			}
			var s Stats
			l.addTo(&s)
			if s.RateDropped+s.RateSlipped != rounds || c.slips != (s.RateSlipped > 0) {
				t.Errorf("counted %+v", s)
			}
			if c.slips && (s.RateSlipped < rounds/2-60 || s.RateSlipped > rounds/2+60) { // 6 standard deviations
				t.Errorf("of %d every second should be truncated, %d were", rounds, s.RateSlipped)
			}
		})
	}
}

func TestWhoIsNotLimited(t *testing.T) {
	packet := pack(t, new(dns.Msg).SetQuestion("web.service.local.", dns.TypeA))
	l := newTestLimit(t, Config{ResponseRateLimit: 1, ResponseRateExempt: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for name, c := range map[string]struct {
		via     Transport
		limited bool
	}{
		"a client":     {Transport{Client: netip.MustParseAddr("192.0.2.1")}, true},
		"over TCP":     {Transport{Client: netip.MustParseAddr("192.0.2.1"), Stream: true}, false},
		"on this host": {Transport{Client: netip.MustParseAddr("127.0.0.1"), Local: true}, false},
		"exempt":       {Transport{Client: netip.MustParseAddr("10.1.2.3")}, false},
	} {
		limited := false
		for range 10 {
			_, l := l.curb(packet, c.via, nil)
			limited = limited || l
		}
		if limited != c.limited {
			t.Errorf("%s: limited is %v", name, limited)
		}
	}
	for addr, want := range map[string]bool{"127.0.0.1": false, "::1": false, "0.0.0.0": true, "::": true, "192.0.2.1": true} {
		c := Config{ResponseRateLimit: 5}
		c.setDefaults()
		if got := newRateLimit(&c, netip.MustParseAddr(addr)) != nil; got != want {
			t.Errorf("bound to %s the limit is on: %v", addr, got)
		}
		c.ResponseRateLimit = 0
		if newRateLimit(&c, netip.MustParseAddr(addr)) != nil {
			t.Errorf("bound to %s there is a limit though it is off", addr)
		}
	}
}

func TestALimitThatIsReachedIsLoggedOnceAMinute(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := newTestLimit(t, Config{ResponseRateLimit: 1, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		packet := pack(t, new(dns.Msg).SetQuestion("web.service.local.", dns.TypeA))
		for minute := range 3 {
			for range 100 {
				l.curb(packet, Transport{Client: netip.MustParseAddr("192.0.2.77")}, nil)
			}
			if n := strings.Count(log.String(), "\n"); n != minute+1 || !strings.Contains(log.String(), "192.0.2.0/24") {
				t.Errorf("%d lines after %d minutes: %s", n, minute, &log)
			}
			time.Sleep(quietPeriod) // virtual
		}
	})
}

func TestTheLimitHoldsOnBothLoops(t *testing.T) {
	ip := ownAddress(t)
	for _, portable := range []bool{false, true} {
		w := smallWorld(t)
		w.config.PortableUDP, w.config.ResponseRateLimit, w.config.ResponseRateSlip = portable, 1, 1
		s := start(t, w, net.JoinHostPort(ip, "0"))
		addr := s.Addr().String()
		if m := dialAndAsk(t, "udp", addr, "web.service.local.", dns.TypeA, 0); m.Truncated || len(m.Answer) != 2 {
			t.Errorf("the first: %v", m)
		}
		truncated := 0
		for range 5 { // each is within a second of the one before, unless this machine stands still
			if m := dialAndAsk(t, "udp", addr, "web.service.local.", dns.TypeA, 0); m.Truncated {
				truncated++
			}
		}
		if got := s.Stats().RateSlipped; truncated == 0 || got != uint64(truncated) {
			t.Errorf("portable %v: %d were truncated, counted %d", portable, truncated, got)
		}
		if m := dialAndAsk(t, "tcp", addr, "web.service.local.", dns.TypeA, 0); len(m.Answer) != 2 {
			t.Errorf("over TCP: %v", m)
		}
	}
}

// ownAddress is an address of this host that is not loopback.
func ownAddress(t testing.TB) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && p.Addr().IsGlobalUnicast() {
			return p.Addr().String()
		}
	}
	t.Skip("this host has no address but loopback")
	return ""
}

func BenchmarkRateLimit(b *testing.B) {
	l := newTestLimit(b, Config{ResponseRateLimit: maxRate})
	packet := pack(b, new(dns.Msg).SetQuestion("web.service.local.", dns.TypeA))
	buf := make([]byte, 512)
	var clients [256]Transport
	for i := range clients {
		clients[i] = Transport{Client: netip.MustParseAddr(fmt.Sprintf("10.0.%d.1", i))}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		l.curb(packet, clients[i%len(clients)], buf)
	}
}
