//go:build !linux

package dnsserver

import "net"

// keepDestination does nothing here: a reply from a socket that is bound to all
// addresses leaves from the one that the kernel's routes choose.
func keepDestination(*net.UDPConn) {}
