package rig

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"sync"
)

// Place is where an agent stands: an address and three ports that were free.
type Place struct {
	IP                string
	Gossip, HTTP, DNS int
}

// given are the addresses this process has handed out.
var given struct {
	sync.Mutex
	ips map[netip.Addr]bool
}

// FindPlace returns a place nothing listens on: the usual ports on a loopback address
// of its own, or free ports on 127.0.0.1 where the system has no other.
func FindPlace() (Place, error) {
	given.Lock()
	defer given.Unlock()
	if given.ips == nil {
		given.ips = map[netip.Addr]bool{}
	}
	var refused []error
	for range 20 {
		// 127.0.0.0/16 is left to people and to the demo.
		ip := netip.AddrFrom4([4]byte{127, byte(1 + rand.IntN(254)), byte(rand.IntN(256)), byte(1 + rand.IntN(254))})
		if given.ips[ip] {
			continue
		}
		p := Place{IP: ip.String(), Gossip: 7946, HTTP: 8500, DNS: 8600}
		if err := p.free(); err != nil {
			refused = append(refused, err)
			continue
		}
		given.ips[ip] = true
		return p, nil
	}
	p := Place{IP: "127.0.0.1"}
	for range 50 {
		// Below the ports that systems hand out to clients.
		at := 20000 + rand.IntN(10000)
		p.Gossip, p.HTTP, p.DNS = at, at+1, at+2
		if err := p.free(); err == nil {
			return p, nil
		}
	}
	return Place{}, fmt.Errorf("no free loopback address or ports: %w", errors.Join(refused...))
}

// free returns an error if anything listens on one of the place's ports.
func (p Place) free() error {
	for _, port := range []int{p.Gossip, p.HTTP, p.DNS} {
		if err := PortFree(p.IP, port); err != nil {
			return err
		}
	}
	return nil
}

// PortFree returns an error if the address cannot be bound for both TCP and UDP.
func PortFree(ip string, port int) error {
	addr := net.JoinHostPort(ip, strconv.Itoa(port))
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	defer l.Close()
	u, err := net.ListenPacket("udp", addr)
	if err != nil {
		return err
	}
	return u.Close()
}

func (p Place) addr(port int) string { return net.JoinHostPort(p.IP, strconv.Itoa(port)) }
