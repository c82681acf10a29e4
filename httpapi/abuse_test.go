package httpapi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// raw sends bytes to a running server as they are and returns the first answer.
func raw(t *testing.T, s *Server, text string) (code int, header http.Header, body string) {
	t.Helper()
	c := dial(t, s)
	c.SetDeadline(time.Now().Add(20 * time.Second))
	go io.WriteString(c, text) // the server may answer before it has read all
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer r.Body.Close()
	out, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	return r.StatusCode, r.Header, string(out)
}

func TestRequestsThatAreNoneAreRefused(t *testing.T) {
	s, a := start(t, nil)
	body := fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(itemService), itemService)
	const put = "PUT /v1/agent/service/register HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	for name, c := range map[string]struct {
		text string
		code int
	}{
		"a flood of headers":              {"GET /v1/agent/self HTTP/1.1\r\nHost: 127.0.0.1\r\n" + strings.Repeat("X-Flood: "+strings.Repeat("y", 90)+"\r\n", 2000) + "\r\n", 431},
		"one header of a megabyte":        {"GET /v1/agent/self HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + strings.Repeat("y", 1<<20) + "\r\n\r\n", 431},
		"a path of a megabyte":            {"GET /v1/health/service/" + strings.Repeat("y", 1<<20) + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 431},
		"no host":                         {"GET /v1/agent/self HTTP/1.1\r\n\r\n", 400},
		"two hosts":                       {"GET /v1/agent/self HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n", 400},
		"a rebound host":                  {"GET /v1/agent/self HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403},
		"a rebound host in the target":    {"GET http://evil.example/v1/agent/self HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 403},
		"a proxy's request":               {"CONNECT 10.0.0.1:80 HTTP/1.1\r\nHost: 10.0.0.1:80\r\n\r\n", 404},
		"everything there is":             {"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400},
		"a preflight":                     {"OPTIONS /v1/agent/service/register HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\nAccess-Control-Request-Method: PUT\r\n\r\n", 405},
		"trace":                           {"TRACE /v1/agent/self HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 405},
		"a method in lower case":          {"put /v1/agent/service/register HTTP/1.1\r\nHost: 127.0.0.1\r\n" + body, 405},
		"post":                            {"POST /v1/agent/service/register HTTP/1.1\r\nHost: 127.0.0.1\r\n" + body, 405},
		"a method that overrides":         {"GET /v1/agent/leave HTTP/1.1\r\nHost: 127.0.0.1\r\nX-HTTP-Method-Override: PUT\r\n\r\n", 405},
		"HTTP/2 without TLS":              {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
		"HTTP/0.9":                        {"GET /v1/agent/self\r\n\r\n", 400},
		"a version of another day":        {"GET /v1/agent/self HTTP/3.7\r\nHost: 127.0.0.1\r\n\r\n", 505},
		"a coding that nobody knows":      {put + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
		"two lengths":                     {put + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n123456", 400},
		"a negative length":               {put + "Content-Length: -5\r\n\r\n", 400},
		"a length of exabytes":            {put + "Content-Length: 9223372036854775807\r\n\r\n" + itemService, 400},
		"an expectation that nobody has":  {put + "Expect: miracles\r\n" + body, 417},
		"a header that goes on":           {"GET /v1/agent/self HTTP/1.1\r\nHost: 127.0.0.1\r\nX : y\r\n\r\n", 400},
		"a line break in a header's name": {"GET /v1/agent/self HTTP/1.1\r\nHost: 127.0.0.1\r\nX\x00Y: z\r\n\r\n", 400},
		"a path with a control character": {"GET /v1/health/service/a\x01b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400},
		"half an escape":                  {"GET /v1/health/service/%zz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400},
		"half an escape in the query":     {"GET /v1/health/service/web?tag=%zz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400},
		"a semicolon in the query":        {"GET /v1/health/service/web?tag=a;tag=b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400},
		"not HTTP at all":                 {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			if code, _, text := raw(t, s, c.text); code != c.code {
				t.Errorf("%d %.200s, want %d", code, text, c.code)
			}
		})
	}
	if len(a.services) != 0 || a.leaving {
		t.Errorf("something was done: %v", a.services)
	}
	if code, _ := get(t, s, "/v1/agent/self"); code != 200 {
		t.Errorf("afterwards: %d", code)
	}
}

// What stands in a path is a name, whatever it looks like.
func TestPathTricksReachNothingElse(t *testing.T) {
	s, a := start(t, nil)
	for _, target := range []string{
		"/v1/health/service/../../agent/leave", "/v1/health/service/%2e%2e/%2e%2e/agent/leave", "/v1//agent/leave",
		"/v1/./agent/leave", "//v1/agent/leave", "/v1/agent/leave/", "/V1/agent/leave", "/v1/agent/leave%00", "/v1/agent/leave;x=1",
		"/v1/agent/%6ceave/", "/v1/agent/..;/leave", `/v1/agent\leave`, "/../v1/agent/leave",
	} {
		code, header, body := raw(t, s, "PUT "+target+" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
		if code != 404 && code != 405 && code != 400 || header.Get("Location") != "" || a.leaving {
			t.Errorf("%s: %d %s, to %q, leaving %v", target, code, body, header.Get("Location"), a.leaving)
		}
	}
	for _, target := range []string{"/v1/health/service/..%2f..%2fagent%2fself", "/v1/health/service/%2e%2e", "/v1/health/service/a//b", "/v1/catalog/service/%00"} {
		if code, _, body := raw(t, s, "GET "+target+" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"); code != 200 || body != "[]" {
			t.Errorf("%s: %d %s, want no instances of a service of that name", target, code, body)
		}
	}
}

func TestBodiesInOtherEncodingsAreRefused(t *testing.T) {
	s, a := start(t, nil)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, strings.Repeat(" ", 64<<20)) // a megabyte would be too long already
	io.WriteString(z, itemService)
	z.Close()
	var wide strings.Builder
	wide.WriteString("\xff\xfe")
	for _, c := range itemService {
		wide.WriteByte(byte(c))
		wide.WriteByte(0)
	}
	for name, body := range map[string]string{
		"gzip":          zipped.String(),
		"UTF-16":        wide.String(),
		"a byte mark":   "\xef\xbb\xbf" + itemService,
		"a bad byte":    "{\"Name\":\"a\xff\"}",
		"two objects":   itemService + itemService,
		"a deep nest":   strings.Repeat("[", 200_000),
		"deep in there": `{"Name":"a","Meta":` + strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_001),
		"a form":        "Name=a&Port=1",
	} {
		code, _, text := raw(t, s, fmt.Sprintf("PUT /v1/agent/service/register HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		if code != 400 || len(a.services) != 0 {
			t.Errorf("%s: %d %.200s, %d services", name, code, text, len(a.services))
		}
	}
}

// A request must not be smuggled in the body of another.
func TestABodyIsNeverTheNextRequest(t *testing.T) {
	s, a := start(t, nil)
	const smuggled = "PUT /v1/agent/leave HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
	for name, text := range map[string]string{
		"length and chunks":  "PUT /v1/agent/check/pass/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"a body on a read":   fmt.Sprintf("GET /v1/agent/self HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n", len(smuggled)) + smuggled,
		"a body of a 404":    fmt.Sprintf("PUT /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n", len(smuggled)) + smuggled,
		"chunks in a chunk":  fmt.Sprintf("PUT /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n%x;%s\r\n%s\r\n0\r\n\r\n", len(smuggled), "a=b", smuggled),
		"a chunk of no size": "PUT /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n" + smuggled,
	} {
		raw(t, s, text)
		if a.leaving {
			t.Fatalf("%s: what was in a body was carried out", name)
		}
	}
}

// Pages cannot read what they fetch, nor be tricked into showing names as HTML.
func TestAnswersAreNoPages(t *testing.T) {
	s, _ := newTestServer(t)
	for _, target := range []string{"/v1/agent/self", "/v1/health/service/%3Cscript%3E", "/nothing/%3Cscript%3E", "/v1/kv/x", "/v1/agent/service/%3Cscript%3Ealert(1)%3C%2Fscript%3E", "/metrics"} {
		w := call(s, "GET", target, "")
		kind := w.Header().Get("Content-Type")
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || kind == "" || strings.Contains(kind, "html") ||
			w.Header().Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %v", target, w.Header())
		}
		for name := range w.Header() {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: pages of others may read it: %s", target, name)
			}
		}
	}
}
