package health

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

const (
	maxRedirects = 5
	maxHeader    = 64 << 10 // of an answer
	keepBody     = 4 << 10  // of an answer, for the output
	// readBody is how much of an answer is read, so that a service may finish writing an
	// ordinary one and need not see its connection reset.
	readBody = 64 << 10
)

// httpProbe passes if a request is answered with 2xx, and warns on 429.
type httpProbe struct {
	client  *http.Client
	request *http.Request // a copy of it is sent by each run
	body    string
	follow  bool // redirects
	timeout time.Duration
	what    string
	broken  error // why no request can be made at all
}

// newHTTPProbe uses the transport unless the check has wishes of its own about TLS.
func newHTTPProbe(def definition.Check, transport *http.Transport) *httpProbe {
	p := &httpProbe{body: def.Body, follow: !def.DisableRedirects, timeout: timeoutOf(def)}
	method := cmp.Or(strings.ToUpper(def.Method), http.MethodGet)
	p.request, p.broken = http.NewRequest(method, def.HTTP, nil)
	if p.broken != nil {
		p.what = fmt.Sprintf("HTTP %s %s: ", method, def.HTTP)
		return p
	}
	// The output is for every host to read; a password in the URL is not.
	p.what = fmt.Sprintf("HTTP %s %s: ", method, p.request.URL.Redacted())
	p.setHeader(def.Header)
	if def.TLSSkipVerify || def.TLSServerName != "" {
		transport = transport.Clone()
		transport.TLSClientConfig.InsecureSkipVerify = def.TLSSkipVerify
		transport.TLSClientConfig.ServerName = def.TLSServerName
	}
	p.client = &http.Client{Transport: transport, CheckRedirect: p.redirect}
	return p
}

func (p *httpProbe) setHeader(header map[string][]string) {
	p.request.Header.Set("User-Agent", "Covey Health Check")
	p.request.Header.Set("Accept", "text/plain, text/*, */*")
	for name, values := range header {
		name = http.CanonicalHeaderKey(name)
		p.request.Header.Del(name)
		for _, value := range values {
			p.request.Header.Add(name, value)
		}
	}
	// Host is a field of the request, not of its header.
	p.request.Host = cmp.Or(p.request.Header.Get("Host"), p.request.Host)
	p.request.Header.Del("Host")
}

// newTransport connects anew for each run, since whether the service accepts connections
// is half of what a check is to find out; nothing of it lives between runs. It uses no
// proxy: the service is asked, not the proxy, and the dialler sees the real address.
func newTransport(d *dialer) *http.Transport {
	return &http.Transport{
		DialContext:            d.DialContext,
		DisableKeepAlives:      true,
		DisableCompression:     true, // nor can an answer expand
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: maxHeader,
		TLSClientConfig:        &tls.Config{},
	}
}

// redirect lets the client follow within the host and port that the check names, which
// whoever registered it could name anyway. Elsewhere it could be sent where the
// registrar has no access but this agent has.
func (p *httpProbe) redirect(next *http.Request, via []*http.Request) error {
	if p.follow && len(via) <= maxRedirects && sameServer(next.URL, p.request.URL) {
		return nil
	}
	return http.ErrUseLastResponse
}

func sameServer(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && portOf(a) == portOf(b)
}

func portOf(u *url.URL) string {
	if u.Scheme == "https" {
		return cmp.Or(u.Port(), "443")
	}
	return cmp.Or(u.Port(), "80")
}

func (p *httpProbe) ask(ctx context.Context) verdict {
	if p.broken != nil {
		return verdict{status: catalog.Critical, output: clean(p.what + p.broken.Error())}
	}
	request := p.request.WithContext(ctx)
	if p.body != "" {
		request.Body = io.NopCloser(strings.NewReader(p.body))
		request.ContentLength = int64(len(p.body))
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(p.body)), nil }
	}
	response, err := p.client.Do(request)
	if err != nil {
		return failure(p.what, err, p.timeout)
	}
	defer response.Body.Close()
	v := verdict{status: statusOf(response.StatusCode)}
	text := p.what + response.Status
	if where := p.unfollowed(response); where != "" {
		v.output = clean(text + ", a redirect " + where)
		return v
	}
	body, err := readSome(response.Body)
	text += " Output: " + body
	if err != nil && ctx.Err() != nil {
		// What was asked is answered: the status came. But it holds a run for as long as a
		// service that hangs.
		v.timedOut = true
	}
	v.output = clean(text)
	return v
}

func statusOf(code int) catalog.Status {
	switch {
	case 200 <= code && code < 300:
		return catalog.Passing
	case code == http.StatusTooManyRequests:
		return catalog.Warning
	}
	return catalog.Critical
}

// unfollowed says where a redirect leads that should have been followed, and why it was
// not; "" for any other answer.
func (p *httpProbe) unfollowed(r *http.Response) string {
	location, err := r.Location()
	switch {
	case !p.follow || r.StatusCode < 300 || r.StatusCode >= 400 || errors.Is(err, http.ErrNoLocation):
		return ""
	case err != nil:
		return "to what is no URL"
	case sameServer(location, p.request.URL):
		return fmt.Sprintf("after %d others to %s; no more are followed", maxRedirects, location.Redacted())
	}
	return "to " + location.Redacted() + "; checks follow one only to the same host and port"
}

// readSome returns what is kept of the body, which it reads up to a limit, and what
// kept it from reading on.
func readSome(body io.Reader) (string, error) {
	kept, err := io.ReadAll(io.LimitReader(body, keepBody))
	if err == nil {
		_, err = io.CopyN(io.Discard, body, readBody-keepBody)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return string(kept), err
}
