package dnsserver

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"covey/internal/fault"
)

// bindAttempts is how often a free port for both UDP and TCP is looked for.
const bindAttempts = 16

// receiveBuffer holds the questions that come while all processors are busy. The
// kernel may give less.
const receiveBuffer = 4 << 20

// sockets are what one address is served on.
type sockets struct {
	udp []*net.UDPConn // the kernel spreads packets over them by client
	tcp *net.TCPListener
}

func (s *sockets) close() error {
	var errs []error
	for _, udp := range s.udp {
		errs = append(errs, udp.Close())
	}
	if s.tcp != nil {
		errs = append(errs, s.tcp.Close())
	}
	return errors.Join(errs...)
}

// listen binds TCP and so many sockets of UDP to one address. Port 0 takes one that
// both can have.
func listen(addr string, count int) (*sockets, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fault.Field("dns", "cannot listen on %q: want host:port, such as 127.0.0.1:8600", addr)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return nil, fault.Field("dns", "cannot listen on %q: the port is not in 0..65535", addr)
	} else if n > 0 {
		return listenBoth(host, port, count)
	}
	for range bindAttempts {
		var s *sockets
		if s, err = listenBoth(host, port, count); err == nil {
			return s, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, err
		}
	}
	return nil, err
}

// listenBoth binds TCP, then UDP to the address that TCP got. Sockets of UDP may share
// an address, so it is TCP that tells of another server there.
func listenBoth(host, port string, count int) (*sockets, error) {
	addr := net.JoinHostPort(host, port)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, bindError("TCP", addr, err)
	}
	s := &sockets{tcp: l.(*net.TCPListener)}
	if port == "0" {
		port = strconv.Itoa(s.tcp.Addr().(*net.TCPAddr).Port)
	}
	addr = net.JoinHostPort(host, port)
	config := net.ListenConfig{}
	if count > 1 {
		config.Control = shareAddress
	}
	for range count {
		p, err := config.ListenPacket(context.Background(), "udp", addr)
		if err != nil {
			s.close()
			return nil, bindError("UDP", addr, err)
		}
		udp := p.(*net.UDPConn)
		s.udp = append(s.udp, udp)
		_ = udp.SetReadBuffer(receiveBuffer) // smaller does as well
		if netip.MustParseAddrPort(udp.LocalAddr().String()).Addr().IsUnspecified() {
			keepDestination(udp)
		}
	}
	return s, nil
}

// bindError says what to do about an address that cannot be had.
func bindError(network, addr string, err error) error {
	kind, advice := fault.Unavailable, "check the address, or give another with --dns"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		kind, advice = fault.Conflict, "another agent or DNS server has this port: stop it, or give another address with --dns"
	case errors.Is(err, syscall.EACCES):
		kind, advice = fault.Forbidden, "ports below 1024 need root or the capability CAP_NET_BIND_SERVICE: grant it, or give another port with --dns"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		kind, advice = fault.Invalid, "no interface of this host has that address: give another with --dns"
	}
	return fault.New(kind, "cannot serve DNS over %s on %s: %w; %s", network, addr, err, advice)
}
