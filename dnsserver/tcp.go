package dnsserver

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
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

// maxPending is how many questions of one connection may wait for recursors at once.
// More are not read until one is answered.
const maxPending = 16

// newTurns are as many as there are processors but one, which UDP is left: however many
// connections have questions, those that are answered at a time do not fill the
// scheduler's queue, behind which packets would wait for all of them.
func newTurns() chan struct{} { return make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)) }

// serveConn answers the questions of one connection, several of which a client may send
// at once. Those that have to wait for others are answered when they can be, the rest at
// once, so that replies may come in another order than questions (RFC 7766 section 7).
func (s *Server) serveConn(c *conn) {
	defer s.conns.remove(c)
	defer c.pending.Wait() // whoever closes his half still wants the answers
	via := transportOf(c.RemoteAddr(), true)
	in := bufio.NewReaderSize(c, 512)
	places := make(chan struct{}, maxPending)
	var packet []byte
	for {
		if c.SetReadDeadline(time.Now().Add(s.idleTimeout)) != nil {
			return
		}
		var err error
		if packet, err = readFrame(in, packet); err != nil {
			return // the client is done, slow, or no DNS client
		}
		c.begin()
		s.turns <- struct{}{}
		reply, later := s.RespondAtOnce(packet, via, nil)
		<-s.turns
		if later {
			places <- struct{}{}
			c.pending.Add(1)
			done := func() { c.pending.Done(); <-places }
			if reply = s.answerLater(packet, via, func(reply []byte) { c.send(reply, s.idleTimeout); done() }); reply == nil {
				continue
			}
			done()
		}
		if reply == nil || c.send(reply, s.idleTimeout) != nil {
			return // nobody who means well sends what deserves no reply
		}
	}
}

// send ends a question with its reply. A client that does not take it in time loses the
// connection, and with it what else waits to be written; and before that it may lose its
// place to another, since it is the client now who is waited for.
func (c *conn) send(reply []byte, patience time.Duration) error {
	c.end()
	c.writing.Lock()
	defer c.writing.Unlock()
	err := c.SetWriteDeadline(time.Now().Add(patience))
	if err == nil {
		err = writeFrame(c, reply)
	}
	if err != nil {
		c.Close()
	}
	return err
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
