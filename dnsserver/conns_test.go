package dnsserver

import (
	"errors"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"covey/catalog"
	"covey/internal/bubble"
)

func TestTheConnectionSilentLongestGivesWay(t *testing.T) {
	all := newConns(2, 2)
	pipe := func() (ours, theirs net.Conn) {
		ours, theirs = net.Pipe()
		t.Cleanup(func() { ours.Close(); theirs.Close() })
		return ours, theirs
	}
	gone := func(c net.Conn) bool {
		c.SetReadDeadline(time.Now())
		_, err := c.Read(make([]byte, 1))
		return errors.Is(err, io.EOF)
	}
	ours1, theirs1 := pipe()
	ours2, theirs2 := pipe()
	first, second := all.admit(ours1), all.admit(ours2)
	first.since.Store(7)
	second.since.Store(5)
	ours3, theirs3 := pipe()
	third := all.admit(ours3)
	if third == nil || !gone(theirs2) || gone(theirs1) || gone(theirs3) {
		t.Fatal("the third did not take the place of the second")
	}
	first.begin()
	third.begin()
	ours4, theirs4 := pipe()
	if all.admit(ours4) != nil || !gone(theirs4) {
		t.Error("the fourth was let in though all were at work")
	}
	all.remove(first)
	ours5, _ := pipe()
	if all.admit(ours5) == nil {
		t.Error("the place of the first was not given free")
	}
	var s Stats
	all.addTo(&s)
	if s.Conns != 2 || s.ConnsTotal != 5 || s.ConnsEvicted != 1 || s.ConnsRefused != 1 {
		t.Errorf("counted %+v", s)
	}
}

// Whoever asks and does not read must not hold his place against others.
func TestAClientThatTakesNoRepliesGivesWay(t *testing.T) {
	w := smallWorld(t)
	w.config.Addr, w.config.MaxTCPConns = "127.0.0.1:0", 1
	s, err := New(w.config)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	bubble.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		defer theirs.Close()
		go s.serveConn(s.conns.admit(ours))
		p := pack(t, new(dns.Msg).SetQuestion("web.service.local.", dns.TypeSRV))
		if err := writeFrame(theirs, p); err != nil {
			t.Fatal(err)
		}
		bubble.Wait() // now the reply is being written
		next, _ := net.Pipe()
		newcomer := s.conns.admit(next)
		if newcomer == nil {
			t.Fatal("a newcomer was turned away")
		}
		s.conns.remove(newcomer)
		bubble.Wait() // and the first one is gone
	})
}

// heldCatalog lets nobody have a view until it is closed.
type heldCatalog struct {
	asked atomic.Int32
	free  chan struct{}
}

func (c *heldCatalog) View() *catalog.View {
	c.asked.Add(1)
	<-c.free
	return catalog.NewStore(0).View()
}

// However many connections ask, a processor is left to those who ask over UDP.
func TestConnectionsTakeTurns(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		held := &heldCatalog{free: make(chan struct{})}
		s, err := New(Config{Addr: "127.0.0.1:0", Catalog: held})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		p := pack(t, new(dns.Msg).SetQuestion("web.service.local.", dns.TypeSRV))
		asking := runtime.GOMAXPROCS(0) + 10
		var clients []net.Conn
		for range asking {
			ours, theirs := net.Pipe()
			go s.serveConn(s.conns.admit(ours))
			if err := writeFrame(theirs, p); err != nil {
				t.Fatal(err)
			}
			clients = append(clients, theirs)
		}
		bubble.Wait()
		if got, want := int(held.asked.Load()), max(1, runtime.GOMAXPROCS(0)-1); got != want {
			t.Errorf("%d questions are at work, want %d", got, want)
		}
		close(held.free)
		for _, c := range clients {
			if _, err := readFrame(c, nil); err != nil {
				t.Error(err)
			}
			c.Close()
		}
		bubble.Wait()
	})
}

// addressed is a connection of a client that has an address.
type addressed struct {
	net.Conn
	from net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.from }

func TestOneClientHasSoManyConnections(t *testing.T) {
	all := newConns(10, 2)
	from := func(ip string) *conn {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { ours.Close(); theirs.Close() })
		return all.admit(addressed{ours, &net.TCPAddr{IP: net.ParseIP(ip), Port: 1}})
	}
	first, second := from("192.0.2.1"), from("192.0.2.1")
	first.since.Store(5)
	second.since.Store(7)
	other := from("192.0.2.2")
	other.since.Store(1)
	third := from("192.0.2.1")
	if third == nil || all.evicted.Load() != 1 {
		t.Fatal("the third has no place")
	}
	if _, err := first.Write([]byte{1}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the first one of the client is open still: %v", err)
	}
	second.begin()
	third.begin()
	if from("192.0.2.1") != nil {
		t.Error("a third was let in though both are at work")
	}
	if from("192.0.2.2") == nil || from("192.0.2.3") == nil {
		t.Error("others were turned away")
	}
	for range 5 {
		if from("127.0.0.1") == nil {
			t.Error("this host was turned away")
		}
	}
	second.end()
	if from("192.0.2.1") == nil {
		t.Error("the place of one that waits was not given away")
	}
	var s Stats
	all.addTo(&s)
	if s.Conns != 10 || s.ConnsEvicted != 2 || s.ConnsRefused != 1 {
		t.Errorf("counted %+v", s)
	}
	for c := range all.open {
		all.remove(c)
		all.remove(c)
	}
	if len(all.of) != 0 {
		t.Errorf("clients that are gone still count: %v", all.of)
	}
}

// Replies that nobody takes must not hold the server.
func TestAClientThatTakesNoRepliesLosesItsConnection(t *testing.T) {
	w := fleet(t, 500)
	w.config.TCPIdleTimeout = 50 * time.Millisecond
	s := start(t, w, "127.0.0.1:0")
	conn := dialTCP(t, s)
	p := pack(t, new(dns.Msg).SetQuestion("web.service.local.", dns.TypeSRV))
	frame := append([]byte{byte(len(p) >> 8), byte(len(p))}, p...)
	for {
		if _, err := conn.Write(frame); err != nil {
			if timedOut(err) {
				t.Error("the connection is open still")
			}
			break
		}
	}
	if m := dialAndAsk(t, "tcp", s.Addr().String(), "web.service.local.", dns.TypeA, 0); len(m.Answer) == 0 {
		t.Error(m)
	}
}
