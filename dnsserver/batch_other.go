//go:build !linux

package dnsserver

import (
	"net"
	"syscall"
)

// batches reports whether this system reads and writes many packets at a time.
const batches = false

func shareAddress(_, _ string, _ syscall.RawConn) error { return nil }

func (s *Server) serveBatches(udp *net.UDPConn) { s.serveUDP(udp) }
