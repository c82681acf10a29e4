package recursor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// server is one of those that are asked.
type server struct {
	addr     netip.AddrPort
	timeout  time.Duration
	log      *slog.Logger
	counts   *counts
	estimate estimate
}

// ask returns what the server says to the question: NOERROR or NXDOMAIN, anything else
// is an error.
func (s *server) ask(done context.Context, q *query) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(done, s.timeout)
	defer cancel()
	began := time.Now()
	m, err := s.exchange(ctx, q)
	if done.Err() != nil {
		return nil, ErrClosed
	}
	if err != nil {
		s.estimate.failed(s, err)
		return nil, err
	}
	s.estimate.answered(s, time.Since(began))
	switch m.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
		return m, nil
	}
	return nil, fmt.Errorf("it answered %s", dns.RcodeToString[m.Rcode])
}

// exchange asks over UDP, without EDNS if the server turns out not to know it, and over
// TCP if the answer is longer than a packet or could be another's.
func (s *server) exchange(ctx context.Context, q *query) (*dns.Msg, error) {
	m, err := s.overUDP(ctx, q)
	if err == nil && (m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented || m.Rcode == dns.RcodeBadVers) {
		q = q.withoutEDNS() // RFC 6891 section 6.2.2
		m, err = s.overUDP(ctx, q)
	}
	if errors.Is(err, errUnsure) || err == nil && m.Truncated {
		s.counts.tcp.Add(1)
		return s.overTCP(ctx, q)
	}
	return m, err
}

// errUnsure says that what came over UDP may be from somebody else.
var errUnsure = errors.New("the replies are not to the question asked")

// maxStrangers is how many packets may come that are no reply before TCP is turned to:
// somebody seems to be guessing.
const maxStrangers = 8

func (s *server) overUDP(ctx context.Context, q *query) (*dns.Msg, error) {
	conn, release, err := s.dial(ctx, "udp")
	if err != nil {
		return nil, err
	}
	defer release()
	sent, err := q.pack()
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(sent); err != nil {
		return nil, err
	}
	buf := make([]byte, payload+1)
	for range maxStrangers {
		n, err := conn.Read(buf) // the socket is connected: from the server's address only
		if err != nil {
			return nil, err
		}
		switch matchOf(sent, buf[:n]) {
		case exact:
			if n > payload {
				return nil, errUnsure // longer than we said we take
			}
			return unpack(buf[:n])
		case blurred:
			return nil, errUnsure
		}
		s.counts.ignored.Add(1)
	}
	return nil, errUnsure
}

func (s *server) overTCP(ctx context.Context, q *query) (*dns.Msg, error) {
	conn, release, err := s.dial(ctx, "tcp")
	if err != nil {
		return nil, err
	}
	defer release()
	sent, err := q.pack()
	if err != nil {
		return nil, err
	}
	frame := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(sent)), uint16(len(sent)))
	if _, err := conn.Write(append(frame, sent...)); err != nil {
		return nil, err
	}
	var prefix [2]byte
	if _, err := io.ReadFull(conn, prefix[:]); err != nil {
		return nil, err
	}
	reply := make([]byte, binary.BigEndian.Uint16(prefix[:]))
	if _, err := io.ReadFull(conn, reply); err != nil {
		return nil, err
	}
	if matchOf(sent, reply) == stranger {
		s.counts.ignored.Add(1)
		return nil, errUnsure
	}
	m, err := unpack(reply)
	if err == nil && m.Truncated {
		return nil, errors.New("its answer is truncated over TCP as well")
	}
	return m, err
}

// dial opens a socket for one exchange. It ends with ctx.
func (s *server) dial(ctx context.Context, network string) (conn net.Conn, release func(), err error) {
	var d net.Dialer
	if conn, err = d.DialContext(ctx, network, s.addr.String()); err != nil {
		return nil, nil, err
	}
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		conn.Close()
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) { // else the deadline says it better
			conn.Close()
		}
	})
	return conn, func() { stop(); conn.Close() }, nil
}

func unpack(packet []byte) (*dns.Msg, error) {
	m := new(dns.Msg)
	if err := m.Unpack(packet); err != nil {
		return nil, fmt.Errorf("its answer cannot be read: %w", err)
	}
	return m, nil
}
