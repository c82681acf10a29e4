package health

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// ask carries out a check once; its own timeout must end it.
func ask(t *testing.T, def definition.Check, allow ...netip.Prefix) verdict {
	t.Helper()
	ctx, cancel := contextFor(t, def)
	defer cancel()
	v := (&maker{dialer: &dialer{allowed: allow}, scripts: true}).probe(def).ask(ctx)
	if v.output != clean(v.output) {
		t.Errorf("output is not clean: %q", v.output)
	}
	return v
}

func contextFor(t *testing.T, def definition.Check) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), timeoutOf(def))
}

// raw serves each connection by a function, below HTTP.
func raw(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return l.Addr().String()
}

func wantVerdict(t *testing.T, v verdict, status catalog.Status, output string) {
	t.Helper()
	if v.status != status || v.output != output {
		t.Errorf("%v %q, want\n%v %q", v.status, v.output, status, output)
	}
}

func TestHTTPStatusDecides(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var code int
		fmt.Sscanf(r.URL.Path, "/%d", &code)
		w.WriteHeader(code)
		fmt.Fprint(w, "all\tis\nsaid\x00 ")
	}))
	defer s.Close()
	for code, want := range map[int]catalog.Status{
		200: catalog.Passing, 201: catalog.Passing, 226: catalog.Passing,
		429: catalog.Warning,
		304: catalog.Critical, 400: catalog.Critical, 404: catalog.Critical, 500: catalog.Critical, 503: catalog.Critical,
	} {
		url := fmt.Sprintf("%s/%d", s.URL, code)
		output := fmt.Sprintf("HTTP GET %s: %d %s Output:", url, code, http.StatusText(code))
		if code != 304 { // which has no body
			output += " all is said\uFFFD"
		}
		wantVerdict(t, ask(t, definition.Check{HTTP: url}), want, output)
	}
}

func TestHTTPSendsWhatTheCheckSays(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		user, password, _ := r.BasicAuth()
		fmt.Fprint(w, r.Method, " ", r.Host, " ", r.Header["X-Two"], " ", r.Header["User-Agent"], " ",
			r.Header.Get("Accept"), " ", user, password, " ", string(body), " ", r.Close)
	}))
	defer s.Close()
	at := strings.TrimPrefix(s.URL, "http://")
	def := definition.Check{
		HTTP: "http://me:secret@" + at, Method: "post", Body: "ping",
		Header: map[string][]string{"host": {"shop.example"}, "x-two": {"a", "b"}, "User-Agent": {"mine"}},
	}
	wantVerdict(t, ask(t, def), catalog.Passing,
		"HTTP POST http://me:xxxxx@"+at+": 200 OK Output: POST shop.example [a b] [mine] text/plain, text/*, */* mesecret ping true")
	def = definition.Check{HTTP: s.URL}
	wantVerdict(t, ask(t, def), catalog.Passing,
		"HTTP GET "+s.URL+": 200 OK Output: GET "+at+" [] [Covey Health Check] text/plain, text/*, */*   true")
}

func TestHTTPFailuresAreCriticalAndSayWhy(t *testing.T) {
	serve := func(text string) string {
		return raw(t, func(c net.Conn) {
			io.WriteString(c, text)
			io.Copy(io.Discard, c)
		})
	}
	closed := raw(t, func(c net.Conn) { bufio.NewReader(c).ReadString('\n') })
	garbage := serve("SSH-2.0-\x01\xff\r\n") // before it is asked
	hang := serve("")
	endless := serve("HTTP/1.1 200 OK\r\n" + strings.Repeat("X-More: "+strings.Repeat("x", 1000)+"\r\n", 100))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := l.Addr().String()
	l.Close()

	for _, c := range []struct {
		url, want string
	}{
		{"http://" + refused, ": dial tcp " + refused + ": connect: connection refused"},
		{"http://" + closed, ": the connection was closed without an answer"},
		{"http://" + garbage, `: malformed HTTP response "SSH-2.0-\x01\xff"`},
		{"http://" + hang, ": no answer within 300ms"},
		{"https://" + hang, ": no answer within 300ms"},
		{"http://" + endless, ": its header is longer than 65536 bytes"},
		{"https://" + endless, ": tls: first record does not look like a TLS handshake"},
		{"http://169.254.169.254/latest", ": dial tcp 169.254.169.254:80: checks may not reach 169.254.169.254, a link-local address"},
		{"http://bad host/", `: parse "http://bad host/": invalid character " " in host name`},
	} {
		v := ask(t, definition.Check{HTTP: c.url, Timeout: 300 * time.Millisecond})
		wantVerdict(t, v, catalog.Critical, "HTTP GET "+c.url+c.want)
		if v.spoilt != nil || v.timedOut != strings.Contains(c.want, "no answer") {
			t.Errorf("%s: %+v", c.url, v)
		}
	}
}

func TestAnEndlessAnswerCostsLittle(t *testing.T) {
	written := make(chan int, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := 0
		for {
			k, err := io.WriteString(w, strings.Repeat("ä", 512))
			if n += k; err != nil {
				written <- n
				return
			}
		}
	}))
	defer s.Close()
	begin := time.Now()
	v := ask(t, definition.Check{HTTP: s.URL})
	if v.status != catalog.Passing || len(v.output) > catalog.MaxOutput || !strings.HasSuffix(v.output, "ä...") {
		t.Errorf("%v %q", v.status, v.output)
	}
	if took := time.Since(begin); took > definition.DefaultTimeout/2 {
		t.Errorf("took %v", took)
	}
	<-written // the connection was closed on it
}

func TestABodyThatHangsDoesNotUndoTheStatus(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "so far so good")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer s.Close()
	v := ask(t, definition.Check{HTTP: s.URL, Timeout: 200 * time.Millisecond})
	wantVerdict(t, v, catalog.Passing, "HTTP GET "+s.URL+": 200 OK Output: so far so good")
	if !v.timedOut {
		t.Error("it held a run to its end and is not taken for slow")
	}
}

func TestRedirectsAreFollowedOnTheSameServerOnly(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.Error("another server was asked")
	}))
	defer elsewhere.Close()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/here":
			http.Redirect(w, r, "/end", http.StatusFound)
		case "/absolute":
			http.Redirect(w, r, "http://"+r.Host+"/end", http.StatusMovedPermanently)
		case "/away":
			http.Redirect(w, r, elsewhere.URL+"/latest", http.StatusFound)
		case "/tls":
			http.Redirect(w, r, "https://"+r.Host+"/end", http.StatusFound)
		case "/nowhere":
			w.Header().Set("Location", "http://[::1")
			w.WriteHeader(http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/end":
			fmt.Fprint(w, "arrived")
		}
	}))
	defer s.Close()
	for _, c := range []struct {
		path   string
		status catalog.Status
		want   string
	}{
		{"/here", catalog.Passing, ": 200 OK Output: arrived"},
		{"/absolute", catalog.Passing, ": 200 OK Output: arrived"},
		{"/away", catalog.Critical, ": 302 Found, a redirect to " + elsewhere.URL + "/latest; checks follow one only to the same host and port"},
		{"/tls", catalog.Critical, ": 302 Found, a redirect to https://" + s.Listener.Addr().String() + "/end; checks follow one only to the same host and port"},
		{"/nowhere", catalog.Critical, `: 302 Found, a redirect to "http://[::1", which is no URL`},
		{"/loop", catalog.Critical, ": 302 Found, a redirect after 5 others to " + s.URL + "/loop; no more are followed"},
	} {
		wantVerdict(t, ask(t, definition.Check{HTTP: s.URL + c.path}), c.status, "HTTP GET "+s.URL+c.path+c.want)
	}
	v := ask(t, definition.Check{HTTP: s.URL + "/here", DisableRedirects: true})
	wantVerdict(t, v, catalog.Critical, "HTTP GET "+s.URL+`/here: 302 Found Output: <a href="/end">Found</a>.`)
}

func TestServersAreTheSameByHostAndPort(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"http://web/", "http://WEB:80/x", true},
		{"https://web/", "https://web:443/", true},
		{"http://web/", "https://web/", false},
		{"http://web/", "http://web:8080/", false},
		{"http://web/", "http://web.example/", false},
	} {
		a, b := newHTTPProbe(definition.Check{HTTP: c.a}, nil), newHTTPProbe(definition.Check{HTTP: c.b}, nil)
		if same := sameServer(a.request.URL, b.request.URL); same != c.same {
			t.Errorf("%s and %s: %v", c.a, c.b, same)
		}
	}
}

func TestHTTPSIsVerifiedUnlessTheCheckSaysNo(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, " ", r.TLS.ServerName)
	}))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of clients that distrust it
	s.StartTLS()
	defer s.Close()
	wantVerdict(t, ask(t, definition.Check{HTTP: s.URL}), catalog.Critical,
		"HTTP GET "+s.URL+": tls: failed to verify certificate: x509: certificate signed by unknown authority")
	wantVerdict(t, ask(t, definition.Check{HTTP: s.URL, TLSServerName: "shop.example", TLSSkipVerify: true}), catalog.Passing,
		"HTTP GET "+s.URL+": 200 OK Output: HTTP/1.1 shop.example")
}

func TestInterimAnswersArePassedOver(t *testing.T) {
	interim := func(n int, final string) string {
		return raw(t, func(c net.Conn) {
			bufio.NewReader(c).ReadString('\n')
			io.WriteString(c, strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", n)+final)
		})
	}
	at := interim(2, "HTTP/1.1 204 No Content\r\n\r\n")
	wantVerdict(t, ask(t, definition.Check{HTTP: "http://" + at}), catalog.Passing, "HTTP GET http://"+at+": 204 No Content Output:")
	at = interim(100, "")
	wantVerdict(t, ask(t, definition.Check{HTTP: "http://" + at}), catalog.Critical, "HTTP GET http://"+at+": more than 5 interim answers (1xx)")
}

func TestAnAnswerBeforeTheRequestIsReadCounts(t *testing.T) {
	at := raw(t, func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno")
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
	})
	def := definition.Check{HTTP: "http://" + at, Method: "PUT", Body: strings.Repeat("x", 1<<20)}
	wantVerdict(t, ask(t, def), catalog.Critical, "HTTP PUT http://"+at+": 413 Too Much Output: no")
}

func TestTCPConnectPasses(t *testing.T) {
	at := raw(t, func(c net.Conn) { bufio.NewReader(c).ReadByte() })
	wantVerdict(t, ask(t, definition.Check{TCP: at}), catalog.Passing, "TCP connect "+at+": Success")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at = l.Addr().String()
	l.Close()
	wantVerdict(t, ask(t, definition.Check{TCP: at}), catalog.Critical,
		"TCP connect "+at+": dial tcp "+at+": connect: connection refused")
	wantVerdict(t, ask(t, definition.Check{TCP: "169.254.1.1:80"}), catalog.Critical,
		"TCP connect 169.254.1.1:80: dial tcp 169.254.1.1:80: checks may not reach 169.254.1.1, a link-local address")
}
