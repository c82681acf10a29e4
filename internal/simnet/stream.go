package simnet

import (
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

const (
	window      = 256 << 10 // bytes on their way and unread in one direction
	segmentSize = 1448
	firstResend = 200 * time.Millisecond // after a loss; then twice that, and so on
	maxResends  = 6
)

// Stream is one end of a stream; it implements net.Conn.
type Stream struct {
	host          *Host
	local, remote netip.AddrPort
	in, out       *pipe

	readBy, writeBy time.Time // deadlines
	closed          bool
}

// pipe is one direction of a stream. The network's lock guards it.
type pipe struct {
	from, to *Host
	segments []segment // on their way and unread, in order
	size     int       // bytes in them
	last     time.Time // when the last one arrives: nothing overtakes in a stream
	stuck    time.Time // until then nothing more arrives
	broken   bool
	unread   bool // the reading end is closed
	signal   signal
}

// segment is what one write, or a part of it, put in; without data it is the end.
type segment struct {
	at   time.Time
	data []byte
}

// Read waits for data, the end, the deadline, or Close.
func (s *Stream) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		n, wake, until, err := s.tryRead(b)
		if n > 0 || err != nil {
			return n, err
		}
		await(wake.changed, wake.paths, until)
	}
}

// wakers are the two things that end a wait: something in the stream, or a path that
// is open again.
type wakers struct{ changed, paths <-chan struct{} }

func (s *Stream) wakers(p *pipe) wakers { return wakers{p.signal.wait(), s.host.net.paths.wait()} }

func (s *Stream) tryRead(b []byte) (n int, wake wakers, until time.Time, err error) {
	world := s.host.net
	world.mu.Lock()
	defer world.mu.Unlock()
	p, now := s.in, time.Now()
	switch {
	case s.closed:
		return 0, wake, until, opError("read", s.remote, net.ErrClosed)
	case p.broken:
		return 0, wake, until, opError("read", s.remote, syscall.ECONNRESET)
	case passed(s.readBy, now):
		return 0, wake, until, opError("read", s.remote, os.ErrDeadlineExceeded)
	case len(p.segments) > 0 && world.open(p.from, p.to):
		head := &p.segments[0]
		until = later(head.at, s.host.frozen)
		if until.After(now) {
			break
		}
		if head.data == nil {
			return 0, wake, until, io.EOF
		}
		n = copy(b, head.data)
		if head.data = head.data[n:]; len(head.data) == 0 {
			p.segments[0] = segment{}
			p.segments = p.segments[1:]
		}
		p.size -= n
		world.counts.Bytes += uint64(n)
		p.signal.broadcast()
		return n, wake, until, nil
	}
	return 0, s.wakers(p), earliest(until, s.readBy), nil
}

// Write puts b into the stream, and waits while too much is unread.
func (s *Stream) Write(b []byte) (written int, err error) {
	for len(b) > 0 {
		n, wake, until, err := s.tryWrite(b, written == 0)
		if err != nil {
			return written, err
		}
		if n == 0 {
			await(wake.changed, wake.paths, until)
		}
		b = b[n:]
		written += n
	}
	return written, nil
}

func (s *Stream) tryWrite(b []byte, first bool) (n int, wake wakers, until time.Time, err error) {
	world := s.host.net
	world.mu.Lock()
	defer world.mu.Unlock()
	p, now := s.out, time.Now()
	switch {
	case s.closed:
		return 0, wake, until, opError("write", s.remote, net.ErrClosed)
	case p.broken:
		return 0, wake, until, opError("write", s.remote, syscall.ECONNRESET)
	case passed(s.writeBy, now):
		return 0, wake, until, opError("write", s.remote, os.ErrDeadlineExceeded)
	case p.unread && world.open(p.from, p.to) && world.open(p.to, p.from):
		return 0, wake, until, opError("write", s.remote, syscall.EPIPE)
	}
	room := window - p.size
	if room <= 0 {
		world.counts.Full++
		return 0, s.wakers(p), s.writeBy, nil
	}
	l := world.between(p.from, p.to)
	may := world.profile(l)
	if first && l.chance(may.Reset) {
		world.counts.Resets++
		s.breakOff()
		return 0, wake, until, opError("write", s.remote, syscall.ECONNRESET)
	}
	if first && l.chance(may.Stick) {
		world.counts.Stuck++
		p.stuck = later(p.stuck, now.Add(may.StickFor))
	}
	n = min(room, len(b))
	p.put(l, may, append([]byte(nil), b[:n]...))
	return n, wake, until, nil
}

// put sends a segment, or with nil the end.
func (p *pipe) put(l *link, may *Link, data []byte) {
	at := p.from.departure(time.Now()).Add(l.draw(may.Delay))
	for range max(1, (len(data)+segmentSize-1)/segmentSize) {
		wait := firstResend
		for i := 0; i < maxResends && l.chance(may.Loss); i++ {
			p.from.net.counts.Resent++
			at = at.Add(wait)
			wait *= 2
		}
	}
	p.last = later(p.last, later(at, p.stuck))
	p.segments = append(p.segments, segment{p.last, data})
	p.size += len(data)
	p.signal.broadcast()
}

// breakOff ends the stream for both ends at once; the lock is held.
func (s *Stream) breakOff() {
	for _, p := range []*pipe{s.in, s.out} {
		p.broken, p.segments, p.size = true, nil, 0
		p.signal.broadcast()
	}
}

// Close ends this end. The other reads what was written before, then the end.
func (s *Stream) Close() error {
	n := s.host.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if s.closed {
		return opError("close", s.remote, net.ErrClosed)
	}
	s.closed = true
	s.in.unread, s.in.segments, s.in.size = true, nil, 0
	s.in.signal.broadcast()
	if !s.out.broken && !s.out.unread {
		l := n.between(s.out.from, s.out.to)
		s.out.put(l, n.profile(l), nil)
	}
	s.out.signal.broadcast()
	return nil
}

// LocalAddr implements net.Conn.
func (s *Stream) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(s.local) }

// RemoteAddr implements net.Conn.
func (s *Stream) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(s.remote) }

// SetDeadline implements net.Conn.
func (s *Stream) SetDeadline(t time.Time) error { return s.setDeadlines(&t, &t) }

// SetReadDeadline implements net.Conn.
func (s *Stream) SetReadDeadline(t time.Time) error { return s.setDeadlines(&t, nil) }

// SetWriteDeadline implements net.Conn.
func (s *Stream) SetWriteDeadline(t time.Time) error { return s.setDeadlines(nil, &t) }

func (s *Stream) setDeadlines(read, write *time.Time) error {
	s.host.net.mu.Lock()
	defer s.host.net.mu.Unlock()
	if read != nil {
		s.readBy = *read
		s.in.signal.broadcast()
	}
	if write != nil {
		s.writeBy = *write
		s.out.signal.broadcast()
	}
	return nil
}
