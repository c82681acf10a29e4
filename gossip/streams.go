package gossip

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"covey/gossip/replica"
)

// A replication stream is one way: magicStream, then closed frames, each behind its
// length as 4 bytes, big end first.

const (
	dialTimeout    = 3 * time.Second
	writeTimeout   = 10 * time.Second
	idleStream     = 30 * time.Second // after which the sender closes
	readTimeout    = 90 * time.Second // after which the receiver does
	maxOutstanding = 4 << 20          // bytes waiting for one peer; more are dropped
	readAhead      = 16 << 10         // of a stream: many small frames come with one read
)

// streams are the outgoing streams, one a peer and made when needed, and how incoming
// ones are read.
type streams struct {
	network Network
	sealer  *sealer
	log     *slog.Logger

	dropped atomic.Uint64 // frames not sent: the peer was too slow, or unreachable
	cut     atomic.Uint64 // streams that ended, or went silent, within a frame

	mu     sync.Mutex // guards what follows
	closed bool
	out    map[string]*stream // by address

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// stream is the queue to one peer and the goroutine that empties it.
type stream struct {
	queue [][]byte // guarded by streams.mu
	size  int      // bytes in queue, likewise
	wake  chan struct{}
}

func newStreams(n Network, s *sealer, log *slog.Logger) *streams {
	ctx, cancel := context.WithCancel(context.Background())
	return &streams{
		network: n, sealer: s, log: log,
		out: map[string]*stream{}, ctx: ctx, cancel: cancel,
	}
}

// send queues a frame for the peer at addr, or drops it if too much waits already.
func (s *streams) send(addr string, frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	q := s.out[addr]
	if q == nil {
		q = &stream{wake: make(chan struct{}, 1)}
		s.out[addr] = q
		s.wg.Go(func() { s.run(addr, q) })
	}
	if q.size+len(frame) > maxOutstanding {
		s.dropped.Add(1)
		return
	}
	q.queue = append(q.queue, frame)
	q.size += len(frame)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// waiting is how many bytes wait for all peers together.
func (s *streams) waiting() (bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.out {
		bytes += q.size
	}
	return bytes
}

// take empties a queue, or removes it when it has been idle.
func (s *streams) take(addr string, q *stream, idle bool) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	frames := q.queue
	q.queue, q.size = nil, 0
	if len(frames) == 0 && idle {
		delete(s.out, addr)
	}
	return frames
}

// run sends one peer's frames until nothing has come for a while, or sending fails.
func (s *streams) run(addr string, q *stream) {
	var conn net.Conn
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	timer := time.NewTimer(idleStream)
	defer timer.Stop()
	for {
		idle := false
		select {
		case <-q.wake:
		case <-timer.C:
			idle = true
		case <-s.ctx.Done():
			return
		}
		timer.Reset(idleStream)
		frames := s.take(addr, q, idle)
		if len(frames) == 0 {
			if idle {
				return
			}
			continue
		}
		var err error
		if conn, err = s.write(conn, addr, frames); err != nil && s.ctx.Err() == nil {
			s.dropped.Add(uint64(len(frames)))
			s.log.Debug("replication stream broke; what is missing will be repaired", "peer", addr, "error", err)
		}
	}
}

// write sends frames over conn, which it dials when it is nil and returns nil when it
// broke.
func (s *streams) write(conn net.Conn, addr string, frames [][]byte) (net.Conn, error) {
	var buf []byte
	if conn == nil {
		ctx, cancel := context.WithTimeout(s.ctx, dialTimeout)
		defer cancel()
		var err error
		if conn, err = s.network.Dial(ctx, addr); err != nil {
			return nil, err
		}
		buf = append(buf, magicStream)
	}
	for _, f := range frames {
		buf = append(buf, 0, 0, 0, 0)
		at := len(buf)
		var err error
		if buf, err = s.sealer.seal(buf, f); err != nil {
			conn.Close()
			return nil, err
		}
		binary.BigEndian.PutUint32(buf[at-4:], uint32(len(buf)-at))
	}
	stop := context.AfterFunc(s.ctx, func() { conn.Close() })
	defer stop()
	_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := conn.Write(buf); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// receive reads an incoming stream to its end and hands each frame on. It returns why
// the stream was refused, nil if it ended well.
func (s *streams) receive(conn net.Conn, deliver func(inbound) bool) error {
	defer conn.Close()
	in := bufio.NewReaderSize(conn, readAhead)
	var length [4]byte
	for {
		_ = conn.SetReadDeadline(time.Now().Add(readTimeout))
		if _, err := io.ReadFull(in, length[:]); err != nil {
			return nil // the sender closed, or has nothing to say
		}
		n := int(binary.BigEndian.Uint32(length[:]))
		if n > replica.MaxFrame+sealOverhead {
			return fmt.Errorf("a frame of %d bytes, more than %d", n, replica.MaxFrame+sealOverhead)
		}
		_ = conn.SetReadDeadline(time.Now().Add(writeTimeout))
		// The buffer grows with what really comes: a length alone reserves nothing.
		body, err := readAtMost(in, n)
		if err != nil {
			s.cut.Add(1)
			return nil
		}
		from, frame, err := s.sealer.open(body)
		if err != nil {
			return err
		}
		if !deliver(inbound{from: from, frame: frame}) {
			return nil
		}
	}
}

// readAtMost reads exactly n bytes in steps, so that memory follows what arrives.
func readAtMost(r io.Reader, n int) ([]byte, error) {
	const step = 64 << 10
	b := make([]byte, 0, min(n, step))
	for len(b) < n {
		at := len(b)
		b = append(b, make([]byte, min(n-at, step))...)
		if _, err := io.ReadFull(r, b[at:]); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// close ends all outgoing streams and waits for them.
func (s *streams) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
}
