package health

import (
	"context"
	"crypto/tls"
	"time"

	"covey/catalog"
)

// tcpProbe passes if a connection can be made, with TLS if that is set. Nothing is sent.
type tcpProbe struct {
	address string      // host:port
	tls     *tls.Config // nil for none
	timeout time.Duration
	dialer  *dialer
}

func (p *tcpProbe) ask(ctx context.Context) verdict {
	what := "TCP connect " + p.address + ": "
	if p.tls != nil {
		what = "TCP+TLS connect " + p.address + ": "
	}
	conn, err := p.dialer.secure(ctx, p.address, p.tls)
	if err != nil {
		return failure(what, err, p.timeout)
	}
	conn.Close()
	return verdict{status: catalog.Passing, output: clean(what + "Success")}
}
