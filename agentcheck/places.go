package agentcheck

import (
	"net"
	"slices"
	"sync"
	"time"
)

// places are the connections that are served at once. One that comes when all are taken has
// the oldest ended: who asks does so as soon as it has connected and is answered at once, so
// that one is silent.
type places struct {
	mu    sync.Mutex // guards conns
	conns []net.Conn // oldest first, at most maxConns
}

// take gives conn a place.
func (p *places) take(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.conns) == maxConns {
		_ = p.conns[0].SetDeadline(time.Unix(1, 0))
		p.conns = slices.Delete(p.conns, 0, 1)
	}
	p.conns = append(p.conns, conn)
}

// leave takes conn's place away, if it has it still.
func (p *places) leave(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.conns, conn); i >= 0 {
		p.conns = slices.Delete(p.conns, i, i+1)
	}
}
