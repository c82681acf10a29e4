package health

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

const maxRedirects = 5

// httpProbe passes if a request is answered with 2xx, and warns on 429.
type httpProbe struct {
	request *http.Request // a copy of it is sent by each run
	follow  bool          // redirects
	tls     *tls.Config   // for https
	dialer  *dialer
	timeout time.Duration
	what    string
	broken  error // why no request can be made at all
}

func newHTTPProbe(def definition.Check, d *dialer) *httpProbe {
	p := &httpProbe{follow: !def.DisableRedirects, dialer: d, timeout: timeoutOf(def)}
	method := cmp.Or(strings.ToUpper(def.Method), http.MethodGet)
	var body io.Reader // nil, not an empty one, for none
	if def.Body != "" {
		body = strings.NewReader(def.Body)
	}
	p.request, p.broken = http.NewRequest(method, def.HTTP, body)
	if p.broken != nil {
		p.what = fmt.Sprintf("HTTP %s %s: ", method, def.HTTP)
		return p
	}
	// The output is for every host to read; a password in the URL is not.
	p.what = fmt.Sprintf("HTTP %s %s: ", method, p.request.URL.Redacted())
	p.setHeader(def.Header)
	p.request.Close = true
	p.tls = tlsConfig(def, p.request.URL.Hostname(), "http/1.1")
	return p
}

func (p *httpProbe) setHeader(header map[string][]string) {
	p.request.Header.Set("User-Agent", "Covey Health Check")
	p.request.Header.Set("Accept", "text/plain, text/*, */*")
	if user := p.request.URL.User; user != nil {
		password, _ := user.Password()
		p.request.SetBasicAuth(user.Username(), password)
	}
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

func (p *httpProbe) ask(ctx context.Context) verdict {
	if p.broken != nil {
		return verdict{status: catalog.Critical, output: clean(p.what + p.broken.Error())}
	}
	request := p.request
	for hops := 0; ; hops++ {
		a, err := p.exchange(ctx, request)
		if err != nil {
			return failure(p.what, err, p.timeout)
		}
		if a.location == "" || !p.follow {
			// What was asked is answered even if the body was cut short; but that held a
			// run for as long as a service that hangs.
			load, note := readMetrics(a.header.Get(orcaHeader), a.header.Get(orcaBinary))
			return verdict{
				status:   statusOf(a.code),
				output:   clean(p.what + a.status + note + " Output: " + a.body),
				timedOut: a.cutShort,
				answered: true,
				load:     load,
			}
		}
		next, err := p.redirect(request, a, hops)
		if err != nil {
			return verdict{status: catalog.Critical, output: clean(p.what + a.status + ", a redirect " + err.Error())}
		}
		request = next
	}
}

// redirect returns the request that a redirect asks for, or why it is not made. It stays
// on the host and port that the check names, which whoever registered it could name
// anyway; elsewhere it could be sent where this agent has access and the registrar has
// not.
func (p *httpProbe) redirect(from *http.Request, a answer, hops int) (*http.Request, error) {
	to, err := from.URL.Parse(a.location)
	if err != nil {
		return nil, fmt.Errorf("to %q, which is no URL", a.location)
	}
	if !sameServer(to, p.request.URL) {
		return nil, fmt.Errorf("to %s; checks follow one only to the same host and port", to.Redacted())
	}
	if hops >= maxRedirects {
		return nil, fmt.Errorf("after %d others to %s; no more are followed", hops, to.Redacted())
	}
	next := *from
	next.URL = to
	// RFC 9110 section 15.4: only these two keep the method and the body.
	if a.code != http.StatusTemporaryRedirect && a.code != http.StatusPermanentRedirect && from.Method != http.MethodHead {
		next.Method, next.GetBody = http.MethodGet, nil
	}
	return &next, nil
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

func statusOf(code int) catalog.Status {
	switch {
	case 200 <= code && code < 300:
		return catalog.Passing
	case code == http.StatusTooManyRequests:
		return catalog.Warning
	}
	return catalog.Critical
}
