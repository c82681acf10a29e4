package health

import (
	"context"
	"errors"
	"os"
	"time"

	"covey/catalog"
)

// udpProbe sends an empty datagram and passes unless it is refused: a host on which
// nobody listens says so by ICMP. An answer passes, and so does silence, since few
// services answer what they do not understand.
type udpProbe struct {
	address string // host:port
	timeout time.Duration
	dialer  *dialer
}

// maxSilence is how long a refusal is waited for: it takes a round trip or does not come.
// The run would otherwise hold its place for the whole timeout while all is well.
const maxSilence = time.Second

func (p *udpProbe) ask(ctx context.Context) verdict {
	what := "UDP connect " + p.address + ": "
	conn, err := p.dialer.DialContext(ctx, "udp", p.address)
	if err != nil {
		return failure(what, err, p.timeout)
	}
	defer conn.Close()
	stop := endWith(ctx, conn)
	defer stop()
	if _, err := conn.Write(nil); err != nil {
		return failure(what, err, p.timeout)
	}
	wait := maxSilence
	if end, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(end))
	}
	if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return failure(what, err, p.timeout)
	}
	_, err = conn.Read(make([]byte, 1))
	silent := errors.Is(err, os.ErrDeadlineExceeded)
	if err != nil && !silent {
		return failure(what, err, p.timeout)
	}
	// In the slow lane, or some hundred silent services would hold all places.
	return verdict{status: catalog.Passing, output: clean(what + "Success"), timedOut: silent}
}
