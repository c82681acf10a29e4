//go:build !linux

package gossip

import "net"

func listenPackets(addr string) (net.PacketConn, error) { return net.ListenPacket("udp", addr) }
