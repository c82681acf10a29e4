package recursor

import (
	"bytes"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"covey/internal/bubble"
)

// trio is a client of three servers that nobody asks.
func trio(t testing.TB, strategy Strategy) *Client {
	return newClient(t, Config{Strategy: strategy, Timeout: 2 * time.Second, Servers: []netip.AddrPort{
		netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("192.0.2.2:53"), netip.MustParseAddrPort("192.0.2.3:53"),
	}})
}

// turns is the order of the servers, by the last digit of their addresses.
func turns(c *Client) string {
	var b strings.Builder
	for _, s := range c.order(time.Now()) {
		b.WriteByte('0' + s.addr.Addr().As4()[3])
	}
	return b.String()
}

func TestTheFastestIsFirst(t *testing.T) {
	c := trio(t, Fastest)
	one, two, three := c.servers[0], c.servers[1], c.servers[2]
	expect := func(want, why string) {
		t.Helper()
		if got := turns(c); got != want {
			t.Errorf("the order is %s, want %s: %s", got, want, why)
		}
	}
	expect("123", "nothing is known yet")
	one.estimate.answered(one, 30*time.Millisecond)
	expect("231", "those that were never asked come before")
	two.estimate.answered(two, 10*time.Millisecond)
	three.estimate.answered(three, 20*time.Millisecond)
	expect("231", "by round trip")
	two.estimate.answered(two, 50*time.Millisecond)
	expect("231", "one slow reply is smoothed to 15 ms")
	two.estimate.failed(two, errors.New("silence"))
	expect("312", "a failure counts as a timeout")
	three.estimate.failed(three, errors.New("silence"))
	three.estimate.failed(three, errors.New("silence"))
	expect("123", "two count twice")
	two.estimate.answered(two, 12*time.Millisecond)
	expect("213", "a reply makes up for all failures")
}

func TestTheOrderIsTheStrategys(t *testing.T) {
	sequential, random := trio(t, Sequential), trio(t, Random)
	sequential.servers[0].estimate.failed(sequential.servers[0], errors.New("silence"))
	firsts := map[byte]int{}
	for range 300 {
		if got := turns(sequential); got != "123" {
			t.Fatalf("sequential is %s", got)
		}
		firsts[turns(random)[0]]++
	}
	for _, first := range "123" {
		if n := firsts[byte(first)]; n < 50 || n > 150 { // 6 standard deviations
			t.Errorf("of 300 random orders %d begin with %c", n, first)
		}
	}
}

func TestServersNotAskedForAWhileAreProbed(t *testing.T) {
	asked := make(chan string, 10)
	named := func(name string) netip.AddrPort {
		return serve(t, func(q *dns.Msg, packet []byte, tcp bool) [][]byte {
			asked <- name
			return address("192.0.2.1")(q, packet, tcp)
		})
	}
	c := newClient(t, Config{Strategy: Fastest, Servers: []netip.AddrPort{named("first"), named("second")}})
	gives(t, c, "192.0.2.1") // the second is probed, since it never was
	got := map[string]bool{<-asked: true, <-asked: true}
	if !got["first"] || !got["second"] || c.Stats().Probes != 1 {
		t.Errorf("asked were %v, counted %+v", got, c.Stats())
	}
	await(t, func() bool { return c.servers[1].estimate.score() > 0 }) // what nobody waited for was measured
	gives(t, c, "192.0.2.1")
	if c.Stats().Probes != 1 {
		t.Errorf("it was probed again at once: %+v", c.Stats())
	}
	if e := &c.servers[1].estimate; e.due(time.Now()) || !e.due(time.Now().Add(probeInterval)) {
		t.Error("it is not due after the interval, or before")
	}
}

func TestASilentServerIsLoggedOnceAndItsReturn(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := &server{addr: netip.MustParseAddrPort("192.0.2.1:53"), log: slog.New(slog.NewTextHandler(&log, nil))}
		lines := func() int { return strings.Count(log.String(), "\n") }
		fail := func(n int) {
			for range n {
				s.estimate.failed(s, errors.New("silence"))
			}
		}
		fail(failuresToTell - 1)
		s.estimate.answered(s, time.Millisecond)
		if lines() != 0 {
			t.Errorf("logged: %s", &log)
		}
		fail(100)
		if lines() != 1 || !strings.Contains(log.String(), "192.0.2.1:53") {
			t.Errorf("logged: %s", &log)
		}
		s.estimate.answered(s, time.Millisecond)
		if lines() != 2 {
			t.Errorf("logged: %s", &log)
		}
		fail(100) // within the minute
		s.estimate.answered(s, time.Millisecond)
		if lines() != 2 {
			t.Errorf("logged: %s", &log)
		}
		time.Sleep(tellInterval) // virtual
		fail(100)
		if lines() != 3 {
			t.Errorf("logged: %s", &log)
		}
	})
}
