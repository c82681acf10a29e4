package httpapi

import (
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"covey/internal/fault"
)

const unixScheme = "unix://"

// listen binds addr: host:port, or unix:// and a path.
func listen(addr string, mode fs.FileMode) (net.Listener, error) {
	if path, ok := strings.CutPrefix(addr, unixScheme); ok {
		return listenUnix(path, mode)
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

// listenUnix binds a socket at path. One that a dead process left behind is replaced;
// a file of any other kind, or a socket that somebody serves, is left alone.
func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fault.New(fault.Invalid, "the HTTP API cannot use the socket %s: %w", path, err)
	case info.Mode().Type() != fs.ModeSocket:
		return nil, fault.New(fault.Conflict,
			"the HTTP API cannot listen on %s: a file that is no socket is there; choose another path with --http", path)
	case served(path):
		return nil, fault.New(fault.Conflict,
			"the HTTP API cannot listen on %s: another agent is listening there; choose another path with --http", path)
	default:
		if err := os.Remove(path); err != nil {
			return nil, fault.New(fault.Invalid, "the HTTP API cannot replace the abandoned socket %s: %w", path, err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the HTTP API cannot listen on %s: %w; choose another path with --http", path, err)
	}
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, fault.New(fault.Internal, "the HTTP API cannot set the permissions of %s: %w", path, err)
	}
	return l, nil
}

// served reports whether anyone may be listening on the socket at path.
func served(path string) bool {
	c, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		c.Close()
	}
	return !errors.Is(err, syscall.ECONNREFUSED)
}

func taken(err error) bool {
	const wsaAddrInUse = syscall.Errno(10048) // Windows reports its own number
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaAddrInUse)
}

// noRoom is what a connection over the limit is told before it is closed.
const noRoom = "HTTP/1.1 503 Service Unavailable\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: 47\r\n\r\n" +
	"this agent has too many HTTP connections open\r\n"

// admit counts connections and turns those over the limit away. net/http calls it on
// every change of state, and for a new connection before it is served.
func (s *Server) admit(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if s.count.conns.Add(1) > int64(s.cfg.MaxConns) {
			s.count.connsRefused.Add(1)
			// The accept loop waits for this: the deadline is a safeguard, since the few bytes
			// fit any fresh connection's buffer.
			_ = c.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = c.Write([]byte(noRoom))
			_ = c.Close()
		}
	case http.StateClosed, http.StateHijacked:
		s.count.conns.Add(-1)
	}
}
