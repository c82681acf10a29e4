package simnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// firstPort begins the ports that nobody asks for by number.
const firstPort = 32768

// Network is a set of hosts and the links between them. All methods, its hosts' and
// their sockets' are safe for concurrent use.
type Network struct {
	seed uint64

	mu     sync.Mutex // guards what follows, and all hosts, links, sockets and streams
	link   Link       // of each two hosts for which no other was set
	hosts  map[netip.Addr]*Host
	counts Counts
	paths  signal // broadcast when a link or host is reachable again
}

// New returns a network whose links are all like l.
func New(seed uint64, l Link) *Network {
	return &Network{seed: seed, link: l, hosts: map[netip.Addr]*Host{}}
}

// Host is one address of the network, and what listens there. It makes sockets as
// package gossip wants them.
type Host struct {
	net *Network
	ip  netip.Addr

	unplugged bool
	frozen    time.Time // until then
	packets   map[uint16]*PacketConn
	listeners map[uint16]*Listener
	links     map[*Host]*link // from here
	lastPort  uint16
}

// Host returns the host of that IP address, which is there from the first call on.
func (n *Network) Host(ip string) *Host {
	addr := netip.MustParseAddr(ip)
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.hosts[addr]
	if h == nil {
		h = &Host{
			net: n, ip: addr, lastPort: firstPort - 1,
			packets: map[uint16]*PacketConn{}, listeners: map[uint16]*Listener{}, links: map[*Host]*link{},
		}
		n.hosts[addr] = h
	}
	return h
}

// SetLink makes all links like l, from now on, but those that SetLinkBetween set.
func (n *Network) SetLink(l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.link = l
}

// SetLinkBetween makes the link in that direction like l.
func (n *Network) SetLinkBetween(from, to *Host, l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.between(from, to).own = &l
}

// Cut stops all traffic from any of from to any of to, but not the other way. What is
// on its way in streams waits for Mend.
func (n *Network) Cut(from, to []*Host) { n.setCut(from, to, true) }

// Split stops all traffic between the two groups.
func (n *Network) Split(a, b []*Host) {
	n.Cut(a, b)
	n.Cut(b, a)
}

// Mend undoes Cut and Split everywhere.
func (n *Network) Mend() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, h := range n.hosts {
		for _, l := range h.links {
			l.cut = false
		}
	}
	n.paths.broadcast()
}

func (n *Network) setCut(from, to []*Host, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range from {
		for _, b := range to {
			if a != b {
				n.between(a, b).cut = cut
			}
		}
	}
}

// Counts returns what happened so far.
func (n *Network) Counts() Counts {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.counts
}

// Waiting returns how many packets lie unread in sockets' buffers at this moment, not
// counting those on their way.
func (n *Network) Waiting() (packets int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, h := range n.hosts {
		for _, c := range h.packets {
			c.arrive(time.Now())
			packets += len(c.ready)
		}
	}
	return packets
}

// Freeze stops the host for so long as a stopped process is: nothing it sends leaves,
// nothing sent to it is read; then all of it at once, as far as buffers hold it.
func (h *Host) Freeze(d time.Duration) {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.frozen = later(h.frozen, time.Now().Add(d))
}

// Unplug cuts all links from and to the host, as when its power fails: no stream is
// closed, nobody is told.
func (h *Host) Unplug() {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.unplugged = true
}

// Plug undoes Unplug.
func (h *Host) Plug() {
	h.net.mu.Lock()
	defer h.net.mu.Unlock()
	h.unplugged = false
	h.net.paths.broadcast()
}

// IP is the host's address.
func (h *Host) IP() netip.Addr { return h.ip }

// between returns the link in that direction; the lock is held, here and below.
func (n *Network) between(from, to *Host) *link {
	l := from.links[to]
	if l == nil {
		l = newLink(n.seed, from, to)
		from.links[to] = l
	}
	return l
}

// profile is what may happen on l now.
func (n *Network) profile(l *link) *Link {
	if l.own != nil {
		return l.own
	}
	return &n.link
}

// open reports whether anything gets from one host to the other.
func (n *Network) open(from, to *Host) bool {
	return from == to || !from.unplugged && !to.unplugged && !n.between(from, to).cut
}

// departure is when something sent now leaves the host.
func (h *Host) departure(now time.Time) time.Time { return later(now, h.frozen) }

// thaw is when a frozen host goes on, zero if it is not frozen.
func (h *Host) thaw(now time.Time) time.Time {
	if h.frozen.After(now) {
		return h.frozen
	}
	return time.Time{}
}

// place finds what addr, "ip:port" of this host, means. Port 0 is any that taken does
// not say is taken.
func (h *Host) place(addr string, taken func(port uint16) bool) (netip.AddrPort, error) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return at, fmt.Errorf("simnet: %w", err)
	}
	if at.Addr().IsUnspecified() {
		at = netip.AddrPortFrom(h.ip, at.Port())
	}
	if at.Addr() != h.ip {
		return at, opError("listen", at, syscall.EADDRNOTAVAIL)
	}
	if at.Port() != 0 && taken(at.Port()) {
		return at, opError("listen", at, syscall.EADDRINUSE)
	}
	for at.Port() == 0 || taken(at.Port()) {
		at = netip.AddrPortFrom(h.ip, h.nextPort())
	}
	return at, nil
}

// nextPort goes round the ports that nobody asks for by number.
func (h *Host) nextPort() uint16 {
	h.lastPort = max(h.lastPort+1, firstPort)
	return h.lastPort
}

func opError(op string, at netip.AddrPort, err error) error {
	if errors.Is(err, net.ErrClosed) {
		return &net.OpError{Op: op, Net: "simnet", Err: net.ErrClosed}
	}
	return &net.OpError{Op: op, Net: "simnet", Addr: net.TCPAddrFromAddrPort(at), Err: err}
}
