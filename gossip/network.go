package gossip

import (
	"context"
	"fmt"
	"net"
	"strconv"
)

// Network is how sockets are made: the system's, or a simulated one.
type Network interface {
	ListenPacket(addr string) (net.PacketConn, error)
	Listen(addr string) (net.Listener, error)
	Dial(ctx context.Context, addr string) (net.Conn, error)
}

// systemNetwork is UDP and TCP.
type systemNetwork struct{}

func (systemNetwork) ListenPacket(addr string) (net.PacketConn, error) {
	return listenPackets(addr)
}

func (systemNetwork) Listen(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }

func (systemNetwork) Dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}

// portTries is how often another port is tried when the kernel's choice for TCP turns
// out to be taken for UDP.
const portTries = 10

// bindBoth listens for streams and packets on one port, which may be 0 for any.
func bindBoth(n Network, ip string, port int) (net.Listener, net.PacketConn, int, error) {
	var err error
	for range portTries {
		addr := net.JoinHostPort(ip, strconv.Itoa(port))
		var l net.Listener
		if l, err = n.Listen(addr); err != nil {
			break
		}
		_, chosen, _ := net.SplitHostPort(l.Addr().String())
		var p net.PacketConn
		if p, err = n.ListenPacket(net.JoinHostPort(ip, chosen)); err == nil {
			number, _ := strconv.Atoi(chosen)
			return l, p, number, nil
		}
		l.Close()
		if port != 0 {
			break
		}
	}
	return nil, nil, 0, fmt.Errorf("cannot listen for gossip on %s (TCP and UDP): %w; "+
		"if another agent has that port, choose another with --gossip-port or another address with --bind",
		net.JoinHostPort(ip, strconv.Itoa(port)), err)
}
