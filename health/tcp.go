package health

import (
	"context"
	"time"

	"covey/catalog"
)

// tcpProbe passes if a connection can be made. Nothing is sent.
type tcpProbe struct {
	address string // host:port
	timeout time.Duration
	dialer  *dialer
}

func (p *tcpProbe) ask(ctx context.Context) verdict {
	what := "TCP connect " + p.address + ": "
	conn, err := p.dialer.DialContext(ctx, "tcp", p.address)
	if err != nil {
		return failure(what, err, p.timeout)
	}
	conn.Close()
	return verdict{status: catalog.Passing, output: clean(what + "Success")}
}
