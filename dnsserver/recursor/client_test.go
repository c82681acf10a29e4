package recursor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"covey/internal/fault"
)

// patience bounds waits for what comes at once unless something is broken.
const patience = 10 * time.Second

// answerer makes the packets that a server sends for a question, in this order.
type answerer func(q *dns.Msg, packet []byte, tcp bool) [][]byte

// serve runs a name server on loopback, over UDP and TCP, until the test ends.
func serve(t testing.TB, answer answerer) netip.AddrPort {
	t.Helper()
	l, u := listenBoth(t)
	var running sync.WaitGroup
	running.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := u.ReadFrom(buf)
			if err != nil {
				return
			}
			packet := append([]byte(nil), buf[:n]...)
			var q dns.Msg
			if q.Unpack(packet) != nil {
				continue
			}
			running.Go(func() {
				for _, p := range answer(&q, packet, false) {
					u.WriteTo(p, from)
				}
			})
		}
	})
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(patience))
				var prefix [2]byte
				if _, err := io.ReadFull(c, prefix[:]); err != nil {
					return
				}
				packet := make([]byte, binary.BigEndian.Uint16(prefix[:]))
				var q dns.Msg
				if _, err := io.ReadFull(c, packet); err != nil || q.Unpack(packet) != nil {
					return
				}
				for _, p := range answer(&q, packet, true) {
					c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(p))), p...))
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); u.Close(); running.Wait() })
	return netip.MustParseAddrPort(u.LocalAddr().String())
}

// listenBoth binds a port that is free for both.
func listenBoth(t testing.TB) (net.Listener, net.PacketConn) {
	t.Helper()
	var err error
	for range 16 {
		var l net.Listener
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		var u net.PacketConn
		if u, err = net.ListenPacket("udp", l.Addr().String()); err == nil {
			return l, u
		}
		l.Close()
	}
	t.Fatal(err)
	return nil, nil
}

// closedPort is an address of this host where nobody listens.
func closedPort(t testing.TB) netip.AddrPort {
	l, u := listenBoth(t)
	l.Close()
	u.Close()
	return netip.MustParseAddrPort(u.LocalAddr().String())
}

// reply is the packet of a reply with these records as its answer.
func reply(q *dns.Msg, rcode int, records ...string) []byte {
	m := new(dns.Msg).SetRcode(q, rcode)
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			panic(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	packet, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return packet
}

// address answers every question with an address, under the name as it was asked.
func address(ip string) answerer {
	return func(q *dns.Msg, _ []byte, _ bool) [][]byte {
		return [][]byte{reply(q, dns.RcodeSuccess, q.Question[0].Name+" 60 A "+ip)}
	}
}

func fails(rcode int) answerer {
	return func(q *dns.Msg, _ []byte, _ bool) [][]byte { return [][]byte{reply(q, rcode)} }
}

func silent(*dns.Msg, []byte, bool) [][]byte { return nil }

func newClient(t testing.TB, c Config) *Client {
	t.Helper()
	if c.Timeout == 0 {
		c.Timeout = patience
	}
	client, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// gives asks for www.example.com and fails the test unless the answer is this address.
func gives(t testing.TB, c *Client, ip string) {
	t.Helper()
	r, err := c.Ask(Question{Name: "wWw.example.com.", Qtype: dns.TypeA})
	if err != nil {
		t.Fatal(err)
	}
	if want := "wWw.example.com.\t60\tIN\tA\t" + ip; r.Rcode != dns.RcodeSuccess || len(r.Answer) != 1 || r.Answer[0].String() != want {
		t.Fatalf("the reply is %+v, want %s", r, want)
	}
}

func TestEveryQuestionIsAnotherPacket(t *testing.T) {
	var mu sync.Mutex
	ids, names := map[uint16]bool{}, map[string]bool{}
	c := newClient(t, Config{Servers: []netip.AddrPort{serve(t, func(q *dns.Msg, packet []byte, tcp bool) [][]byte {
		mu.Lock()
		defer mu.Unlock()
		ids[q.Id], names[q.Question[0].Name] = true, true
		if opt := q.IsEdns0(); opt == nil || opt.UDPSize() != payload || !q.RecursionDesired {
			t.Errorf("it was asked %v", q)
		}
		return address("192.0.2.1")(q, packet, tcp)
	})}})
	for range 50 {
		gives(t, c, "192.0.2.1")
	}
	mu.Lock()
	defer mu.Unlock()
	// 50 of 65,536 ids are all different with a probability of 0.98, and of 8,192 cases
	// with 0.86; so many are not the same by chance.
	if len(ids) < 40 || len(names) < 30 {
		t.Errorf("50 questions had %d ids and %d cases", len(ids), len(names))
	}
}

func TestStrangersAreIgnored(t *testing.T) {
	forge := func(change func(m *dns.Msg)) func(q *dns.Msg) []byte {
		return func(q *dns.Msg) []byte {
			var m dns.Msg
			m.Unpack(reply(q, dns.RcodeSuccess, q.Question[0].Name+" 60 A 203.0.113.66"))
			change(&m)
			packet, _ := m.Pack()
			return packet
		}
	}
	forgeries := map[string]func(q *dns.Msg) []byte{
		"another id":       forge(func(m *dns.Msg) { m.Id++ }),
		"another name":     forge(func(m *dns.Msg) { m.Question[0].Name = "www.example.net." }),
		"another type":     forge(func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA }),
		"another class":    forge(func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }),
		"a question":       forge(func(m *dns.Msg) { m.Response = false }),
		"another opcode":   forge(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }),
		"no question":      forge(func(m *dns.Msg) { m.Question = nil }),
		"less than header": func(q *dns.Msg) []byte { return reply(q, 0)[:11] },
		"half a question":  func(q *dns.Msg) []byte { return reply(q, 0)[:20] },
	}
	for name, forged := range forgeries {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Config{Servers: []netip.AddrPort{serve(t, func(q *dns.Msg, packet []byte, tcp bool) [][]byte {
				return append([][]byte{forged(q)}, address("192.0.2.1")(q, packet, tcp)...)
			})}})
			gives(t, c, "192.0.2.1")
			if s := c.Stats(); s.Ignored != 1 || s.TCP != 0 {
				t.Errorf("counted %+v", s)
			}
		})
	}
}

func TestWhatCouldBeGuessedIsAskedOverTCP(t *testing.T) {
	for name, over := range map[string]answerer{
		"lost case": func(q *dns.Msg, _ []byte, _ bool) [][]byte {
			q.Question[0].Name = strings.ToUpper(q.Question[0].Name[:1]) + strings.ToLower(q.Question[0].Name[1:])
			q.Question[0].Name = swapped(q.Question[0].Name)
			return [][]byte{reply(q, dns.RcodeSuccess, q.Question[0].Name+" 60 A 203.0.113.66")}
		},
		"many guesses": func(q *dns.Msg, _ []byte, _ bool) (out [][]byte) {
			right := q.Id
			for i := range uint16(maxStrangers) {
				q.Id = right + 1 + i
				out = append(out, reply(q, dns.RcodeSuccess, q.Question[0].Name+" 60 A 203.0.113.66"))
			}
			q.Id = right
			return append(out, reply(q, dns.RcodeSuccess, q.Question[0].Name+" 60 A 203.0.113.66"))
		},
		"longer than we take": func(q *dns.Msg, _ []byte, _ bool) [][]byte {
			return [][]byte{append(reply(q, dns.RcodeSuccess), make([]byte, payload)...)}
		},
		"truncated": func(q *dns.Msg, _ []byte, _ bool) [][]byte {
			p := reply(q, dns.RcodeSuccess, q.Question[0].Name+" 60 A 203.0.113.66")
			p[2] |= 2
			return [][]byte{p}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Config{Servers: []netip.AddrPort{serve(t, func(q *dns.Msg, packet []byte, tcp bool) [][]byte {
				if tcp {
					return address("192.0.2.1")(q, packet, tcp)
				}
				return over(q, packet, tcp)
			})}})
			gives(t, c, "192.0.2.1")
			if s := c.Stats(); s.TCP != 1 {
				t.Errorf("counted %+v", s)
			}
		})
	}
}

// swapped is a name in the case that it does not have.
func swapped(name string) string {
	b := []byte(name)
	for i, c := range b {
		if c|0x20 >= 'a' && c|0x20 <= 'z' {
			b[i] ^= 0x20
		}
	}
	return string(b)
}

func TestAServerWithoutEDNSIsAskedWithout(t *testing.T) {
	for _, rcode := range []int{dns.RcodeFormatError, dns.RcodeNotImplemented} {
		c := newClient(t, Config{Servers: []netip.AddrPort{serve(t, func(q *dns.Msg, packet []byte, tcp bool) [][]byte {
			if q.IsEdns0() != nil {
				return [][]byte{append(reply(q, rcode)[:4], make([]byte, 8)...)} // a header only
			}
			return address("192.0.2.1")(q, packet, tcp)
		})}})
		gives(t, c, "192.0.2.1")
	}
}

func TestTheNextServerIsAskedWhenOneFails(t *testing.T) {
	good := serve(t, address("192.0.2.1"))
	for name, bad := range map[string]netip.AddrPort{
		"SERVFAIL":   serve(t, fails(dns.RcodeServerFailure)),
		"REFUSED":    serve(t, fails(dns.RcodeRefused)),
		"FORMERR":    serve(t, fails(dns.RcodeFormatError)),
		"nobody":     closedPort(t),
		"unreadable": serve(t, func(q *dns.Msg, _ []byte, _ bool) [][]byte { return [][]byte{unreadable(q)} }),
		"no TCP": serve(t, func(q *dns.Msg, _ []byte, tcp bool) [][]byte {
			if tcp {
				return nil
			}
			p := reply(q, dns.RcodeSuccess)
			p[2] |= 2
			return [][]byte{p}
		}),
		"truncated over TCP": serve(t, func(q *dns.Msg, _ []byte, _ bool) [][]byte {
			p := reply(q, dns.RcodeSuccess)
			p[2] |= 2
			return [][]byte{p}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, Config{Servers: []netip.AddrPort{bad, good}})
			gives(t, c, "192.0.2.1")
			if s := c.Stats(); s.Retried != 1 || s.Failed != 0 || s.Asked != 1 {
				t.Errorf("counted %+v", s)
			}
			c = newClient(t, Config{Servers: []netip.AddrPort{bad}})
			_, err := c.Ask(Question{Name: "www.example.com.", Qtype: dns.TypeA})
			if err == nil || !strings.Contains(err.Error(), bad.String()) || c.Stats().Failed != 1 {
				t.Errorf("the error is %v, counted %+v", err, c.Stats())
			}
		})
	}
	t.Run("silence", func(t *testing.T) {
		c := newClient(t, Config{Servers: []netip.AddrPort{serve(t, silent), good}, Timeout: 50 * time.Millisecond})
		gives(t, c, "192.0.2.1")
	})
	t.Run("no such name is an answer", func(t *testing.T) {
		c := newClient(t, Config{Servers: []netip.AddrPort{serve(t, fails(dns.RcodeNameError)), good}})
		r, err := c.Ask(Question{Name: "www.example.com.", Qtype: dns.TypeA})
		if err != nil || r.Rcode != dns.RcodeNameError || c.Stats().Retried != 0 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// unreadable is a reply to the question with half a record behind it.
func unreadable(q *dns.Msg) []byte {
	m := new(dns.Msg).SetReply(q)
	m.Extra = nil
	p, err := m.Pack()
	if err != nil {
		panic(err)
	}
	p[7] = 1
	return append(p, 0xc0, 12, 0, 1, 0, 1, 0)
}

func TestTheSameQuestionIsOnItsWayOnce(t *testing.T) {
	release := make(chan struct{})
	c := newClient(t, Config{Servers: []netip.AddrPort{serve(t, func(q *dns.Msg, packet []byte, tcp bool) [][]byte {
		<-release
		return address("192.0.2.1")(q, packet, tcp)
	})}})
	const askers = 20
	var asking sync.WaitGroup
	for i := range askers {
		name := "www.example.com."
		if i%2 == 1 {
			name = "WWW.example.COM."
		}
		asking.Go(func() {
			r, err := c.Ask(Question{Name: name, Qtype: dns.TypeA})
			if err != nil || len(r.Answer) != 1 || r.Answer[0].Header().Name != name {
				t.Errorf("%v, %v", r, err)
			}
		})
	}
	await(t, func() bool { return c.Stats().Joined == askers-1 })
	close(release)
	asking.Wait()
	if s := c.Stats(); s.Asked != 1 {
		t.Errorf("counted %+v", s)
	}
	if _, err := c.Ask(Question{Name: "www.example.com.", Qtype: dns.TypeA}); err != nil || c.Stats().Asked != 2 {
		t.Errorf("the next one was not asked anew: %v, %+v", err, c.Stats())
	}
}

func await(t testing.TB, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !condition() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("it did not come to pass")
		}
	}
}

// A server that forwards to us what it does not know sends our own questions back.
func TestAQuestionThatComesBackIsKnown(t *testing.T) {
	clients, back := make(chan *Client, 1), make(chan error, 1)
	addr := serve(t, func(q *dns.Msg, _ []byte, _ bool) [][]byte {
		c := <-clients
		_, err := c.Ask(Question{Name: q.Question[0].Name, Qtype: q.Question[0].Qtype, From: netip.MustParseAddr("127.0.0.9")})
		back <- err
		return [][]byte{reply(q, dns.RcodeServerFailure)}
	})
	c := newClient(t, Config{Servers: []netip.AddrPort{addr}})
	clients <- c
	_, err := c.Ask(Question{Name: "www.longer.example.com.", Qtype: dns.TypeA, From: netip.MustParseAddr("192.0.2.9")})
	if got := <-back; err == nil || !errors.Is(got, ErrLoop) || c.Stats().Loops != 1 {
		t.Errorf("%v; what came back got %v; counted %+v", err, got, c.Stats())
	}
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	asked := make(chan struct{})
	c := newClient(t, Config{Servers: []netip.AddrPort{serve(t, func(*dns.Msg, []byte, bool) [][]byte {
		close(asked)
		return nil
	}), closedPort(t)}, Timeout: MaxTimeout})
	done := make(chan error, 1)
	go func() {
		_, err := c.Ask(Question{Name: "www.example.com.", Qtype: dns.TypeA})
		done <- err
	}()
	<-asked
	c.Close()
	select {
	case err := <-done:
		if !errors.Is(err, ErrClosed) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("Ask still waits")
	}
	if _, err := c.Ask(Question{Name: "www.example.com.", Qtype: dns.TypeA}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestEveryFaultOfTheConfigurationIsTold(t *testing.T) {
	local := netip.MustParseAddrPort("127.0.0.1:53")
	for text, c := range map[string]Config{
		"recursors: 0 are given":               {},
		"recursors: 127.0.0.1:53 is given":     {Servers: []netip.AddrPort{local, local}},
		"recursors: 0.0.0.0:53 is not":         {Servers: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:53")}},
		"recursors: 127.0.0.1:0 is not":        {Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}},
		"recursor_timeout: 1ms is not in 10ms": {Servers: []netip.AddrPort{local}, Timeout: time.Millisecond},
		"recursor_strategy: there is no":       {Servers: []netip.AddrPort{local}, Strategy: 7},
	} {
		if _, err := New(c); err == nil || fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), text) {
			t.Errorf("%v does not say %q", err, text)
		}
	}
	for _, name := range strategyNames {
		if s, err := ParseStrategy(strings.ToUpper(name)); err != nil || s.String() != name {
			t.Errorf("%s is read as %v, %v", name, s, err)
		}
	}
	if _, err := ParseStrategy("best"); err == nil || !strings.Contains(err.Error(), "sequential, random, fastest") {
		t.Error(err)
	}
}

func ExampleClient_Ask() {
	c, err := New(Config{Servers: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9")}, Timeout: MinTimeout})
	if err != nil {
		fmt.Println(err)
		return
	}
	c.Close()
	_, err = c.Ask(Question{Name: "example.com.", Qtype: dns.TypeA})
	fmt.Println(err)
	// Output: the client is closed
}
