package health

import (
	"context"
	"io"
	"net"
	"sync"
	"time"

	"covey/catalog"
)

// holdProbe keeps a connection to a service. When the service dies its kernel closes the
// connection, which is an event here: the probe asks to be run at once, dials again, and
// is refused if nobody is there any more. A service that only closed an idle connection
// answers, and stays passing.
//
// A host that dies says nothing; keep-alive packets find that out within two intervals.
type holdProbe struct {
	address  string // host:port
	timeout  time.Duration
	interval time.Duration
	dialer   *dialer

	event   func()
	running *sync.WaitGroup

	mu     sync.Mutex // guards all below
	conn   net.Conn   // held; nil for none
	talks  bool       // the service says more than is listened to: its connections are not held
	closed bool
	events allowance
}

// maxSaid is how much of what a service says by itself is read from one connection.
const maxSaid = 64 << 10

func (p *holdProbe) watch(event func(), running *sync.WaitGroup) {
	p.event, p.running = event, running
}

func (p *holdProbe) ask(ctx context.Context) verdict {
	what := "Hold " + p.address + ": "
	if p.held() {
		return verdict{status: catalog.Passing, output: clean(what + "Connected")}
	}
	conn, err := p.dialer.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return failure(what, err, p.timeout)
	}
	if !p.hold(conn) {
		conn.Close()
		return verdict{status: catalog.Passing, output: clean(what + "Connected; not held, since the service sends without end")}
	}
	return verdict{status: catalog.Passing, output: clean(what + "Connected")}
}

func (p *holdProbe) held() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conn != nil
}

// hold begins to watch a connection, unless that is pointless.
func (p *holdProbe) hold(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.talks {
		return false
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(net.KeepAliveConfig{ // without it, the next run still dials
			Enable:   true,
			Idle:     max(p.interval, time.Second),
			Interval: max(p.interval/4, time.Second),
			Count:    4,
		})
	}
	p.conn = conn
	p.running.Go(func() { p.listen(conn) })
	return true
}

// listen waits for the end of a connection.
func (p *holdProbe) listen(conn net.Conn) {
	n, _ := io.Copy(io.Discard, io.LimitReader(conn, maxSaid))
	conn.Close()
	p.mu.Lock()
	p.conn = nil
	p.talks = n == maxSaid
	tell := !p.closed && p.events.take(time.Now())
	p.mu.Unlock()
	if tell {
		p.event()
	}
}

func (p *holdProbe) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.conn != nil {
		p.conn.Close()
	}
}

// allowance bounds how often something that happens makes a check run out of its turn:
// a few times at once, once a second in the long run. The rest waits for the interval.
type allowance struct {
	spent float64
	at    time.Time // when spent was right
}

const (
	allowanceBurst = 5
	allowancePace  = time.Second
)

func (a *allowance) take(now time.Time) bool {
	if !a.at.IsZero() {
		a.spent = max(0, a.spent-float64(now.Sub(a.at))/float64(allowancePace))
	}
	a.at = now
	if a.spent > allowanceBurst-1 {
		return false
	}
	a.spent++
	return true
}
