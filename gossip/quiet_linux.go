package gossip

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"
)

// quietPackets is a UDP socket whose owner is woken by what comes in only. The runtime's
// poller asks for writability along with readability, and the kernel tells it so after
// each packet that was sent: on an idle host, waking up for that costs more than sending
// did. So the socket lies in an epoll set of its own that asks for readability alone,
// and the runtime watches that set.
type quietPackets struct {
	file  *os.File // the socket, unknown to the runtime's poller
	sock  syscall.RawConn
	set   *os.File // the epoll set, known to it
	ready syscall.RawConn
	local net.Addr
	inet6 bool // the socket's family
}

func listenPackets(addr string) (net.PacketConn, error) {
	conn, err := net.ListenPacket("udp", addr)
	if err != nil {
		return nil, err
	}
	p, err := newQuietPackets(conn.(*net.UDPConn))
	conn.Close() // p has a descriptor of its own
	if err != nil {
		return nil, fmt.Errorf("watching the socket of %s: %w", addr, err)
	}
	return p, nil
}

func newQuietPackets(conn *net.UDPConn) (*quietPackets, error) {
	file, err := unpolled(conn)
	if err != nil {
		return nil, err
	}
	p := &quietPackets{file: file, local: conn.LocalAddr()}
	if p.sock, err = file.SyscallConn(); err == nil {
		err = p.watch()
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return p, nil
}

// unpolled returns a descriptor of a socket that the runtime's poller does not take up.
func unpolled(conn *net.UDPConn) (file *os.File, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	closed := raw.Control(func(fd uintptr) {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		var own int
		if own, err = syscall.Dup(int(fd)); err != nil {
			err = os.NewSyscallError("dup", err)
			return
		}
		syscall.CloseOnExec(own)
		// The runtime takes up what does not block. All calls say that they must not.
		_ = syscall.SetNonblock(own, false)
		file = os.NewFile(uintptr(own), "gossip socket")
	})
	return file, firstOf(closed, err)
}

// watch makes the epoll set.
func (p *quietPackets) watch() error {
	set, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	_ = syscall.SetNonblock(set, true) // so that the runtime takes it for something to be polled
	p.set = os.NewFile(uintptr(set), "gossip packets")
	errs := p.sock.Control(func(fd uintptr) {
		err = syscall.EpollCtl(set, syscall.EPOLL_CTL_ADD, int(fd), &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)})
		if err == nil {
			var bound syscall.Sockaddr
			bound, err = syscall.Getsockname(int(fd))
			_, p.inet6 = bound.(*syscall.SockaddrInet6)
		}
	})
	if err = firstOf(errs, err); err == nil {
		p.ready, err = p.set.SyscallConn()
	}
	if err != nil {
		p.set.Close()
	}
	return err
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// ReadFrom implements net.PacketConn.
func (p *quietPackets) ReadFrom(b []byte) (n int, from net.Addr, err error) {
	closed := p.ready.Read(func(uintptr) bool {
		var ok bool
		n, from, ok, err = p.tryRead(b)
		return ok
	})
	return n, from, firstOf(closed, err)
}

// tryRead reads a packet if there is one; ok is false if there is none.
func (p *quietPackets) tryRead(b []byte) (n int, from net.Addr, ok bool, err error) {
	var sender syscall.Sockaddr
	closed := p.sock.Control(func(fd uintptr) {
		for {
			if n, sender, err = syscall.Recvfrom(int(fd), b, syscall.MSG_DONTWAIT); err != syscall.EINTR {
				return
			}
		}
	})
	switch {
	case closed != nil:
		return 0, nil, true, closed
	case err == syscall.EAGAIN:
		return 0, nil, false, nil
	case err != nil:
		return 0, nil, true, os.NewSyscallError("recvfrom", err)
	}
	return n, addrOfSender(sender), true, nil
}

func addrOfSender(s syscall.Sockaddr) net.Addr {
	switch s := s.(type) {
	case *syscall.SockaddrInet4:
		return &net.UDPAddr{IP: s.Addr[:], Port: s.Port}
	case *syscall.SockaddrInet6:
		a := &net.UDPAddr{IP: s.Addr[:], Port: s.Port}
		if s.ZoneId != 0 {
			a.Zone = strconv.FormatUint(uint64(s.ZoneId), 10)
		}
		return a
	}
	return &net.UDPAddr{}
}

// WriteTo implements net.PacketConn. A packet that the kernel has no room for is an
// error, not waited for.
func (p *quietPackets) WriteTo(b []byte, addr net.Addr) (int, error) {
	u, ok := addr.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("a %T is no UDP address", addr)
	}
	return p.WriteToUDPAddrPort(b, u.AddrPort())
}

// WriteToUDPAddrPort is WriteTo.
func (p *quietPackets) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	dest, err := p.destination(to)
	if err != nil {
		return 0, err
	}
	closed := p.sock.Control(func(fd uintptr) {
		for {
			if err = syscall.Sendto(int(fd), b, syscall.MSG_DONTWAIT, dest); err != syscall.EINTR {
				return
			}
		}
	})
	if err := firstOf(closed, os.NewSyscallError("sendto", err)); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (p *quietPackets) destination(to netip.AddrPort) (syscall.Sockaddr, error) {
	if !p.inet6 {
		if ip := to.Addr().Unmap(); ip.Is4() {
			return &syscall.SockaddrInet4{Addr: ip.As4(), Port: int(to.Port())}, nil
		}
		return nil, fmt.Errorf("%v is no IPv4 address, and %v speaks no other", to.Addr(), p.local)
	}
	s := &syscall.SockaddrInet6{Addr: to.Addr().As16(), Port: int(to.Port())}
	if zone := to.Addr().Zone(); zone != "" {
		id, err := strconv.ParseUint(zone, 10, 32)
		if err != nil {
			link, err := net.InterfaceByName(zone)
			if err != nil {
				return nil, fmt.Errorf("the zone of %v: %w", to.Addr(), err)
			}
			id = uint64(link.Index)
		}
		s.ZoneId = uint32(id)
	}
	return s, nil
}

// SetReadBuffer asks for room for packets that are not read yet.
func (p *quietPackets) SetReadBuffer(bytes int) (err error) {
	closed := p.sock.Control(func(fd uintptr) {
		err = os.NewSyscallError("setsockopt", syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, bytes))
	})
	return firstOf(closed, err)
}

// Close implements net.PacketConn. Whoever reads is given net.ErrClosed.
func (p *quietPackets) Close() error { return firstOf(p.set.Close(), p.file.Close()) }

// LocalAddr implements net.PacketConn.
func (p *quietPackets) LocalAddr() net.Addr { return p.local }

// SetDeadline, SetReadDeadline and SetWriteDeadline implement net.PacketConn. Writing
// never waits.
func (p *quietPackets) SetDeadline(t time.Time) error     { return p.set.SetReadDeadline(t) }
func (p *quietPackets) SetReadDeadline(t time.Time) error { return p.set.SetReadDeadline(t) }
func (p *quietPackets) SetWriteDeadline(time.Time) error  { return nil }
