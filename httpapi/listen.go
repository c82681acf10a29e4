package httpapi

import (
	"cmp"
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"time"

	"covey/internal/fault"
)

const unixScheme = "unix://"

// Socket is whose a unix socket is and who may use it.
type Socket struct {
	User, Group string      // name or number; "" for the process's own
	Mode        fs.FileMode // 0 for 0600
}

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

// listenUnix binds a socket at path. One that a dead process left behind is replaced;
// a file of any other kind, or a socket that somebody serves, is left alone.
func listenUnix(path string, s Socket) (net.Listener, error) {
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
	if err := s.own(path); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// own gives the socket to whom it belongs, then opens it to them.
func (s Socket) own(path string) error {
	uid, err := idOf(s.User, func(name string) (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
	if err != nil {
		return fault.New(fault.Invalid, "the owner of the socket %s (unix_sockets.user): %w", path, err)
	}
	gid, err := idOf(s.Group, func(name string) (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
	if err != nil {
		return fault.New(fault.Invalid, "the group of the socket %s (unix_sockets.group): %w", path, err)
	}
	if uid >= 0 || gid >= 0 {
		if err := os.Chown(path, uid, gid); err != nil {
			return fault.New(fault.Forbidden, "the HTTP API cannot give away its socket: %w; only root may, or to a group of its own", err)
		}
	}
	if err := os.Chmod(path, cmp.Or(s.Mode, 0o600)); err != nil {
		return fault.New(fault.Internal, "the HTTP API cannot set the permissions of %s: %w", path, err)
	}
	return nil
}

// idOf is the number of a user or group that is given by name or number, -1 for none.
func idOf(name string, lookup func(string) (string, error)) (int, error) {
	if name == "" {
		return -1, nil
	}
	if n, err := strconv.ParseUint(name, 10, 31); err == nil {
		return int(n), nil
	}
	number, err := lookup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(number)
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
			if t, ok := c.(*tls.Conn); ok { // a word in plain text, or a handshake, is too much
				_ = t.NetConn().Close()
				return
			}
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
