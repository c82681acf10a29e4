package dnsserver

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// conns are the open TCP connections, of which there are never more than a limit.
//
// When all are taken, the one that has been waiting for its client longest, for a question
// or to take an answer, gives way to a newcomer (RFC 7766 section 6.2.3 lets a server close
// idle ones when it must), so that nobody shuts others out by holding connections. Only if all are at work is
// the newcomer turned away. The same holds among the connections of one client, unless
// that is this host itself.
type conns struct {
	limit     int // of all
	perClient int // of those from one address of another host
	start     time.Time

	mu     sync.Mutex // guards what follows
	open   map[*conn]struct{}
	of     map[netip.Addr]int // how many of them are one client's
	closed bool

	total, evicted, refused atomic.Uint64
}

// conn is one connection and since when it waits.
type conn struct {
	net.Conn
	all    *conns
	client netip.Addr   // whose it is; not valid if he may have as many as he likes
	since  atomic.Int64 // when it last had a reply: nanoseconds from all.start
	busy   atomic.Int32 // questions without a reply yet; none if it waits for its client

	pending sync.WaitGroup // questions that are answered later
	writing sync.Mutex     // held while a reply is written
}

func newConns(limit, perClient int) *conns {
	return &conns{limit: limit, perClient: perClient, start: time.Now(), open: map[*conn]struct{}{}, of: map[netip.Addr]int{}}
}

// touch notes that the connection is in use.
func (c *conn) touch() { c.since.Store(int64(time.Since(c.all.start))) }

// begin marks a question as at work, end as one of which the reply is there.
func (c *conn) begin() { c.busy.Add(1) }
func (c *conn) end()   { c.touch(); c.busy.Add(-1) }

// admit takes a connection in, at another's cost if need be. It returns nil, and has
// closed it, if there is no place.
func (cs *conns) admit(raw net.Conn) *conn {
	c := &conn{Conn: raw, all: cs}
	if via := transportOf(raw.RemoteAddr(), true); !via.Local {
		c.client = via.Client
	}
	c.touch()
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.total.Add(1)
	switch {
	case cs.closed:
	case c.client.IsValid() && cs.of[c.client] >= cs.perClient:
		cs.evict(func(other *conn) bool { return other.client == c.client })
	case len(cs.open) >= cs.limit:
		cs.evict(func(*conn) bool { return true })
	}
	if cs.closed || len(cs.open) >= cs.limit || c.client.IsValid() && cs.of[c.client] >= cs.perClient {
		cs.refused.Add(1)
		raw.Close()
		return nil
	}
	cs.open[c] = struct{}{}
	cs.of[c.client]++
	return c
}

// evict closes the connection that waited longest of those there is a choice among, if
// any waits. cs.mu is held.
func (cs *conns) evict(among func(*conn) bool) {
	var idlest *conn
	var longest int64
	for c := range cs.open {
		if since := c.since.Load(); c.busy.Load() == 0 && among(c) && (idlest == nil || since < longest) {
			idlest, longest = c, since
		}
	}
	if idlest != nil {
		cs.evicted.Add(1)
		cs.forget(idlest)
		idlest.Close()
	}
}

// forget gives the place of a connection free. cs.mu is held.
func (cs *conns) forget(c *conn) {
	if _, open := cs.open[c]; !open {
		return
	}
	delete(cs.open, c)
	if cs.of[c.client]--; cs.of[c.client] == 0 {
		delete(cs.of, c.client)
	}
}

// remove closes a connection and gives its place free.
func (cs *conns) remove(c *conn) {
	cs.mu.Lock()
	cs.forget(c)
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
