package httpapi

import (
	"context"
	"net"
	"sync"
)

// parking is where net/http gets parked connections back: to it, a listener like others.
type parking struct {
	addr   net.Addr
	back   chan *returned
	closed chan struct{}
	once   sync.Once // closes closed

	mu      sync.Mutex // guards what follows
	held    int        // connections that are parked, or whose request has not begun again
	closing bool       // no more come in
	empty   chan struct{}
}

func newParking() *parking {
	return &parking{back: make(chan *returned), closed: make(chan struct{}), empty: make(chan struct{})}
}

// enter makes room for one, unless the server is closing.
func (p *parking) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closing {
		return false
	}
	p.held++
	return true
}

// leave tells that one is held no more.
func (p *parking) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held--
	if p.closing && p.held == 0 {
		close(p.empty)
	}
}

// release has net/http take c, which leaves when its request begins. It reports false if
// nobody takes connections any more.
func (p *parking) release(c *returned) bool {
	select {
	case p.back <- c:
		return true
	case <-p.closed:
		return false
	}
}

// clear lets nobody in any more and waits until none is held. Whoever waits must have been
// woken.
func (p *parking) clear(ctx context.Context) {
	p.mu.Lock()
	p.closing = true
	if p.held == 0 {
		close(p.empty)
	}
	p.mu.Unlock()
	select {
	case <-p.empty:
	case <-ctx.Done():
	}
}

// Accept implements net.Listener.
func (p *parking) Accept() (net.Conn, error) {
	select {
	case c := <-p.back:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *parking) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener.
func (p *parking) Addr() net.Addr { return p.addr }
