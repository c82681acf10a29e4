package dnsserver

import (
	"errors"
	"net"

	"github.com/miekg/dns"
)

// longestQuestion is the size of the longest packet that is read whole: a name, a
// type, and EDNS options with padding are far from it.
const longestQuestion = 4096

// serveUDP answers packets one after the other until the socket is closed.
func (s *Server) serveUDP(udp *net.UDPConn) {
	packet := make([]byte, longestQuestion)
	buf := make([]byte, longestQuestion)
	failures := 0
	for {
		// A session holds, besides the client's address, to which of ours it wrote.
		n, session, err := dns.ReadFromSessionUDP(udp, packet)
		if err != nil {
			if s.closed() || errors.Is(err, net.ErrClosed) {
				return
			}
			// Some systems report here that an earlier reply was not wanted.
			s.trouble.Error("dns: cannot read from the UDP socket; trying again", "error", err)
			if failures++; !s.pause(failures) {
				return
			}
			continue
		}
		failures = 0
		send := func(reply []byte) {
			if _, err := dns.WriteToSessionUDP(udp, reply, session); err != nil && !s.closed() {
				s.trouble.Error("dns: cannot send a reply over UDP; it was dropped", "client", session.RemoteAddr().String(), "error", err)
			}
		}
		via := transportOf(session.RemoteAddr(), false)
		reply, limited := s.limit.curb(packet[:n], via, buf)
		if !limited {
			var later bool
			if reply, later = s.RespondAtOnce(packet[:n], via, buf); later {
				reply = s.answerLater(packet[:n], via, send)
			}
		}
		if reply != nil {
			send(reply)
		}
	}
}
