package dnsserver

import (
	"net"
	"syscall"
)

// keepDestination has the kernel tell to which address of this host a packet came, so
// that the reply leaves from there: clients drop one that comes from elsewhere. One
// of the options fails where the socket is of one family; if both did, the kernel
// would choose the address by its routes, which is right but on hosts of several.
func keepDestination(udp *net.UDPConn) {
	raw, err := udp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_RECVPKTINFO, 1)
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_PKTINFO, 1)
	})
}
