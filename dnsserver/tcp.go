package dnsserver

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// serveTCP accepts connections until the listener is closed.
func (s *Server) serveTCP() {
	failures := 0
	for {
		raw, err := s.sockets.tcp.AcceptTCP()
		if err != nil {
			if s.closed() || errors.Is(err, net.ErrClosed) {
				return
			}
			s.trouble.Error("dns: cannot accept a TCP connection; trying again", "error", err)
			if failures++; !s.pause(failures) {
				return
			}
			continue
		}
		failures = 0
		if c := s.conns.admit(raw); c != nil {
			s.running.Go(func() { s.serveConn(c) })
		}
	}
}

// serveConn answers the questions of one connection in the order they come, several
// of which a client may send at once (RFC 7766 section 6.2.1.1).
func (s *Server) serveConn(c *conn) {
	defer s.conns.remove(c)
	via := transportOf(c.RemoteAddr(), true)
	in := bufio.NewReaderSize(c, 512)
	var packet []byte
	for {
		c.wait()
		if c.SetReadDeadline(time.Now().Add(s.idleTimeout)) != nil {
			return
		}
		var err error
		if packet, err = readFrame(in, packet); err != nil {
			return // the client is done, slow, or no DNS client
		}
		c.work()
		reply := s.Respond(packet, via, nil)
		if reply == nil {
			return // nobody who means well sends what deserves no reply
		}
		if c.SetWriteDeadline(time.Now().Add(s.idleTimeout)) != nil || writeFrame(c, reply) != nil {
			return
		}
	}
}

var errLongQuestion = errors.New("longer than any question")

// readFrame reads one message after its length (RFC 1035 section 4.2.2), into buf if
// that is long enough.
func readFrame(in io.Reader, buf []byte) ([]byte, error) {
	var prefix [2]byte
	if _, err := io.ReadFull(in, prefix[:]); err != nil {
		return buf, err
	}
	n := int(binary.BigEndian.Uint16(prefix[:]))
	if n > longestQuestion {
		return buf, errLongQuestion
	}
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	_, err := io.ReadFull(in, buf[:n])
	return buf[:n], err
}

// writeFrame writes a message after its length, in one segment where that is possible
// (RFC 7766 section 8).
func writeFrame(out io.Writer, message []byte) error {
	frame := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(message)), uint16(len(message)))
	_, err := out.Write(append(frame, message...))
	return err
}
