package dnsserver

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"covey/internal/fault"
)

// upstream is a recursive name server for tests. It answers A questions with one
// address, those that begin with "many." with fifty, with "held." once it is let go, with
// "alias." with an alias to what follows, with "inward." with one to a service.
type upstream struct {
	addr    netip.AddrPort
	release chan struct{} // closed to let go of what is held
	held    chan string   // names that are
}

func newUpstream(t testing.TB) *upstream {
	t.Helper()
	u := &upstream{release: make(chan struct{}), held: make(chan string, 100)}
	sockets, err := listen("127.0.0.1:0", 1)
	if err != nil {
		t.Fatal(err)
	}
	u.addr = netip.MustParseAddrPort(sockets.udp[0].LocalAddr().String())
	var running sync.WaitGroup
	for _, s := range []*dns.Server{{PacketConn: sockets.udp[0]}, {Listener: sockets.tcp}} {
		s.Handler = u
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		running.Go(func() { s.ActivateAndServe() })
		<-started
		t.Cleanup(func() { s.Shutdown() })
	}
	t.Cleanup(u.letGo)
	return u
}

func (u *upstream) letGo() {
	select {
	case <-u.release:
	default:
		close(u.release)
	}
}

func (u *upstream) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	m := new(dns.Msg).SetReply(q)
	m.RecursionAvailable = true
	name := q.Question[0].Name
	add := func(text string) {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	lower := strings.ToLower(name)
	switch start, rest, _ := strings.Cut(lower, "."); {
	case strings.HasSuffix(lower, ".nowhere."):
		m.Rcode = dns.RcodeNameError
	case strings.HasSuffix(lower, ".broken."):
		m.Rcode = dns.RcodeServerFailure
	case start == "many":
		for i := range 50 {
			add(fmt.Sprintf("%s 60 A 192.0.2.%d", name, i))
		}
		if w.LocalAddr().Network() == "udp" {
			m.Truncate(512)
		}
	case start == "alias":
		add(name + " 60 CNAME " + rest)
		add(rest + " 60 A 192.0.2.7")
	case start == "inward":
		add(name + " 60 CNAME six.service.local.")
		add("six.service.local. 60 A 203.0.113.66") // it cannot know
	case strings.HasSuffix(lower, ".arpa."):
		add(name + " 60 PTR host.example.")
	default:
		if start == "held" {
			u.held <- name
			<-u.release
		}
		if q.Question[0].Qtype == dns.TypeA {
			add(name + " 60 A 192.0.2.1")
		}
	}
	w.WriteMsg(m)
}

// forwarding is a small world whose server asks an upstream.
func forwarding(t testing.TB, u *upstream) *world {
	w := smallWorld(t)
	if err := w.add("service outer a@n1 alias.host.example:80"); err != nil {
		t.Fatal(err)
	}
	w.config.Recursors, w.config.RecursorTimeout = []netip.AddrPort{u.addr}, patience
	return w
}

// onBothLoops runs a test against a server that reads packets in batches, where the
// system can, and against the portable one.
func onBothLoops(t *testing.T, test func(t *testing.T, u *upstream, w *world)) {
	for name, portable := range map[string]bool{"batches": false, "portable": true} {
		t.Run(name, func(t *testing.T) {
			u := newUpstream(t)
			w := forwarding(t, u)
			w.config.PortableUDP = portable
			test(t, u, w)
		})
	}
}

func TestNamesOutsideAreAskedOfRecursors(t *testing.T) {
	onBothLoops(t, func(t *testing.T, u *upstream, w *world) {
		for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0", ":0"} {
			s := start(t, w, listen)
			addr := fmt.Sprintf("127.0.0.1:%d", s.Addr().(interface{ AddrPort() netip.AddrPort }).AddrPort().Port())
			for _, c := range []struct {
				name, qtype string
				rcode       int
				answer      string // owners, types and data in short
				aa          bool
			}{
				{"wWw.example.com.", "A", dns.RcodeSuccess, "wWw.example.com. A 192.0.2.1", false},
				{"www.example.com.", "AAAA", dns.RcodeSuccess, "", false},
				{"www.nowhere.", "A", dns.RcodeNameError, "", false},
				{"www.broken.", "A", dns.RcodeServerFailure, "", false},
				{"alias.host.example.", "A", dns.RcodeSuccess, "alias.host.example. CNAME host.example.|host.example. A 192.0.2.7", false},
				{"alias.six.service.local.", "A", dns.RcodeNameError, "", true},
				{"9.9.9.9.in-addr.arpa.", "PTR", dns.RcodeSuccess, "9.9.9.9.in-addr.arpa. PTR host.example.", false},
				{"1.0.0.10.in-addr.arpa.", "PTR", dns.RcodeSuccess, "1.0.0.10.in-addr.arpa. PTR n1.node.dc1.local.", true},
				{"six.service.local.", "AAAA", dns.RcodeSuccess, "six.service.local. AAAA 2001:db8::1", true},
				{"none.service.local.", "A", dns.RcodeNameError, "", true},
				{"outer.service.local.", "A", dns.RcodeSuccess, "outer.service.local. CNAME alias.host.example.|alias.host.example. CNAME host.example.|host.example. A 192.0.2.7", true},
			} {
				for _, network := range []string{"udp", "tcp"} {
					m := dialAndAsk(t, network, addr, c.name, dns.StringToType[c.qtype], 1232)
					if m.Rcode != c.rcode || short(m.Answer) != c.answer || m.Authoritative != c.aa || !m.RecursionAvailable {
						t.Errorf("%s by %s, %s %s: %v", listen, network, c.name, c.qtype, m)
					}
				}
			}
			if m := dialAndAsk(t, "udp", addr, "many.example.", dns.TypeA, 0); !m.Truncated || len(m.Answer) == 0 {
				t.Errorf("what does not fit is not truncated: %v", m)
			}
			if m := dialAndAsk(t, "tcp", addr, "many.example.", dns.TypeA, 0); m.Truncated || len(m.Answer) != 50 {
				t.Errorf("over TCP: %v", m)
			}
		}
	})
}

// short is the records in one line, without class and TTL.
func short(rrs []dns.RR) string {
	var list []string
	for _, rr := range rrs {
		words := strings.Fields(rr.String())
		list = append(list, strings.Join(append(words[:1:1], words[3:]...), " "))
	}
	return strings.Join(list, "|")
}

// An alias that leads from outside into the zone is followed in the catalogue, whatever
// the recursor says about where it leads.
func TestAnAliasFromOutsideLeadsIntoTheZone(t *testing.T) {
	u := newUpstream(t)
	r := forwarding(t, u).resolver(t)
	defer r.closeRecursors()
	m := r.Answer(new(dns.Msg).SetQuestion("inward.example.", dns.TypeAAAA), Transport{})
	if want := "inward.example. CNAME six.service.local.|six.service.local. AAAA 2001:db8::1"; short(m.Answer) != want || m.Authoritative {
		t.Errorf("%v, want %s", m, want)
	}
	m = r.Answer(new(dns.Msg).SetQuestion("inward.example.", dns.TypeA), Transport{})
	if want := "inward.example. CNAME six.service.local."; short(m.Answer) != want || m.Rcode != dns.RcodeSuccess || len(m.Ns) != 1 {
		t.Errorf("%v, want %s and an SOA record", m, want)
	}
}

func TestLocalAnswersDoNotWaitForRecursors(t *testing.T) {
	onBothLoops(t, func(t *testing.T, u *upstream, w *world) {
		s := start(t, w, "127.0.0.1:0")
		addr := s.Addr().String()
		const asking = 10
		var waiting sync.WaitGroup
		for i := range asking {
			waiting.Go(func() {
				if m := dialAndAsk(t, "udp", addr, fmt.Sprintf("held.%d.example.", i), dns.TypeA, 1232); len(m.Answer) != 1 {
					t.Error(m)
				}
			})
		}
		for range asking {
			<-u.held
		}
		if got := s.Stats().Waiting; got != asking {
			t.Errorf("%d are waiting", got)
		}
		for _, network := range []string{"udp", "tcp"} {
			for range 20 {
				if m := dialAndAsk(t, network, addr, "web.service.local.", dns.TypeA, 1232); len(m.Answer) != 2 {
					t.Fatal(m)
				}
			}
		}
		u.letGo()
		waiting.Wait()
		if st := s.Stats(); st.Rcodes["NOERROR"] != asking+40 || st.Recursors.Asked != asking {
			t.Errorf("counted %+v", st)
		}
	})
}

// RFC 7766 section 7: a question that waits holds up no other on the connection.
func TestOnOneConnectionRepliesComeWhenTheyCan(t *testing.T) {
	u := newUpstream(t)
	s := start(t, forwarding(t, u), "127.0.0.1:0")
	conn := &dns.Conn{Conn: dialTCP(t, s)}
	for i, name := range []string{"held.example.", "web.service.local.", "held.again.example.", "www.example.", "web.service.local."} {
		q := new(dns.Msg).SetQuestion(name, dns.TypeA)
		q.Id = uint16(i)
		if err := conn.WriteMsg(q); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[uint16]bool{}
	read := func(n int) {
		for range n {
			m, err := conn.ReadMsg()
			if err != nil || len(m.Answer) == 0 || seen[m.Id] {
				t.Fatalf("%v, %v", m, err)
			}
			seen[m.Id] = true
		}
	}
	read(3)
	if seen[0] || seen[2] {
		t.Errorf("what is held was answered: %v", seen)
	}
	u.letGo()
	read(2)
}

// A client may close its half once it has asked all it wants to know.
func TestAnswersComeAfterTheClientHasClosedItsHalf(t *testing.T) {
	u := newUpstream(t)
	s := start(t, forwarding(t, u), "127.0.0.1:0")
	raw := dialTCP(t, s)
	conn := &dns.Conn{Conn: raw}
	if err := conn.WriteMsg(new(dns.Msg).SetQuestion("held.example.", dns.TypeA)); err != nil {
		t.Fatal(err)
	}
	if err := raw.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	<-u.held
	u.letGo()
	if m, err := conn.ReadMsg(); err != nil || len(m.Answer) != 1 {
		t.Errorf("%v, %v", m, err)
	}
}

func TestTooManyWaitingQuestionsAreServfail(t *testing.T) {
	onBothLoops(t, func(t *testing.T, u *upstream, w *world) {
		w.config.MaxWaiting = 1
		s := start(t, w, "127.0.0.1:0")
		addr := s.Addr().String()
		var waiting sync.WaitGroup
		waiting.Go(func() { dialAndAsk(t, "udp", addr, "held.example.", dns.TypeA, 0) })
		<-u.held
		for _, network := range []string{"udp", "tcp"} {
			m := dialAndAsk(t, network, addr, "www.example.", dns.TypeA, 1232)
			if m.Rcode != dns.RcodeServerFailure || len(m.Question) != 1 || m.IsEdns0() == nil {
				t.Errorf("%s: %v", network, m)
			}
		}
		if m := dialAndAsk(t, "udp", addr, "web.service.local.", dns.TypeA, 0); len(m.Answer) != 2 {
			t.Error(m)
		}
		if st := s.Stats(); st.WaitingRefused != 2 || st.Waiting != 1 || st.Rcodes["SERVFAIL"] != 2 {
			t.Errorf("counted %+v", st)
		}
		u.letGo()
		waiting.Wait()
	})
}

func TestOnlyRecursiveQuestionsAreForwarded(t *testing.T) {
	u := newUpstream(t)
	r := forwarding(t, u).resolver(t)
	defer r.closeRecursors()
	q := new(dns.Msg).SetQuestion("www.example.", dns.TypeA)
	q.RecursionDesired = false
	if m := r.Answer(q, Transport{}); m.Rcode != dns.RcodeRefused {
		t.Errorf("without RD: %v", m)
	}
	q.RecursionDesired, q.Question[0].Qclass = true, dns.ClassANY
	if m := r.Answer(q, Transport{}); m.Rcode != dns.RcodeRefused {
		t.Errorf("of class ANY: %v", m)
	}
	without := smallWorld(t).resolver(t)
	if m := without.Answer(new(dns.Msg).SetQuestion("www.example.", dns.TypeA), Transport{}); m.Rcode != dns.RcodeRefused || m.RecursionAvailable {
		t.Errorf("without recursors: %v", m)
	}
}

func TestClosingEndsWhatWaits(t *testing.T) {
	u := newUpstream(t)
	w := forwarding(t, u)
	w.config.Addr = "127.0.0.1:0"
	s, err := New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run() }()
	conn := &dns.Conn{Conn: dialTCP(t, s)}
	if err := conn.WriteMsg(new(dns.Msg).SetQuestion("held.example.", dns.TypeA)); err != nil {
		t.Fatal(err)
	}
	<-u.held
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("Run did not return")
	}
}

func TestAnAgentIsNotItsOwnRecursor(t *testing.T) {
	free := newUpstream(t).addr // taken, so that no other test gets it meanwhile
	for _, c := range []struct{ listen, recursor string }{
		{"127.0.0.1:%d", "127.0.0.1:%d"},
		{"127.0.0.1:%d", "[::ffff:127.0.0.1]:%d"},
		{"0.0.0.0:%d", "127.0.0.5:%d"},
	} {
		listen := netip.MustParseAddrPort(fmt.Sprintf(c.listen, free.Port()))
		recursor := netip.MustParseAddrPort(fmt.Sprintf(c.recursor, free.Port()))
		err := checkRecursors([]netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53"), recursor}, listen)
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), recursor.String()) || !strings.Contains(err.Error(), "recursors") {
			t.Errorf("%s asking %s: %v", listen, recursor, err)
		}
	}
	if err := checkRecursors([]netip.AddrPort{netip.MustParseAddrPort("127.0.0.2:53"), netip.MustParseAddrPort("127.0.0.1:54")},
		netip.MustParseAddrPort("127.0.0.1:53")); err != nil {
		t.Error(err)
	}
}
