package health

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// dialer connects to what checks name, but for the addresses no check may reach. It
// looks at the address that is dialled, after the name is resolved, so that no name,
// redirect or change of DNS gets around it (CVE-2022-29153).
type dialer struct {
	allowed []netip.Prefix
}

func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	plain := net.Dialer{
		KeepAlive: -1, // no connection here lives long enough
		Control:   func(_, address string, _ syscall.RawConn) error { return d.check(address) },
	}
	return plain.DialContext(ctx, network, address)
}

// refusal is the error for an address that no check may reach.
type refusal struct {
	addr netip.Addr
	what string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("checks may not reach %v, %s", r.addr, r.what)
}

// check says why address, an IP and a port, may not be dialled, or nil.
func (d *dialer) check(address string) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	addr := target.Addr().Unmap().WithZone("")
	for _, prefix := range d.allowed {
		if prefix.Contains(addr) {
			return nil
		}
	}
	for _, a := range []netip.Addr{addr, embedded(addr)} {
		if a.IsLinkLocalUnicast() {
			return &refusal{addr, "a link-local address"}
		}
		for _, m := range metadata() {
			if a == m {
				return &refusal{addr, "a cloud's metadata service"}
			}
		}
	}
	return nil
}

// metadata are the addresses outside of 169.254.0.0/16 and fe80::/10 where clouds serve
// an instance its credentials.
func metadata() [5]netip.Addr {
	return [...]netip.Addr{
		netip.AddrFrom4([4]byte{100, 100, 100, 200}),                              // Alibaba
		netip.AddrFrom4([4]byte{168, 63, 129, 16}),                                // Azure
		netip.AddrFrom4([4]byte{192, 0, 0, 192}),                                  // Oracle, as it was
		netip.AddrFrom16([16]byte{0: 0xfd, 2: 0x0e, 3: 0xc2, 14: 0x02, 15: 0x54}), // Amazon, fd00:ec2::254
		netip.AddrFrom16([16]byte{0: 0xfd, 1: 0x20, 3: 0xce, 14: 0x02, 15: 0x54}), // Google, fd20:ce::254
	}
}

// embedded returns the IPv4 address that a translator or tunnel would reach in place of
// addr (RFC 6052 and RFC 3056), and addr itself if there is none.
func embedded(addr netip.Addr) netip.Addr {
	if !addr.Is6() {
		return addr
	}
	b := addr.As16()
	switch {
	case [12]byte(b[:12]) == [12]byte{0x00, 0x64, 0xff, 0x9b}: // 64:ff9b::/96
		return netip.AddrFrom4([4]byte(b[12:]))
	case b[0] == 0x20 && b[1] == 0x02: // 2002::/16
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return addr
}

// lacking returns err if it says that this process, not the service, lacks something.
func lacking(err error) error {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return err
	}
	return nil
}
