package health

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

const (
	maxHeader = 64 << 10 // of an answer
	keepBody  = 4 << 10  // of an answer, for the output
	// readBody is how much of an answer is read, so that a service may finish writing an
	// ordinary one and need not see its connection reset.
	readBody = 64 << 10

	maxInterim = 5 // answers of 1xx before the one that counts
)

// answer is what came back for one request.
type answer struct {
	code     int
	status   string // "200 OK"
	header   http.Header
	location string // of a redirect
	body     string // what is kept of it
	cutShort bool   // by the end of the run's time
}

// exchange sends a request over a connection of its own and returns the answer.
//
// It does what http.Transport does for one request, without what makes that dear and
// odd here: two more goroutines for each connection, a pool though whether the service
// accepts connections is half of what a check is to find out, and a line in the process's
// log for each service that speaks first (SSH, MySQL). It uses no proxy: the service is
// asked, not the proxy. It speaks HTTP/1.1 only.
func (p *httpProbe) exchange(ctx context.Context, request *http.Request) (answer, error) {
	conn, err := p.connect(ctx, request)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	stop := endWith(ctx, conn)
	defer stop()

	sent := request.WithContext(ctx)
	if request.GetBody != nil {
		if sent.Body, err = request.GetBody(); err != nil {
			return answer{}, err
		}
	} else {
		sent.Body, sent.ContentLength = nil, 0
	}
	// A service may answer and close before it has read everything; what it said counts.
	var network *net.OpError
	if err := sent.Write(conn); err != nil && !errors.As(err, &network) {
		return answer{}, err
	}
	limited := &limitedReader{from: conn, left: maxHeader, beyond: fmt.Sprintf("its header is longer than %d bytes", maxHeader)}
	response, err := readFinal(bufio.NewReader(limited), sent)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	a := answer{code: response.StatusCode, status: response.Status, header: response.Header}
	if 300 <= a.code && a.code < 400 {
		a.location = response.Header.Get("Location")
	}
	limited.left = keepBody + readBody
	a.body, err = readSome(response.Body)
	a.cutShort = err != nil && timedOut(err)
	return a, nil
}

func (p *httpProbe) connect(ctx context.Context, request *http.Request) (net.Conn, error) {
	u := request.URL
	cfg := p.tls
	if u.Scheme != "https" {
		cfg = nil
	}
	return p.dialer.secure(ctx, net.JoinHostPort(u.Hostname(), portOf(u)), cfg)
}

// readFinal passes over what is not yet the answer, such as 100 Continue.
func readFinal(from *bufio.Reader, request *http.Request) (*http.Response, error) {
	for range maxInterim {
		response, err := http.ReadResponse(from, request)
		if err != nil || response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols {
			return response, err
		}
	}
	return nil, fmt.Errorf("more than %d interim answers (1xx)", maxInterim)
}

// readSome returns what is kept of the body, which it reads up to a limit, and what
// kept it from reading on.
func readSome(body io.Reader) (string, error) {
	kept, err := io.ReadAll(io.LimitReader(body, keepBody))
	if err == nil {
		_, err = io.CopyN(io.Discard, body, readBody-keepBody)
	}
	return string(kept), err
}

// limitedReader fails, rather than ends, beyond its limit.
type limitedReader struct {
	from   io.Reader
	left   int
	beyond string // what it says then
}

func (r *limitedReader) Read(b []byte) (int, error) {
	if r.left <= 0 {
		return 0, errors.New(r.beyond)
	}
	n, err := r.from.Read(b[:min(len(b), r.left)])
	r.left -= n
	return n, err
}
