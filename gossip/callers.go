package gossip

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// callers are the places for streams that others open, by what they turn out to be.
type callers struct {
	silent      *places // have not said their first byte
	serf        *places
	replication *places
	watching    *places // see vigil
}

// How many are open at once, in all and from one host. On one host there may be many
// agents, as in a test.
const (
	maxSilent, silentPerHost   = 256, 64
	maxSerf, serfPerHost       = 256, 64 // each ends within Timing.ExchangeTime
	maxInbound, inboundPerHost = 512, 16
	maxWatched, watchedPerHost = 64, 8

	peekTimeout = 5 * time.Second // for a stream's first byte
)

func newCallers() *callers {
	return &callers{
		silent:      newPlaces(maxSilent, silentPerHost),
		serf:        newPlaces(maxSerf, serfPerHost),
		replication: newPlaces(maxInbound, inboundPerHost),
		watching:    newPlaces(maxWatched, watchedPerHost),
	}
}

func (t *transport) acceptStreams() {
	for {
		conn, err := t.listener.Accept()
		if err != nil {
			if t.isClosing() {
				return
			}
			t.log.Error("cannot accept gossip streams", "address", t.listener.Addr(), "error", err)
			t.pause()
			continue
		}
		host := ipOf(conn.RemoteAddr())
		if !t.callers.silent.take(host) {
			t.turnAway(conn, host)
			continue
		}
		t.wg.Go(func() { t.sortStream(conn, host) })
	}
}

// turnAway closes a stream unread. Serf and repair try again.
func (t *transport) turnAway(conn net.Conn, host netip.Addr) {
	conn.Close()
	t.refused.note(crowdedOut, "closed a stream, since too many of its kind are open", "peer", host)
}

// sortStream reads a stream's first byte and hands it to whom it is meant for.
func (t *transport) sortStream(conn net.Conn, host netip.Addr) {
	stop := context.AfterFunc(t.context(), func() { conn.Close() })
	defer stop()
	var first [1]byte
	_ = conn.SetReadDeadline(time.Now().Add(peekTimeout))
	_, err := conn.Read(first[:])
	t.callers.silent.give(host)
	if err != nil {
		conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	kind := t.callers.serf
	switch first[0] {
	case magicStream:
		kind = t.callers.replication
	case magicVigil:
		kind = t.callers.watching
	}
	if !kind.take(host) {
		t.turnAway(conn, host)
		return
	}
	leave := sync.OnceFunc(func() { kind.give(host) })
	switch kind {
	case t.callers.replication:
		defer leave()
		if err := t.streams.receive(conn, t.deliver); err != nil {
			t.refused.count(err, conn.RemoteAddr())
		}
	case t.callers.watching:
		defer leave()
		defer conn.Close()
		_, _ = io.Copy(io.Discard, io.LimitReader(conn, 1)) // nothing is said: its end is awaited
	default:
		p := &peeked{Conn: conn, first: first[:], closed: leave}
		select {
		case t.streamCh <- p:
		case <-t.closing:
			p.Close()
		}
	}
}

// deliver hands on a frame that came by stream. It waits, and so slows the sender.
func (t *transport) deliver(in inbound) bool {
	select {
	case t.bulk <- in:
		return true
	case <-t.closing:
		return false
	}
}

// peeked is a connection whose first byte has been read already.
type peeked struct {
	net.Conn
	first  []byte
	closed func() // told when this agent closes it
}

// Close implements net.Conn.
func (p *peeked) Close() error {
	defer p.closed()
	return p.Conn.Close()
}

func (p *peeked) Read(b []byte) (int, error) {
	if len(p.first) > 0 && len(b) > 0 {
		n := copy(b, p.first)
		p.first = p.first[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}
