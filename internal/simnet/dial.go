package simnet

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

const (
	backlog   = 128 // streams that wait to be accepted
	dialTries = 6   // that a stream is asked for, if nothing else ends it
	firstTry  = time.Second
)

// Listener is where streams come in; it implements net.Listener.
type Listener struct {
	host   *Host
	at     netip.AddrPort
	queue  []*Stream
	closed bool
	signal signal
}

// Listen listens for streams at addr, "ip:port", where port 0 is any.
func (h *Host) Listen(addr string) (net.Listener, error) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	at, err := h.place(addr, func(port uint16) bool { return h.listeners[port] != nil })
	if err != nil {
		return nil, err
	}
	l := &Listener{host: h, at: at}
	h.listeners[at.Port()] = l
	return l, nil
}

// Accept waits for a stream, or Close.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		s, wake, until, err := l.tryAccept()
		if err != nil {
			return nil, err
		}
		if s != nil {
			return s, nil
		}
		await(wake, nil, until)
	}
}

func (l *Listener) tryAccept() (*Stream, <-chan struct{}, time.Time, error) {
	l.host.net.mu.Lock()
	defer l.host.net.mu.Unlock()
	thaw := l.host.thaw(time.Now())
	switch {
	case l.closed:
		return nil, nil, thaw, opError("accept", l.at, net.ErrClosed)
	case thaw.IsZero() && len(l.queue) > 0:
		s := l.queue[0]
		l.queue = l.queue[1:]
		return s, nil, thaw, nil
	}
	return nil, l.signal.wait(), thaw, nil
}

// Close stops listening, and breaks the streams that nobody accepted.
func (l *Listener) Close() error {
	l.host.net.mu.Lock()
	defer l.host.net.mu.Unlock()
	if l.closed {
		return opError("close", l.at, net.ErrClosed)
	}
	l.closed = true
	delete(l.host.listeners, l.at.Port())
	for _, s := range l.queue {
		s.breakOff()
	}
	l.queue = nil
	l.signal.broadcast()
	return nil
}

// Addr is where it listens.
func (l *Listener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.at) }

// Dial opens a stream to addr. It takes a round trip; where nothing is heard, it asks
// again until ctx ends.
func (h *Host) Dial(ctx context.Context, addr string) (net.Conn, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, fmt.Errorf("simnet: %w", err)
	}
	h.net.mu.Lock()
	h.net.counts.Dials++
	h.net.mu.Unlock()
	pause := firstTry
	for range dialTries {
		trip, heard, refused := h.knock(to)
		if !heard {
			trip = pause
			pause *= 2
		}
		t := time.NewTimer(trip)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil, opError("dial", to, os.ErrDeadlineExceeded)
		}
		if refused {
			return nil, opError("dial", to, syscall.ECONNREFUSED)
		}
		if heard {
			return h.connect(to)
		}
	}
	return nil, opError("dial", to, syscall.ETIMEDOUT)
}

// knock asks for a stream once. It returns how long the answer takes, whether there is
// one, and whether it is no.
func (h *Host) knock(to netip.AddrPort) (trip time.Duration, heard, refused bool) {
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	dest := n.hosts[to.Addr()]
	if dest == nil {
		n.counts.Refused++
		return 0, true, true
	}
	there, back := n.between(h, dest), n.between(dest, h)
	p, q := n.profile(there), n.profile(back)
	now := time.Now()
	trip = h.departure(now).Sub(now) + there.draw(p.Delay) + back.draw(q.Delay)
	switch {
	case !n.open(h, dest) || !n.open(dest, h):
		n.counts.DialsCut++
		return trip, false, false
	case there.chance(p.DialFail):
		n.counts.DialsFailed++
		refused = there.rand.IntN(2) == 0
		return trip, refused, refused
	case there.chance(p.Loss) || back.chance(q.Loss):
		n.counts.Resent++
		return trip, false, false
	}
	return trip, true, false
}

// connect makes the stream, if anybody listens.
func (h *Host) connect(to netip.AddrPort) (net.Conn, error) {
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	dest := n.hosts[to.Addr()]
	l := dest.listeners[to.Port()]
	if l == nil || len(l.queue) >= backlog {
		n.counts.Refused++
		return nil, opError("dial", to, syscall.ECONNREFUSED)
	}
	here := netip.AddrPortFrom(h.ip, h.nextPort())
	out, in := &pipe{from: h, to: dest}, &pipe{from: dest, to: h}
	mine := &Stream{host: h, local: here, remote: to, in: in, out: out}
	l.queue = append(l.queue, &Stream{host: dest, local: to, remote: here, in: out, out: in})
	l.signal.broadcast()
	return mine, nil
}
