package health

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"covey/catalog/definition"
)

// tlsConfig is how a check speaks TLS to a host, by one of protocols if there are any.
func tlsConfig(def definition.Check, host string, protocols ...string) *tls.Config {
	return &tls.Config{
		ServerName:         cmp.Or(def.TLSServerName, host),
		InsecureSkipVerify: def.TLSSkipVerify,
		NextProtos:         protocols,
	}
}

// tlsTo is tlsConfig for host:port, nil if TLS is off.
func tlsTo(def definition.Check, on bool, address string, protocols ...string) *tls.Config {
	if !on {
		return nil
	}
	host, _, _ := net.SplitHostPort(address) // what is no host:port cannot be dialled either
	return tlsConfig(def, host, protocols...)
}

// secure connects, by TLS unless cfg is nil.
func (d *dialer) secure(ctx context.Context, address string, cfg *tls.Config) (net.Conn, error) {
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil || cfg == nil {
		return conn, err
	}
	secured := tls.Client(conn, cfg)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	// A server that knows nothing of ALPN chooses none.
	if got := secured.ConnectionState().NegotiatedProtocol; len(cfg.NextProtos) > 0 && cfg.NextProtos[0] == "h2" && got != "h2" {
		conn.Close()
		return nil, fmt.Errorf("it does not speak HTTP/2 over TLS (ALPN chose %q)", got)
	}
	return secured, nil
}

// endWith has what is read from or written to conn fail when ctx ends. The caller stops
// it before conn is closed.
func endWith(ctx context.Context, conn net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
}
