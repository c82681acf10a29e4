package httpapi

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// connections counts those that are open, all of them and by client: an IPv4 address, or a
// /64 of IPv6, all of which one host can have. Clients on this host share an address: they
// are not told apart, and not counted one by one.
type connections struct {
	mu       sync.Mutex // guards what follows
	open     int
	byClient map[netip.Prefix]int
}

// enter counts c and returns how many are open, and of them the client's; 0 of one that is
// not told apart.
func (n *connections) enter(c net.Conn) (open, clients int) {
	client := clientOf(c)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open++
	if client.IsValid() {
		n.byClient[client]++
	}
	return n.open, n.byClient[client]
}

// leave takes back what enter counted.
func (n *connections) leave(c net.Conn) {
	client := clientOf(c)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open--
	if client.IsValid() {
		if n.byClient[client]--; n.byClient[client] == 0 {
			delete(n.byClient, client)
		}
	}
}

func (n *connections) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.open
}

// clientOf is whom a connection is counted for; invalid for who is on this host.
func clientOf(c net.Conn) netip.Prefix {
	remote, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := remote.AddrPort().Addr().Unmap()
	if local, ok := c.LocalAddr().(*net.TCPAddr); ip.IsLoopback() || ok && local.AddrPort().Addr().Unmap() == ip {
		return netip.Prefix{}
	}
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	client, _ := ip.Prefix(bits)
	return client
}

// refusalText is what a connection over a limit is told before it is closed.
func refusalText(status int, line string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
		status, http.StatusText(status), len(line), line)
}

var (
	noRoom         = refusalText(http.StatusServiceUnavailable, "this agent has too many HTTP connections open\r\n")
	noRoomForYours = refusalText(http.StatusTooManyRequests, "your address has too many HTTP connections to this agent open (limits.http_max_conns_per_client)\r\n")
)

// admit counts connections and turns those over a limit away. net/http calls it on every
// change of state, and for a new connection before it is served.
func (s *Server) admit(c net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		if _, ok := c.(*returned); ok {
			return // it has been counted all the time
		}
		switch open, clients := s.conns.enter(c); {
		case open > s.cfg.MaxConns:
			s.count.connsRefused.Add(1)
			turnAway(c, noRoom)
		case clients > s.cfg.MaxConnsPerClient:
			s.count.clientsRefused.Add(1)
			turnAway(c, noRoomForYours)
		}
	case http.StateClosed: // not when it is parked
		s.conns.leave(c)
		if c, ok := c.(*returned); ok && c.served == 0 {
			s.parking.leave()
		}
	}
}

// turnAway closes a connection with a word, if that costs nothing. The accept loop waits for
// this: the deadline is a safeguard, since the few bytes fit any fresh connection's buffer.
func turnAway(c net.Conn, word []byte) {
	if t, ok := c.(*tls.Conn); ok { // a word in plain text, or a handshake, is too much
		_ = t.NetConn().Close()
		return
	}
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = c.Write(word)
	_ = c.Close()
}
