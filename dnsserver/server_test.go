package dnsserver

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"covey/catalog"
	"covey/internal/fault"
	"covey/internal/loopback"
)

// patience bounds waits for what comes at once unless something is broken.
const patience = 10 * time.Second

// start serves a world on addr until the test ends.
func start(t *testing.T, w *world, addr string) *Server {
	t.Helper()
	w.config.Addr = addr
	s, err := New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run() }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Errorf("Run returned %v", err)
		}
	})
	return s
}

func dialAndAsk(t testing.TB, network, addr, name string, qtype uint16, edns uint16) *dns.Msg {
	t.Helper()
	q := new(dns.Msg).SetQuestion(name, qtype)
	if edns > 0 {
		q.SetEdns0(edns, false)
	}
	c := dns.Client{Net: network, Timeout: patience}
	m, _, err := c.Exchange(q, addr)
	if err != nil {
		t.Fatalf("%s %s: %v", network, name, err)
	}
	return m
}

func TestUDPAndTCPAnswerOnOneAddress(t *testing.T) {
	s := start(t, fleet(t, 100), "127.0.0.1:0")
	addr := s.Addr().String()
	if udp, tcp := s.Addr().(*net.UDPAddr).Port, s.sockets.tcp.Addr().(*net.TCPAddr).Port; udp != tcp || udp == 0 {
		t.Fatalf("UDP has port %d, TCP %d", udp, tcp)
	}
	if m := dialAndAsk(t, "udp", addr, "web.service.local.", dns.TypeSRV, 0); !m.Truncated || len(m.Answer) == 0 {
		t.Errorf("UDP: TC %v, %d answers", m.Truncated, len(m.Answer))
	}
	if m := dialAndAsk(t, "tcp", addr, "web.service.local.", dns.TypeSRV, 0); m.Truncated || len(m.Answer) != 100 || len(m.Extra) != 100 {
		t.Errorf("TCP: TC %v, %d answers, %d additional", m.Truncated, len(m.Answer), len(m.Extra))
	}
	if m := dialAndAsk(t, "udp", addr, "web.service.local.", dns.TypeSRV, 16000); m.Truncated || len(m.Answer) != 100 {
		t.Errorf("UDP with EDNS: TC %v, %d answers", m.Truncated, len(m.Answer))
	}
	if m := dialAndAsk(t, "udp", addr, "example.com.", dns.TypeA, 0); m.Rcode != dns.RcodeRefused {
		t.Errorf("outside the zone: %v", m)
	}
	if got := s.Stats(); got.UDP != 3 || got.TCP != 1 || got.ConnsTotal != 1 || got.Types["SRV"] != 3 || got.Truncated != 1 {
		t.Errorf("counted %+v", got)
	}
}

func TestIPv6(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skip("this host has no IPv6:", err)
	} else {
		l.Close()
	}
	addr := start(t, smallWorld(t), "[::1]:0").Addr().String()
	for _, network := range []string{"udp", "tcp"} {
		if m := dialAndAsk(t, network, addr, "six.service.local.", dns.TypeAAAA, 0); len(m.Answer) != 1 {
			t.Errorf("%s: %v", network, m)
		}
	}
}

// A client drops a reply that does not come from where it asked.
func TestOnAllAddressesTheReplyComesFromTheOneAsked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs a second loopback address")
	}
	for _, all := range []string{"0.0.0.0:0", ":0"} {
		s := start(t, smallWorld(t), all)
		port := s.Addr().(*net.UDPAddr).Port
		for _, ip := range []string{"127.0.0.1", "127.0.0.2"} {
			if m := dialAndAsk(t, "udp", fmt.Sprintf("%s:%d", ip, port), "web.service.local.", dns.TypeA, 0); len(m.Answer) != 2 {
				t.Errorf("%s by %s: %v", all, ip, m)
			}
		}
	}
}

func TestATakenPortIsNamedWithWhatToDo(t *testing.T) {
	tcp, err := net.Listen("tcp", net.JoinHostPort(loopback.Own(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", net.JoinHostPort(loopback.Own(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	for network, taken := range map[string]net.Addr{"TCP": tcp.Addr(), "UDP": udp.LocalAddr()} {
		c := smallWorld(t).config
		c.Addr = taken.String()
		_, err := New(c)
		if fault.KindOf(err) != fault.Conflict {
			t.Fatalf("%s: the error is %v", network, err)
		}
		for _, part := range []string{network, taken.String(), "--dns"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q is not in %q", part, err)
			}
		}
	}
}

func TestBadAddresses(t *testing.T) {
	for _, addr := range []string{"", "127.0.0.1", "127.0.0.1:70000", "127.0.0.1:dns", "192.0.2.1:0"} {
		c := smallWorld(t).config
		c.Addr = addr
		if _, err := New(c); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), addr) {
			t.Errorf("%q gives %v", addr, err)
		}
	}
}

func TestPipelinedQuestionsAreAnsweredInOrder(t *testing.T) {
	conn := dialTCP(t, start(t, smallWorld(t), "127.0.0.1:0"))
	var sent []byte
	const questions = 200
	for id := range uint16(questions) {
		q := new(dns.Msg).SetQuestion("web.service.local.", dns.TypeSRV)
		q.Id = id
		p := pack(t, q)
		sent = append(append(sent, byte(len(p)>>8), byte(len(p))), p...)
	}
	go conn.Write(sent)
	client := &dns.Conn{Conn: conn}
	for id := range uint16(questions) {
		m, err := client.ReadMsg()
		if err != nil || m.Id != id || len(m.Answer) != 2 {
			t.Fatalf("reply %d is %v, %v", id, m, err)
		}
	}
}

func dialTCP(t testing.TB, s *Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestConnectionsThatBringNoQuestionAreClosed(t *testing.T) {
	w := smallWorld(t)
	w.config.TCPIdleTimeout = 20 * time.Millisecond
	s := start(t, w, "127.0.0.1:0")
	for name, sent := range map[string][]byte{
		"silence":               nil,
		"half a question":       {0, 40, 1, 2, 3},
		"too long for one":      {0xff, 0xff, 1, 2, 3},
		"less than a header":    {0, 2, 1, 2},
		"a response, no answer": append([]byte{0, 12, 0, 1, 0x80}, make([]byte, 9)...),
	} {
		t.Run(name, func(t *testing.T) {
			conn := dialTCP(t, s)
			if _, err := conn.Write(sent); err != nil {
				t.Fatal(err)
			}
			if n, err := conn.Read(make([]byte, 100)); n > 0 || err == nil || timedOut(err) {
				t.Errorf("read %d bytes, %v", n, err)
			}
		})
	}
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestCloseEndsRunAndConnections(t *testing.T) {
	w := smallWorld(t)
	w.config.Addr = "127.0.0.1:0"
	s, err := New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run() }()
	conn := dialTCP(t, s)
	client := &dns.Conn{Conn: conn}
	if err := client.WriteMsg(new(dns.Msg).SetQuestion("web.service.local.", dns.TypeA)); err != nil {
		t.Fatal(err)
	}
	if _, err := client.ReadMsg(); err != nil {
		t.Fatal(err)
	}
	if err := s.Run(); !errors.Is(err, errRanTwice) {
		t.Errorf("the second Run returned %v", err)
	}
	if err := errors.Join(s.Close(), s.Close(), <-done); err != nil {
		t.Error(err)
	}
	if _, err := client.ReadMsg(); err == nil {
		t.Error("the connection is still open")
	}
	w.config.Addr = s.Addr().String()
	again, err := New(w.config)
	if err != nil {
		t.Fatalf("the address is not free after Close: %v", err)
	}
	if err := errors.Join(again.Close(), again.Run()); err != nil {
		t.Errorf("Close before Run: %v", err)
	}
}

// With the race detector on, this also shows that questions need no lock.
func TestAnswersFollowTheCatalogueWhileItChanges(t *testing.T) {
	w := fleet(t, 10)
	s := start(t, w, "127.0.0.1:0")
	owner := w.owners["web-3"]
	put := func(status catalog.Status) {
		w.store.Apply(catalog.Update{Owner: owner, Put: []catalog.Record{&catalog.Instance{
			ID: "web-a", Service: "web", Port: 8080, Weights: catalog.DefaultWeights,
			Checks: []catalog.Check{{ID: "c", Status: status}},
		}}})
	}
	has := func(m *dns.Msg) (found bool) {
		for _, rr := range m.Answer {
			found = found || rr.(*dns.SRV).Target == "web-3.node.dc1.local."
		}
		return found
	}
	var askers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		askers.Go(func() {
			c := dns.Client{Timeout: patience}
			for {
				select {
				case <-stop:
					return
				default:
				}
				m, _, err := c.Exchange(new(dns.Msg).SetQuestion("web.service.local.", dns.TypeSRV).SetEdns0(1232, false), s.Addr().String())
				if err != nil || len(m.Answer) != 9 && len(m.Answer) != 10 {
					t.Errorf("%v, %v", m, err)
					return
				}
			}
		})
	}
	for i := range 50 {
		status := catalog.Status(i % 3)
		put(status)
		m := dialAndAsk(t, "udp", s.Addr().String(), "web.service.local.", dns.TypeSRV, 1232)
		if has(m) != (status != catalog.Critical) {
			t.Errorf("an instance that is %v is answered: %v", status, has(m))
		}
	}
	close(stop)
	askers.Wait()
}
