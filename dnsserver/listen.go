package dnsserver

import (
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
const receiveBuffer = 1 << 20

// listen binds UDP and TCP to one address. Port 0 takes one that both can have.
func listen(addr string) (*net.UDPConn, *net.TCPListener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, fault.Field("dns", "cannot listen on %q: want host:port, such as 127.0.0.1:8600", addr)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return nil, nil, fault.Field("dns", "cannot listen on %q: the port is not in 0..65535", addr)
	} else if n > 0 {
		return listenBoth(host, port)
	}
	for range bindAttempts {
		var udp *net.UDPConn
		var tcp *net.TCPListener
		if udp, tcp, err = listenBoth(host, port); err == nil {
			return udp, tcp, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, nil, err
		}
	}
	return nil, nil, err
}

// listenBoth binds TCP, then UDP to the address that TCP got.
func listenBoth(host, port string) (*net.UDPConn, *net.TCPListener, error) {
	addr := net.JoinHostPort(host, port)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, nil, bindError("TCP", addr, err)
	}
	tcp := l.(*net.TCPListener)
	if port == "0" {
		port = strconv.Itoa(tcp.Addr().(*net.TCPAddr).Port)
	}
	addr = net.JoinHostPort(host, port)
	p, err := net.ListenPacket("udp", addr)
	if err != nil {
		tcp.Close()
		return nil, nil, bindError("UDP", addr, err)
	}
	udp := p.(*net.UDPConn)
	_ = udp.SetReadBuffer(receiveBuffer) // smaller does as well
	if netip.MustParseAddrPort(udp.LocalAddr().String()).Addr().IsUnspecified() {
		keepDestination(udp)
	}
	return udp, tcp, nil
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
