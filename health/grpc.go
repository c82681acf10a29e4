package health

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/encoding/protowire"

	"covey/catalog"
	"covey/catalog/definition"
)

// grpcProbe asks a service by the gRPC health checking protocol (grpc.health.v1.Health,
// method Check) and passes if it is SERVING. The call is one HTTP/2 request, which is
// made here: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md.
type grpcProbe struct {
	target  string      // as the check names it
	address string      // host:port
	service string      // "" for the server as a whole
	tls     *tls.Config // nil for none
	timeout time.Duration
	dialer  *dialer
}

func newGRPCProbe(def definition.Check, d *dialer) *grpcProbe {
	address, service, _ := strings.Cut(def.GRPC, "/")
	return &grpcProbe{
		target: def.GRPC, address: address, service: service, tls: tlsTo(def, def.GRPCUseTLS, address, "h2"),
		timeout: timeoutOf(def), dialer: d,
	}
}

func (p *grpcProbe) ask(ctx context.Context) verdict {
	what := "gRPC check " + p.target + ": "
	status, metrics, err := p.call(ctx)
	if err != nil {
		return failure(what, err, p.timeout)
	}
	load, note := readMetrics("", metrics)
	v := verdict{status: catalog.Passing, output: clean(what + "success" + note), answered: true, load: load}
	if status != serving {
		v.status, v.output = catalog.Critical, clean(what+"it is "+status.String()+note)
	}
	return v
}

// call makes the one call there is. Its metrics are those of the trailer.
func (p *grpcProbe) call(ctx context.Context) (status servingStatus, metrics string, err error) {
	conn, err := dialHTTP2(ctx, p.dialer, p.address, p.tls)
	if err != nil {
		return 0, "", err
	}
	defer conn.close()
	a, err := conn.request(p.header(), p.message())
	if err != nil {
		return 0, "", err
	}
	if code, kind := a.fields[":status"], a.fields["content-type"]; code != "200" || !strings.HasPrefix(kind, "application/grpc") {
		return 0, "", fmt.Errorf("it answers HTTP %s of type %q, which is not gRPC", code, kind)
	}
	if err := p.refusal(a.fields["grpc-status"], a.fields["grpc-message"]); err != nil {
		return 0, "", err
	}
	status, err = parseServing(a.body)
	return status, a.fields[orcaBinary], err
}

func (p *grpcProbe) header() []hpack.HeaderField {
	scheme := "http"
	if p.tls != nil {
		scheme = "https"
	}
	return []hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: scheme},
		{Name: ":path", Value: "/grpc.health.v1.Health/Check"},
		{Name: ":authority", Value: authority(p.tls, p.address)},
		{Name: "te", Value: "trailers"},
		{Name: "content-type", Value: "application/grpc"},
		{Name: "user-agent", Value: "Covey Health Check"},
	}
}

// message is a HealthCheckRequest in its frame.
func (p *grpcProbe) message() []byte {
	var request []byte
	if p.service != "" {
		request = protowire.AppendTag(request, 1, protowire.BytesType)
		request = protowire.AppendString(request, p.service)
	}
	framed := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(request))) // 0 is not compressed
	return append(framed, request...)
}

// authority is the address, or where the certificate is to have another name, that.
func authority(cfg *tls.Config, address string) string {
	if host, port, err := net.SplitHostPort(address); err == nil && cfg != nil && cfg.ServerName != host {
		return net.JoinHostPort(cfg.ServerName, port)
	}
	return address
}

// refusal is what the status of a call says, nil for OK.
func (p *grpcProbe) refusal(code, said string) error {
	if text, err := url.PathUnescape(said); err == nil { // section "Responses"
		said = text
	}
	switch code {
	case "0":
		return nil
	case "":
		return errors.New("its answer ends without a gRPC status")
	case "5":
		return fmt.Errorf("it knows no service %q", p.service)
	case "12":
		return errors.New("it does not offer grpc.health.v1.Health")
	}
	if said == "" {
		return fmt.Errorf("the call failed with gRPC status %s", code)
	}
	return fmt.Errorf("the call failed with gRPC status %s: %s", code, said)
}

// servingStatus is HealthCheckResponse.ServingStatus.
type servingStatus uint64

const serving servingStatus = 1

func (s servingStatus) String() string {
	names := [...]string{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"}
	if s < servingStatus(len(names)) {
		return names[s]
	}
	return fmt.Sprintf("in status %d, which the protocol does not have", uint64(s))
}

// parseServing reads a HealthCheckResponse in its frame. Fields that are not known are
// passed over; without a status it is UNKNOWN.
func parseServing(framed []byte) (servingStatus, error) {
	const prefix = 5
	if len(framed) < prefix || framed[0] != 0 || int64(binary.BigEndian.Uint32(framed[1:])) != int64(len(framed)-prefix) {
		return 0, errors.New("its answer is not one whole uncompressed gRPC message")
	}
	status := servingStatus(0)
	for b := framed[prefix:]; len(b) > 0; {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return 0, errors.New("its answer is no HealthCheckResponse")
		}
		b = b[n:]
		if number == 1 && kind == protowire.VarintType {
			v, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return 0, errors.New("its answer is no HealthCheckResponse")
			}
			status, b = servingStatus(v), b[n:]
			continue
		}
		if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return 0, errors.New("its answer is no HealthCheckResponse")
		}
		b = b[n:]
	}
	return status, nil
}
