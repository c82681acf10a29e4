package httpapi

import (
	"cmp"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"covey/internal/fault"
)

// Socket is whose a unix socket is and who may use it.
type Socket struct {
	User, Group string      // name or number; "" for the process's own
	Mode        fs.FileMode // 0 for 0600
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
	}
	return s.bind(path)
}

// bind makes the socket where nobody else can reach it, gives it to whom it belongs, and
// only then puts it in its place: there is no moment at which others could connect.
func (s Socket) bind(path string) (net.Listener, error) {
	failed := func(err error) error {
		return fault.New(fault.Invalid, "the HTTP API cannot listen on %s: %w; choose another path with --http", path, err)
	}
	private, err := os.MkdirTemp(filepath.Dir(path), ".") // short: so is the longest path of a socket
	if err != nil {
		return nil, failed(err)
	}
	defer os.Remove(private)
	made := filepath.Join(private, "s")
	l, err := net.Listen("unix", made)
	if err != nil {
		return nil, failed(err)
	}
	bound := &socketListener{UnixListener: l.(*net.UnixListener), addr: net.UnixAddr{Name: path, Net: "unix"}}
	bound.SetUnlinkOnClose(false)
	if err = s.own(made, path); err == nil {
		if err = os.Rename(made, path); err == nil {
			return bound, nil
		}
		err = failed(err)
	}
	_ = bound.UnixListener.Close()
	_ = os.Remove(made)
	return nil, err
}

// socketListener listens on a socket that has been moved since it was bound.
type socketListener struct {
	*net.UnixListener
	addr   net.UnixAddr
	closed sync.Once
}

// Addr is where the socket is now.
func (l *socketListener) Addr() net.Addr { return &l.addr }

// Close removes the socket, once: later there may be another's in its place.
func (l *socketListener) Close() error {
	l.closed.Do(func() { _ = os.Remove(l.addr.Name) })
	return l.UnixListener.Close()
}

// own gives the socket that was made for path to whom it belongs, then opens it to them.
func (s Socket) own(made, path string) error {
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
		if err := os.Chown(made, uid, gid); err != nil {
			return fault.New(fault.Forbidden, "the HTTP API cannot give away its socket: %w; only root may, or to a group of its own", err)
		}
	}
	if err := os.Chmod(made, cmp.Or(s.Mode, 0o600)); err != nil {
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
