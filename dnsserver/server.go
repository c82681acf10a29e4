package dnsserver

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"
)

// Server answers on one address, over UDP and TCP: New binds, Run serves, Close
// closes and waits. Its methods are safe to call at once.
type Server struct {
	*Resolver
	sockets     *sockets
	fast        *fastPath // nil for the portable loop
	conns       *conns
	turns       chan struct{} // one for each question over TCP at work
	waiting     *waiting
	limit       *rateLimit // nil for none
	idleTimeout time.Duration
	trouble     quietly // logs of failing sockets

	closing chan struct{} // closed by Close
	once    sync.Once     // of Close

	mu      sync.Mutex // guards ran, and its order with closing
	ran     bool
	running sync.WaitGroup // every goroutine of Run
}

// New binds the address and returns a server that answers nothing before Run. The
// error names every fault of the configuration, or the address that cannot be had and
// what to do about it.
func New(c Config) (*Server, error) {
	r, err := NewResolver(c)
	if err != nil {
		return nil, err
	}
	c.setDefaults()
	// Whoever has questions logged wants all of them, and only the full path logs.
	fast := batches && !c.PortableUDP && !c.Logger.Enabled(context.Background(), slog.LevelDebug)
	count := 1
	if fast {
		count = runtime.GOMAXPROCS(0)
	}
	sockets, err := listen(c.Addr, count)
	if err != nil {
		return nil, err
	}
	bound := netip.MustParseAddrPort(sockets.udp[0].LocalAddr().String())
	if err := checkRecursors(c.Recursors, bound); err != nil {
		sockets.close()
		return nil, err
	}
	s := &Server{
		Resolver:    r,
		sockets:     sockets,
		conns:       newConns(c.MaxTCPConns, c.MaxTCPConnsPerClient),
		turns:       newTurns(),
		waiting:     newWaiting(c.MaxWaiting),
		limit:       newRateLimit(&c, bound.Addr()),
		idleTimeout: c.TCPIdleTimeout,
		trouble:     quietly{log: c.Logger},
		closing:     make(chan struct{}),
	}
	if fast {
		s.fast = newFastPath(r)
	}
	return s, nil
}

// Addr is the address served over UDP; that over TCP has the same IP and port.
func (s *Server) Addr() net.Addr { return s.sockets.udp[0].LocalAddr() }

// errRanTwice is a fault of the program, not of a user.
var errRanTwice = errors.New("dns server: Run was called twice")

// Run serves until Close, and returns nil then. Questions over UDP are answered by as
// many goroutines as there are processors: an answer never waits for anything. On
// Linux each has a socket of its own and takes many packets at a time.
func (s *Server) Run() error {
	s.mu.Lock()
	if s.ran {
		s.mu.Unlock()
		return errRanTwice
	}
	s.ran = true
	select {
	case <-s.closing:
	default:
		for i := range runtime.GOMAXPROCS(0) {
			if s.fast != nil {
				s.running.Go(func() { s.serveBatches(s.sockets.udp[i%len(s.sockets.udp)]) })
			} else {
				s.running.Go(func() { s.serveUDP(s.sockets.udp[0]) })
			}
		}
		s.running.Go(s.serveTCP)
	}
	s.mu.Unlock()
	<-s.closing
	s.running.Wait()
	return nil
}

// Close stops serving, drops the connections and returns when nothing runs any more.
func (s *Server) Close() error {
	var err error
	s.once.Do(func() {
		s.mu.Lock()
		close(s.closing)
		s.mu.Unlock()
		err = s.sockets.close()
		s.conns.closeAll()
		s.closeRecursors()
	})
	s.running.Wait()
	return err
}

// Stats returns the counters as they are now.
func (s *Server) Stats() Stats {
	stats := s.Resolver.Stats()
	s.conns.addTo(&stats)
	s.waiting.addTo(&stats)
	s.limit.addTo(&stats)
	return stats
}

// pause waits after a failure that may pass, longer from one to the next. It reports
// whether the server still runs.
func (s *Server) pause(failures int) bool {
	const shortest, longest = 5 * time.Millisecond, time.Second
	timer := time.NewTimer(min(shortest<<min(failures, 8), longest))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.closing:
		return false
	}
}

// closed reports whether Close was called.
func (s *Server) closed() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}
