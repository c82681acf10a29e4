package httpapi

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/internal/bubble"
)

const blocking = "/v1/health/service/web?index=9999999999999"

// dialogue is a client on one connection, which keeps what it has read too much.
type dialogue struct {
	net.Conn
	in *bufio.Reader
}

func talk(c net.Conn) *dialogue { return &dialogue{c, bufio.NewReader(c)} }

func (d *dialogue) ask(t testing.TB, target, more string) {
	t.Helper()
	if _, err := fmt.Fprintf(d, "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n", target, more); err != nil {
		t.Fatal(err)
	}
}

func (d *dialogue) reply(t testing.TB) (*http.Response, string) {
	t.Helper()
	return d.replyTo(t, "GET")
}

func (d *dialogue) replyTo(t testing.TB, method string) (*http.Response, string) {
	t.Helper()
	r, err := http.ReadResponse(d.in, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(body)
}

// next is a blocking read of web that the next change ends.
func (a *twin) next() string {
	return fmt.Sprintf("/v1/health/service/web?index=%d", a.store.View().ServiceIndex("web"))
}

// parkedNow waits until n are parked and nothing moves.
func parkedNow(t testing.TB, s *Server, n int) {
	t.Helper()
	bubble.Wait()
	s.parking.mu.Lock()
	defer s.parking.mu.Unlock()
	if s.parking.held != n {
		t.Fatalf("%d are parked, not %d", s.parking.held, n)
	}
}

func TestAConnectionGoesOnAfterEachOfItsBlockedReads(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s, a, dial, stop := startInBubble(t, nil)
		c := talk(dial())
		for i := range 5 {
			c.ask(t, a.next(), "")
			parkedNow(t, s, 1)
			a.addHost("n2", "10.0.0.2", catalog.Alive, instance("web", fmt.Sprintf("w%d", i)))
			r, body := c.reply(t)
			if r.StatusCode != 200 || r.Close || !strings.Contains(body, fmt.Sprintf(`"w%d"`, i)) || r.Header.Get("X-Consul-Index") == "" {
				t.Fatalf("round %d: %v %s", i, r, body)
			}
			c.ask(t, "/v1/catalog/datacenters", "")
			if _, body := c.reply(t); body != `["dc1"]` {
				t.Fatalf("round %d: then %s", i, body)
			}
			if st := s.Stats(); st.Conns != 1 || st.Waiting != 0 || st.Requests != uint64(2*i+2) {
				t.Fatalf("round %d: %+v", i, st)
			}
		}
		metrics := call(s, "GET", "/metrics", "").Body.String()
		for _, want := range []string{
			`covey_http_requests_total{code="200",method="GET",path="/v1/health/service/{name}"} 5`,
			`covey_http_request_duration_seconds_count{method="GET",path="/v1/health/service/{name}"} 5`,
		} {
			if !strings.Contains(metrics, want+"\n") {
				t.Errorf("no %s", want)
			}
		}
		c.Close()
		stop()
		bubble.Wait()
		if n := s.Stats().Conns; n != 0 {
			t.Errorf("%d connections at the end", n)
		}
	})
}

func TestParkedRequestsOfOlderAndShorterKindsAreAnsweredInTheirWay(t *testing.T) {
	for name, c := range map[string]struct {
		method, proto, header string
		closes                bool
	}{
		"HTTP/1.0":                {"GET", "HTTP/1.0", "", true},
		"HTTP/1.0 that is kept":   {"GET", "HTTP/1.0", "Connection: keep-alive\r\n", false},
		"HTTP/1.1 that is closed": {"GET", "HTTP/1.1", "Host: localhost\r\nConnection: close\r\n", true},
		"HEAD":                    {"HEAD", "HTTP/1.1", "Host: localhost\r\n", false},
		"no name of a host":       {"GET", "HTTP/1.1", "Host:\r\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				s, a, dial, stop := startInBubble(t, nil)
				d := talk(dial())
				defer d.Close()
				fmt.Fprintf(d, "%s %s %s\r\n%s\r\n", c.method, a.next(), c.proto, c.header)
				parkedNow(t, s, 1)
				a.addHost("n2", "10.0.0.2", catalog.Alive, instance("web", "w"))
				r, body := d.replyTo(t, c.method)
				if r.StatusCode != 200 || r.Close != c.closes || strings.Contains(body, `"w"`) != (c.method == "GET") || r.ContentLength == 0 {
					t.Errorf("%+v %s", r, body)
				}
				if _, err := d.in.ReadByte(); c.closes && err != io.EOF {
					t.Errorf("the connection is not closed: %v", err)
				}
				stop()
			})
		})
	}
}

func TestRequestsThatCameTooEarlyAreAnsweredInOrder(t *testing.T) {
	long := "X: " + strings.Repeat("x", 3000) + "\r\n"
	for name, while := range map[string]bool{"sent together": false, "sent while the first waits": true} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				s, a, dial, stop := startInBubble(t, nil)
				d := talk(dial())
				// Far more than the buffers of net/http hold, with reads among them that block too.
				var text strings.Builder
				for range 3 {
					fmt.Fprintf(&text, "GET %s&wait=16s HTTP/1.1\r\nHost: localhost\r\n\r\n", blocking)
					for range 3 {
						fmt.Fprintf(&text, "GET /v1/catalog/datacenters HTTP/1.1\r\nHost: localhost\r\n%s\r\n", long)
					}
				}
				all := text.String()
				if while {
					first := strings.Index(all, "\r\n\r\n") + 4
					fmt.Fprint(d, all[:first])
					parkedNow(t, s, 1)
					all = all[first:]
				}
				go io.WriteString(d, all)
				for i := range 12 {
					began := time.Now()
					r, body := d.reply(t)
					want, waited := `["dc1"]`, time.Since(began) >= 16*time.Second
					if i%4 == 0 {
						want = "[]"
					}
					if r.StatusCode != 200 || body != want || waited != (i%4 == 0) {
						t.Fatalf("answer %d after %v: %d %s", i, time.Since(began), r.StatusCode, body)
					}
				}
				a.addHost("n2", "10.0.0.2", catalog.Alive, instance("web", "w"))
				d.Close()
				stop()
			})
		})
	}
}

func TestAParkedClientThatGoesIsForgotten(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s, _, dial, stop := startInBubble(t, nil)
		c := dial()
		talk(c).ask(t, blocking, "")
		parkedNow(t, s, 1)
		c.Close()
		parkedNow(t, s, 0)
		if st := s.Stats(); st.Waiting != 0 || st.Conns != 0 {
			t.Errorf("%+v", st)
		}
		if m := call(s, "GET", "/metrics", "").Body.String(); !strings.Contains(m, `covey_http_requests_total{code="499",method="GET",path="/v1/health/service/{name}"} 1`) {
			t.Error("who went before the answer is not counted as 499")
		}
		stop()
	})
}

func TestWhatCannotBeParkedWaitsAllTheSame(t *testing.T) {
	for name, more := range map[string]string{
		"a body":        "Content-Length: 2\r\n\r\nxx",
		"chunks":        "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
		"a long header": "X: " + strings.Repeat("x", maxParkedRequest) + "\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				s, a, dial, stop := startInBubble(t, nil)
				c := talk(dial())
				go fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s", a.next(), more)
				parkedNow(t, s, 0)
				if n := s.Stats().Waiting; n != 1 {
					t.Fatalf("%d wait", n)
				}
				a.addHost("n2", "10.0.0.2", catalog.Alive, instance("web", "w"))
				if r, body := c.reply(t); r.StatusCode != 200 || !strings.Contains(body, `"w"`) {
					t.Errorf("%d %s", r.StatusCode, body)
				}
				c.Close()
				stop()
			})
		})
	}
}

// A token that is taken away while its holder waits opens nothing any more.
func TestAParkedRequestIsAskedForItsTokenAgain(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		tokens := func(text string) *Tokens {
			set, err := ParseTokens([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			return set
		}
		s, a, dial, stop := startInBubble(t, func(c *Config) { c.Tokens = tokens("read 0123456789abcdef") })
		c := talk(dial())
		c.ask(t, a.next(), "X-Consul-Token: 0123456789abcdef\r\n")
		parkedNow(t, s, 1)
		s.SetTokens(tokens("read fedcba9876543210"))
		a.addHost("n2", "10.0.0.2", catalog.Alive, instance("web", "w"))
		if r, body := c.reply(t); r.StatusCode != 403 {
			t.Errorf("%d %s", r.StatusCode, body)
		}
		c.Close()
		stop()
	})
}

func TestClosingAnswersParkedClientsOnceAndForAll(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		s, _, dial, stop := startInBubble(t, nil)
		clients := make([]*dialogue, 50)
		for i := range clients {
			clients[i] = talk(dial())
			clients[i].ask(t, blocking, "")
		}
		parkedNow(t, s, len(clients))
		began, stopped := time.Now(), make(chan struct{})
		go func() { defer close(stopped); stop() }()
		for _, c := range clients {
			if r, body := c.reply(t); r.StatusCode != 200 || !r.Close || body != "[]" {
				t.Errorf("%d, closes %v: %s", r.StatusCode, r.Close, body)
			}
			c.Close()
		}
		if <-stopped; time.Since(began) >= closeGrace {
			t.Errorf("closing took %v", time.Since(began))
		}
		parkedNow(t, s, 0)
		if st := s.Stats(); st.Conns != 0 || st.Waiting != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestParkedConnectionsKeepTheirTLS(t *testing.T) {
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	defer certificate.Close()
	s, a := start(t, func(c *Config) {
		c.TLSAddr = "127.0.0.1:0"
		c.TLS = &tls.Config{Certificates: certificate.TLS.Certificates}
	})
	conn, err := tls.Dial("tcp", s.TLSAddr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := talk(conn)
	for i := range 3 {
		c.ask(t, a.next(), "")
		for s.Stats().Waiting != 1 {
			runtime.Gosched()
		}
		a.addHost("n2", "10.0.0.2", catalog.Alive, instance("web", fmt.Sprintf("w%d", i)))
		if r, body := c.reply(t); r.StatusCode != 200 || !strings.Contains(body, fmt.Sprintf(`"w%d"`, i)) {
			t.Fatalf("round %d: %d %s", i, r.StatusCode, body)
		}
	}
	c.ask(t, blocking, "")
	for s.Stats().Waiting != 1 {
		runtime.Gosched()
	}
	conn.Close()
	for s.Stats().Waiting != 0 || s.Stats().Conns != 0 {
		runtime.Gosched()
	}
}

func TestAParkedClientCostsLittle(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		const n = 2000
		s, _, dial, stop := startInBubble(t, nil)
		before, stacksBefore := memoryHeld()
		clients := make([]net.Conn, n)
		for i := range clients {
			clients[i] = dial()
			fmt.Fprintf(clients[i], "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", blocking)
		}
		parkedNow(t, s, n)
		during, stacks := memoryHeld()
		if each := (during - before) / n; each > 16<<10 {
			t.Errorf("a parked client costs %d bytes", each)
		} else {
			t.Logf("%d bytes each, of which %d are stacks", each, (stacks-stacksBefore)/n)
		}
		for _, c := range clients {
			c.Close()
		}
		parkedNow(t, s, 0)
		stop()
	})
}

func TestARequestIsReadAgainAsItWas(t *testing.T) {
	for _, text := range []string{
		"GET /v1/kv/a%2fb//../c?index=1&x=%00;y HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET http://example.org/v1/catalog/nodes?index=1 HTTP/1.1\r\nHost: other\r\n\r\n",
		"HEAD /v1/catalog/nodes HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: [::1]:8500\r\nX:  a \r\nx: b\r\nX-Consul-Token: t\r\nCookie: c=d; e=f\r\nEmpty:\r\n\r\n",
		"GET / HTTP/1.1\r\nHost:\r\nContent-Length: 0\r\nPragma: no-cache\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX-Bytes: \xc3\xa9\xff\tz\r\n\r\n",
	} {
		read := func(text string) *http.Request {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			return r
		}
		r := read(text)
		again := read(string(requestText(r)))
		if r.Method != again.Method || r.RequestURI != again.RequestURI || r.Proto != again.Proto || r.Host != again.Host ||
			r.Close != again.Close || !reflect.DeepEqual(r.Header, again.Header) || !reflect.DeepEqual(r.URL, again.URL) {
			t.Errorf("%q is read again as %q", text, requestText(r))
		}
	}
}
