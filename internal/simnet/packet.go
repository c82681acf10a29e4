package simnet

import (
	"container/heap"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

const (
	socketPackets = 2048  // unread in a socket; more are dropped
	maxOnTheWay   = 65536 // to a socket; more are dropped
	maxDatagram   = 65507 // bytes
)

// PacketConn is a packet socket; it implements net.PacketConn.
type PacketConn struct {
	host *Host
	at   netip.AddrPort
	addr *net.UDPAddr

	onTheWay arrivals
	ready    []*packet // have arrived, and are not yet read
	sent     uint64    // of packets to here: what comes at one moment comes in this order
	deadline time.Time
	closed   bool
	signal   signal
}

type packet struct {
	at    time.Time
	order uint64
	from  *net.UDPAddr
	data  []byte
}

// arrivals is a heap of packets, the next to arrive first.
type arrivals []*packet

func (a arrivals) Len() int { return len(a) }
func (a arrivals) Less(i, j int) bool {
	if !a[i].at.Equal(a[j].at) {
		return a[i].at.Before(a[j].at)
	}
	return a[i].order < a[j].order
}
func (a arrivals) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *arrivals) Push(x any)   { *a = append(*a, x.(*packet)) }
func (a *arrivals) Pop() any {
	last := len(*a) - 1
	p := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	return p
}

// ListenPacket opens a packet socket at addr, "ip:port", where port 0 is any.
func (h *Host) ListenPacket(addr string) (net.PacketConn, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	at, err := h.place(addr, func(port uint16) bool { return h.packets[port] != nil })
	if err != nil {
		return nil, err
	}
	c := &PacketConn{host: h, at: at, addr: net.UDPAddrFromAddrPort(at)}
	h.packets[at.Port()] = c
	return c, nil
}

// WriteTo sends a packet. As with UDP, that it returns no error says nothing of whether
// the packet will arrive.
func (c *PacketConn) WriteTo(b []byte, to net.Addr) (int, error) {
	n := c.host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	udp, ok := to.(*net.UDPAddr)
	switch {
	case c.closed:
		return 0, opError("write", c.at, net.ErrClosed)
	case !ok:
		return 0, opError("write", c.at, syscall.EAFNOSUPPORT)
	case len(b) > maxDatagram:
		return 0, opError("write", c.at, syscall.EMSGSIZE)
	}
	n.counts.Packets++
	addr := udp.AddrPort()
	dest := n.hosts[addr.Addr().Unmap()]
	if dest == nil {
		n.counts.Unheard++
		return len(b), nil
	}
	l := n.between(c.host, dest)
	p := n.profile(l)
	socket := dest.packets[addr.Port()]
	switch {
	case !n.open(c.host, dest):
		n.counts.Cut++
	case l.chance(p.Loss):
		n.counts.Lost++
	case socket == nil:
		n.counts.Unheard++
	default:
		socket.take(c, l, p, append([]byte(nil), b...))
		if l.chance(p.Duplicate) {
			n.counts.Duplicated++
			socket.take(c, l, p, append([]byte(nil), b...))
		}
	}
	return len(b), nil
}

// take puts a packet on its way here.
func (c *PacketConn) take(from *PacketConn, l *link, p *Link, data []byte) {
	n, now := c.host.net, time.Now()
	if !from.host.thaw(now).IsZero() || !c.host.thaw(now).IsZero() {
		n.counts.Held++
	}
	if len(c.onTheWay) >= maxOnTheWay {
		n.counts.Overflowed++
		return
	}
	at := from.host.departure(now).Add(l.draw(p.Delay))
	if l.chance(p.Late) {
		at = at.Add(l.draw(p.LateBy))
	}
	if at.Before(l.latest) {
		n.counts.Overtaken++ // it overtakes, that is
	}
	l.latest = later(l.latest, at)
	c.sent++
	next := &packet{at: at, order: c.sent, from: from.addr, data: data}
	heap.Push(&c.onTheWay, next)
	if c.onTheWay[0] == next {
		c.signal.broadcast() // the reader waits for a later one
	}
}

// arrive moves what has arrived by now to the socket's buffer. Nothing was read since
// the last call, so that what finds the buffer full now would have found it full then.
func (c *PacketConn) arrive(now time.Time) {
	for len(c.onTheWay) > 0 && !c.onTheWay[0].at.After(now) {
		p := heap.Pop(&c.onTheWay).(*packet)
		if len(c.ready) >= socketPackets {
			c.host.net.counts.Overflowed++
			continue
		}
		c.ready = append(c.ready, p)
	}
}

// ReadFrom waits for a packet, the deadline, or Close.
func (c *PacketConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, wake, until, err := c.tryRead(b)
		if wake == nil {
			return n, from, err
		}
		await(wake, nil, until)
	}
}

// tryRead reads, or says what to wait for.
func (c *PacketConn) tryRead(b []byte) (n int, from net.Addr, wake <-chan struct{}, until time.Time, err error) {
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	now := time.Now()
	c.arrive(now)
	thaw := c.host.thaw(now)
	switch {
	case c.closed:
		return 0, nil, nil, until, opError("read", c.at, net.ErrClosed)
	case passed(c.deadline, now):
		return 0, nil, nil, until, opError("read", c.at, os.ErrDeadlineExceeded)
	case thaw.IsZero() && len(c.ready) > 0:
		p := c.ready[0]
		c.ready[0] = nil
		c.ready = c.ready[1:]
		c.host.net.counts.Delivered++
		c.host.net.counts.Bytes += uint64(len(p.data))
		return copy(b, p.data), p.from, nil, until, nil
	case !thaw.IsZero():
		until = thaw
	case len(c.onTheWay) > 0:
		until = c.onTheWay[0].at
	}
	return 0, nil, c.signal.wait(), earliest(until, c.deadline), nil
}

// Close ends the socket, with all that is unread or on its way to it.
func (c *PacketConn) Close() error {
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	if c.closed {
		return opError("close", c.at, net.ErrClosed)
	}
	c.closed, c.ready, c.onTheWay = true, nil, nil
	delete(c.host.packets, c.at.Port())
	c.signal.broadcast()
	return nil
}

// LocalAddr is where the socket listens.
func (c *PacketConn) LocalAddr() net.Addr { return c.addr }

// SetDeadline sets that of reads; writes never wait.
func (c *PacketConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (c *PacketConn) SetReadDeadline(t time.Time) error {
	c.host.net.mu.Lock()
	defer c.host.net.mu.Unlock()
	c.deadline = t
	c.signal.broadcast()
	return nil
}

// SetWriteDeadline does nothing: writes never wait.
func (c *PacketConn) SetWriteDeadline(time.Time) error { return nil }
