package httpapi

import (
	"errors"
	"net"
	"strings"
	"syscall"

	"covey/internal/fault"
)

const unixScheme = "unix://"

// listen binds addr: host:port, or unix:// and a path.
func listen(addr string, s Socket) (net.Listener, error) {
	if path, ok := strings.CutPrefix(addr, unixScheme); ok {
		return listenUnix(path, s)
	}
	l, err := net.Listen("tcp", addr)
	switch {
	case err == nil:
		return l, nil
	case taken(err):
		return nil, fault.New(fault.Conflict,
			"the HTTP API cannot listen on %s: %w; another agent or Consul may be listening there; choose another address with --http", addr, err)
	default:
		return nil, fault.New(fault.Invalid,
			"the HTTP API cannot listen on %s: %w; give an address of this host and a free port with --http", addr, err)
	}
}

func taken(err error) bool {
	const wsaAddrInUse = syscall.Errno(10048) // Windows reports its own number
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaAddrInUse)
}
