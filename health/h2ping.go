package health

import (
	"context"
	"crypto/tls"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// pingProbe passes if an HTTP/2 server answers a PING frame (RFC 9113 section 6.7).
type pingProbe struct {
	address string      // host:port
	tls     *tls.Config // nil for none
	timeout time.Duration
	dialer  *dialer
}

func newPingProbe(def definition.Check, d *dialer) *pingProbe {
	on := def.H2PingUseTLS == nil || *def.H2PingUseTLS
	return &pingProbe{address: def.H2PING, tls: tlsTo(def, on, def.H2PING, "h2"), timeout: timeoutOf(def), dialer: d}
}

func (p *pingProbe) ask(ctx context.Context) verdict {
	what := "HTTP/2 ping " + p.address + ": "
	conn, err := dialHTTP2(ctx, p.dialer, p.address, p.tls)
	if err == nil {
		defer conn.close()
		err = conn.ping()
	}
	if err != nil {
		return failure(what, err, p.timeout)
	}
	return verdict{status: catalog.Passing, output: clean(what + "Success")}
}
