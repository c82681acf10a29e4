package httpapi

import (
	"crypto/tls"
	"net"
	"net/http"

	"covey/internal/fault"
)

// bind opens what the configuration says: without TLS, with it, or both. The first is what
// Addr tells.
func (s *Server) bind() (err error) {
	defer func() {
		if err != nil {
			s.closeListeners()
		}
	}()
	if s.cfg.Addr != "" {
		l, err := listen(s.cfg.Addr, s.cfg.Socket)
		if err != nil {
			return err
		}
		s.listeners = append(s.listeners, l)
	}
	if s.cfg.TLSAddr != "" {
		if s.cfg.TLS == nil {
			return fault.New(fault.Internal, "the HTTP API is to use TLS on %s, without a certificate", s.cfg.TLSAddr)
		}
		l, err := listen(s.cfg.TLSAddr, Socket{})
		if err != nil {
			return err
		}
		s.listeners = append(s.listeners, tls.NewListener(l, s.cfg.TLS))
	}
	if len(s.listeners) == 0 {
		return fault.New(fault.Invalid, "the HTTP API has no address to listen on")
	}
	names := append([]string{s.cfg.NodeName}, s.cfg.AllowedHosts...)
	for _, l := range s.listeners {
		if l.Addr().Network() == "unix" {
			continue
		}
		host, _, _ := net.SplitHostPort(l.Addr().String())
		names = append(names, host)
	}
	s.hosts = newHostList(names)
	return nil
}

func (s *Server) closeListeners() {
	for _, l := range s.listeners {
		_ = l.Close()
	}
}

// overSocket reports whether a request came by a unix socket, which no web page reaches.
func overSocket(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && addr.Network() == "unix"
}

// Addr is the address that was bound, the one without TLS if there are two.
func (s *Server) Addr() net.Addr { return s.listeners[0].Addr() }

// TLSAddr is the address that was bound for TLS, nil for none.
func (s *Server) TLSAddr() net.Addr {
	if s.cfg.TLSAddr == "" {
		return nil
	}
	return s.listeners[len(s.listeners)-1].Addr()
}
