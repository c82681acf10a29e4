package dnsserver

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// conns are the open TCP connections, of which there are never more than a limit.
//
// When all are taken, the one that has been waiting for its client longest gives way
// to a newcomer (RFC 7766 section 6.2.3 lets a server close idle ones when it must),
// so that nobody shuts others out by holding connections. Only if all are at work is
// the newcomer turned away.
type conns struct {
	limit int
	start time.Time

	mu     sync.Mutex // guards what follows
	open   map[*conn]struct{}
	closed bool

	total, evicted, refused atomic.Uint64
}

// conn is one connection and since when it waits.
type conn struct {
	net.Conn
	all   *conns
	since atomic.Int64 // nanoseconds from all.start; working if it does not wait
}

// working stands for the time of a connection that does not wait for its client.
const working = -1

func newConns(limit int) *conns {
	return &conns{limit: limit, start: time.Now(), open: map[*conn]struct{}{}}
}

// wait marks the connection as waiting for its client's next question.
func (c *conn) wait() { c.since.Store(int64(time.Since(c.all.start))) }

// work marks it as answering.
func (c *conn) work() { c.since.Store(working) }

// admit takes a connection in, at another's cost if need be. It returns nil, and has
// closed it, if there is no place.
func (cs *conns) admit(raw net.Conn) *conn {
	c := &conn{Conn: raw, all: cs}
	c.wait()
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.total.Add(1)
	if !cs.closed && len(cs.open) >= cs.limit {
		cs.evict()
	}
	if cs.closed || len(cs.open) >= cs.limit {
		cs.refused.Add(1)
		raw.Close()
		return nil
	}
	cs.open[c] = struct{}{}
	return c
}

// evict closes the connection that waited longest, if any waits. cs.mu is held.
func (cs *conns) evict() {
	var idlest *conn
	var longest int64
	for c := range cs.open {
		if since := c.since.Load(); since != working && (idlest == nil || since < longest) {
			idlest, longest = c, since
		}
	}
	if idlest != nil {
		cs.evicted.Add(1)
		delete(cs.open, idlest)
		idlest.Close()
	}
}

// remove closes a connection and gives its place free.
func (cs *conns) remove(c *conn) {
	cs.mu.Lock()
	delete(cs.open, c)
	cs.mu.Unlock()
	c.Close()
}

// closeAll closes all connections and those that still come.
func (cs *conns) closeAll() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.closed = true
	for c := range cs.open {
		c.Close()
	}
}

func (cs *conns) addTo(s *Stats) {
	cs.mu.Lock()
	s.Conns = uint64(len(cs.open))
	cs.mu.Unlock()
	s.ConnsTotal, s.ConnsEvicted, s.ConnsRefused = cs.total.Load(), cs.evicted.Load(), cs.refused.Load()
}
