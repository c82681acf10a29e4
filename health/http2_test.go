package health

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/protobuf/encoding/protowire"

	"covey/catalog"
	"covey/catalog/definition"
)

// h2Server serves HTTP/2, over TLS or without.
func h2Server(t *testing.T, secure bool, h http.Handler) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if secure {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
		s.Start()
	}
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// healthServer speaks grpc.health.v1 for the services it is given.
func healthServer(services map[string]int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		if r.URL.Path != "/grpc.health.v1.Health/Check" || r.Method != "POST" || r.Header.Get("Te") != "trailers" || len(body) < 5 {
			w.Header().Set("Grpc-Status", "12")
			return
		}
		service := ""
		if b := body[5:]; len(b) > 0 {
			_, _, n := protowire.ConsumeTag(b)
			service, _ = protowire.ConsumeString(b[n:])
		}
		status, ok := services[service]
		if !ok {
			w.Header().Set("Grpc-Status", "5")
			w.Header().Set("Grpc-Message", "unknown%20service")
			return
		}
		writeGRPC(w, protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(status)))
		w.Header().Set("Grpc-Status", "0")
	})
}

func writeGRPC(w io.Writer, message []byte) {
	w.Write(append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...))
}

func TestGRPCAsksForAService(t *testing.T) {
	services := map[string]int{"": 1, "shop.Cart": 2, "shop.Basket": 1, "odd": 9}
	plain, secure := h2Server(t, false, healthServer(services)), h2Server(t, true, healthServer(services))
	for target, want := range map[string]string{
		"":             "success",
		"/shop.Basket": "success",
		"/shop.Cart":   "it is NOT_SERVING",
		"/odd":         "it is in status 9, which the protocol does not have",
		"/none":        `it knows no service "none"`,
	} {
		status := catalog.Critical
		if want == "success" {
			status = catalog.Passing
		}
		wantVerdict(t, ask(t, definition.Check{GRPC: plain + target}), status, "gRPC check "+plain+target+": "+want)
		v := ask(t, definition.Check{GRPC: secure + target, GRPCUseTLS: true, TLSSkipVerify: true, TLSServerName: "shop.example"})
		wantVerdict(t, v, status, "gRPC check "+secure+target+": "+want)
	}
	v := ask(t, definition.Check{GRPC: secure, GRPCUseTLS: true})
	wantVerdict(t, v, catalog.Critical, "gRPC check "+secure+": tls: failed to verify certificate: x509: certificate signed by unknown authority")
}

func TestGRPCOfWhatIsNotAHealthService(t *testing.T) {
	answer := func(write func(w http.ResponseWriter, r *http.Request)) string {
		return h2Server(t, false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/grpc+proto")
			w.Header().Set("Trailer", "Grpc-Status")
			write(w, r)
		}))
	}
	refused := raw(t, func(net.Conn) {})
	for want, at := range map[string]string{
		"it does not offer grpc.health.v1.Health": answer(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Grpc-Status", "12") }),
		"the call failed with gRPC status 14: try\x20later": answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Grpc-Status", "14")
			w.Header().Set("Grpc-Message", "try%20later")
		}),
		"its answer ends without a gRPC status": answer(func(w http.ResponseWriter, _ *http.Request) { writeGRPC(w, nil) }),
		"its answer is not one whole uncompressed gRPC message": answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Write([]byte("\x01\x00\x00\x00\x02xx"))
			w.Header().Set("Grpc-Status", "0")
		}),
		"its answer is no HealthCheckResponse": answer(func(w http.ResponseWriter, _ *http.Request) {
			writeGRPC(w, []byte{0xff})
			w.Header().Set("Grpc-Status", "0")
		}),
		"it sends more than 65536 bytes": answer(func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}),
		"no answer within 300ms": answer(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
		`it answers HTTP 404 of type "text/plain; charset=utf-8", which is not gRPC`: h2Server(t, false, http.NotFoundHandler()),
		"the connection was closed without an answer":                                refused,
	} {
		v := ask(t, definition.Check{GRPC: at, Timeout: 300 * time.Millisecond})
		wantVerdict(t, v, catalog.Critical, "gRPC check "+at+": "+want)
	}
}

func TestHTTP2PingIsAnswered(t *testing.T) {
	off := false
	plain, secure := h2Server(t, false, http.NotFoundHandler()), h2Server(t, true, http.NotFoundHandler())
	wantVerdict(t, ask(t, definition.Check{H2PING: plain, H2PingUseTLS: &off}), catalog.Passing, "HTTP/2 ping "+plain+": Success")
	wantVerdict(t, ask(t, definition.Check{H2PING: secure, TLSSkipVerify: true}), catalog.Passing, "HTTP/2 ping "+secure+": Success")

	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = log.New(io.Discard, "", 0)
	old.StartTLS()
	defer old.Close()
	at := old.Listener.Addr().String()
	wantVerdict(t, ask(t, definition.Check{H2PING: at, TLSSkipVerify: true}), catalog.Critical,
		"HTTP/2 ping "+at+": tls: no application protocol")
	wantVerdict(t, ask(t, definition.Check{H2PING: "169.254.169.254:443"}), catalog.Critical,
		"HTTP/2 ping 169.254.169.254:443: dial tcp 169.254.169.254:443: checks may not reach 169.254.169.254, a link-local address")
	for want, serve := range map[string]func(net.Conn){
		"no answer within 200ms":                      func(c net.Conn) { io.Copy(io.Discard, c) },
		"the connection was closed without an answer": func(c net.Conn) { bufio.NewReader(c).ReadByte() },
		"it does not speak HTTP/2":                    func(c net.Conn) { endlessly(c, []byte("SSH-2.0-garbage ")) },
		"it sends more than 65536 bytes":              func(c net.Conn) { endlessly(c, []byte{0, 0, 0, 0xfe, 0, 0, 0, 0, 0}) }, // frames of an unknown kind
		"it closes the connection with HTTP/2 error ENHANCE_YOUR_CALM": func(c net.Conn) {
			http2.NewFramer(c, nil).WriteGoAway(0, http2.ErrCodeEnhanceYourCalm, nil)
			io.Copy(io.Discard, c)
		},
	} {
		at := raw(t, serve)
		v := ask(t, definition.Check{H2PING: at, H2PingUseTLS: &off, Timeout: 200 * time.Millisecond})
		wantVerdict(t, v, catalog.Critical, "HTTP/2 ping "+at+": "+want)
	}
}

func endlessly(c net.Conn, text []byte) {
	for text = bytes.Repeat(text, 1000); ; {
		if _, err := c.Write(text); err != nil {
			return
		}
	}
}

func TestTCPWithTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	at := s.Listener.Addr().String()
	wantVerdict(t, ask(t, definition.Check{TCP: at, TCPUseTLS: true, TLSSkipVerify: true}), catalog.Passing, "TCP+TLS connect "+at+": Success")
	wantVerdict(t, ask(t, definition.Check{TCP: at, TCPUseTLS: true}), catalog.Critical,
		"TCP+TLS connect "+at+": tls: failed to verify certificate: x509: certificate signed by unknown authority")

	// One certificate for the name that the check gives.
	name := make(chan string, 1)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		name <- h.ServerName
		return &tls.Config{Certificates: s.TLS.Certificates}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	v := ask(t, definition.Check{TCP: l.Addr().String(), TCPUseTLS: true, TLSSkipVerify: true, TLSServerName: "db.example"})
	if v.status != catalog.Passing || <-name != "db.example" {
		t.Errorf("%+v", v)
	}
	at = raw(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	wantVerdict(t, ask(t, definition.Check{TCP: at, TCPUseTLS: true, Timeout: 100 * time.Millisecond}), catalog.Critical,
		"TCP+TLS connect "+at+": no answer within 100ms")
}
