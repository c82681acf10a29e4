package simnet

import (
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"covey/internal/bubble"
)

const seed = 7

func packetConn(t *testing.T, h *Host) net.PacketConn {
	t.Helper()
	c, err := h.ListenPacket(h.IP().String() + ":7946")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func send(t *testing.T, from, to net.PacketConn, text string) {
	t.Helper()
	if _, err := from.WriteTo([]byte(text), to.LocalAddr()); err != nil {
		t.Fatal(err)
	}
}

// receive returns what comes within the time, in order.
func receive(t *testing.T, c net.PacketConn, within time.Duration) (texts []string) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(within))
	buf := make([]byte, 1<<16)
	for {
		n, from, err := c.ReadFrom(buf)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return texts
		}
		if err != nil || from.(*net.UDPAddr).Port != 7946 {
			t.Fatalf("read from %v: %v", from, err)
		}
		texts = append(texts, string(buf[:n]))
	}
}

func TestAPacketTakesItsTime(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		n := New(seed, Link{Delay: Uniform(3*time.Millisecond, 3*time.Millisecond)})
		a, b := packetConn(t, n.Host("10.0.0.1")), packetConn(t, n.Host("10.0.0.2"))
		start := time.Now()
		go a.WriteTo([]byte("hello"), b.LocalAddr())
		buf := make([]byte, 9)
		size, from, err := b.ReadFrom(buf)
		if err != nil || string(buf[:size]) != "hello" || from.String() != "10.0.0.1:7946" || time.Since(start) != 3*time.Millisecond {
			t.Errorf("read %q from %v after %v: %v", buf[:size], from, time.Since(start), err)
		}
		go func() { time.Sleep(time.Second); b.Close() }()
		if _, _, err := b.ReadFrom(buf); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed while reading: %v", err)
		}
	})
}

func TestFaultsOfPacketsHappenAsOftenAsAskedFor(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		n := New(seed, Link{
			Delay: LongTail(time.Millisecond, time.Millisecond), Loss: 0.2, Duplicate: 0.1, Late: 0.05,
			LateBy: Uniform(20*time.Millisecond, 40*time.Millisecond),
		})
		a, b := packetConn(t, n.Host("10.0.0.1")), packetConn(t, n.Host("10.0.0.2"))
		const sent = 1000
		for i := range sent {
			send(t, a, b, fmt.Sprint(i))
		}
		got := receive(t, b, time.Second)
		c := n.Counts()
		if c.Packets != sent || int(c.Delivered) != len(got) || c.Delivered != sent-c.Lost+c.Duplicated {
			t.Errorf("%d read; %v", len(got), c)
		}
		if c.Lost < 150 || c.Lost > 250 || c.Duplicated < 50 || c.Duplicated > 120 || c.Overtaken < 100 {
			t.Errorf("seed %d: %v", seed, c)
		}
		in := 0
		for i := 1; i < len(got); i++ {
			if got[i-1] < got[i] {
				in++
			}
		}
		if in > sent*9/10 {
			t.Error("they came in order")
		}
	})
}

func TestALinksFateIsItsOwn(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		run := func(chatter bool) []string {
			n := New(seed, Link{Loss: 0.5})
			a, b := packetConn(t, n.Host("10.0.0.1")), packetConn(t, n.Host("10.0.0.2"))
			for i := range 100 {
				send(t, a, b, fmt.Sprint(i))
				if chatter {
					send(t, b, a, "and you?")
				}
			}
			return receive(t, b, time.Second)
		}
		if x, y := run(false), run(true); fmt.Sprint(x) != fmt.Sprint(y) {
			t.Errorf("other links had an influence:\n%v\n%v", x, y)
		}
	})
}

func TestACutIsOneWayAndASplitBoth(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		n := New(seed, Link{})
		x, y := n.Host("10.0.0.1"), n.Host("10.0.0.2")
		a, b := packetConn(t, x), packetConn(t, y)
		exchange := func(wantB, wantA int) {
			t.Helper()
			send(t, a, b, "to b")
			send(t, b, a, "to a")
			if toB, toA := len(receive(t, b, time.Second)), len(receive(t, a, time.Second)); toB != wantB || toA != wantA {
				t.Errorf("%d arrived at b, %d at a, want %d and %d", toB, toA, wantB, wantA)
			}
		}
		exchange(1, 1)
		n.Cut([]*Host{x}, []*Host{y})
		exchange(0, 1)
		n.Split([]*Host{x}, []*Host{y})
		exchange(0, 0)
		n.Mend()
		exchange(1, 1)
		y.Unplug()
		exchange(0, 0)
		y.Plug()
		exchange(1, 1)
		if c := n.Counts(); c.Cut != 5 {
			t.Errorf("%v", c)
		}
	})
}

func TestAFrozenHostSendsAndReadsAllAtOnce(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		n := New(seed, Link{Delay: Uniform(time.Millisecond, time.Millisecond)})
		x := n.Host("10.0.0.1")
		a, b := packetConn(t, x), packetConn(t, n.Host("10.0.0.2"))
		x.Freeze(10 * time.Second)
		for range socketPackets + 3 {
			send(t, b, a, "in")
		}
		send(t, a, b, "out")
		if in, out := receive(t, a, 9*time.Second), receive(t, b, 0); len(in)+len(out) > 0 {
			t.Errorf("while frozen, %d were read and %d left", len(in), len(out))
		}
		if w := n.Waiting(); w != socketPackets {
			t.Errorf("%d wait", w)
		}
		in, out := receive(t, a, 2*time.Second), receive(t, b, time.Second)
		if c := n.Counts(); len(in) != socketPackets || len(out) != 1 || c.Overflowed != 3 || c.Held != socketPackets+4 {
			t.Errorf("after it, %d were read and %d left: %v", len(in), len(out), c)
		}
	})
}

func TestAnAddressIsTakenOnce(t *testing.T) {
	n := New(seed, Link{})
	h := n.Host("10.0.0.1")
	a := packetConn(t, h)
	if _, err := h.ListenPacket(a.LocalAddr().String()); err == nil {
		t.Error("two have one port")
	}
	if _, err := h.ListenPacket("10.0.0.2:1"); err == nil {
		t.Error("a host has another's address")
	}
	any, err := h.ListenPacket("0.0.0.0:0")
	if err != nil || any.LocalAddr().(*net.UDPAddr).Port < firstPort || any.LocalAddr().(*net.UDPAddr).IP.String() != "10.0.0.1" {
		t.Errorf("any port: %v, %v", any, err)
	}
	a.Close()
	if b, err := h.ListenPacket("10.0.0.1:7946"); err != nil {
		t.Errorf("after it was closed: %v", err)
	} else {
		send(t, b, a, "to myself")
	}
}
