package health

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"covey/catalog"
	"covey/catalog/definition"
)

func TestCleanMakesOneSafeLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		"plain, ünïcode ✓":         "plain, ünïcode ✓",
		" two\r\nlines\t ":         "two  lines",
		"\x1b[31mred\x7f\u0085":    "\uFFFD[31mred\uFFFD\uFFFD",
		"bad \xff\xfe utf-8":       "bad \uFFFD\uFFFD utf-8",
		"right\u202eto left":       "right\uFFFDto left",
		strings.Repeat("x", 512):   strings.Repeat("x", 512),
		strings.Repeat("x", 513):   strings.Repeat("x", 509) + "...",
		strings.Repeat("ä", 300):   strings.Repeat("ä", 254) + "...",
		strings.Repeat("\n", 9999): "",
	} {
		if got := clean(text); got != want {
			t.Errorf("clean(%.20q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\nb\xff\u202e")
	f.Add(strings.Repeat("\xff", 600))
	f.Add(strings.Repeat("\u2028", 600))
	f.Fuzz(func(t *testing.T, text string) {
		got := clean(text)
		if len(got) > catalog.MaxOutput || !utf8.ValidString(got) || strings.ContainsFunc(got, unsafeToShow) {
			t.Errorf("clean(%q) = %q", text, got)
		}
		if again := clean(got); again != got {
			t.Errorf("clean(%q) = %q, cleaned again %q", text, got, again)
		}
	})
}

func TestReasonsLeaveOutWhatChangesEachTime(t *testing.T) {
	local := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 54321}
	there := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}
	within := func(err error) error { return fmt.Errorf("within: %w", err) }
	for _, c := range []struct {
		err  error
		want string
	}{
		{within(context.DeadlineExceeded), "no answer within 3s"},
		{within(io.EOF), "the connection was closed without an answer"},
		{within(&net.OpError{Op: "read", Net: "tcp", Source: local, Addr: there, Err: os.NewSyscallError("read", syscall.ECONNRESET)}),
			"the connection was closed without an answer"},
		{&net.OpError{Op: "dial", Net: "tcp", Addr: there, Err: os.NewSyscallError("connect", syscall.ETIMEDOUT)},
			"dial tcp 127.0.0.1:80: connect: connection timed out"},
		{within(&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Name: "x", Err: "read udp 127.0.0.1:54321: refused"}}),
			"lookup x: the name server failed"},
		{&net.DNSError{Name: "x", IsTimeout: true}, "lookup x: the name server did not answer"},
		{&net.DNSError{Name: "x", IsNotFound: true}, "lookup x: no such host"},
		{within(x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.Expired, Detail: "current time 2026"}),
			"its certificate has expired or is not valid yet"},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}, "tls: bad certificate"},
		{errors.New("odd"), "odd"},
	} {
		if got := reason(c.err, 3*time.Second); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

func TestACheckMayHaveItsOutputCutShorter(t *testing.T) {
	for limit, want := range map[int]string{0: "abcdef", 1000: "abcdef", 6: "abcdef", 5: "ab...", 3: "...", 1: "."} {
		if got := Clean("abcdef", limit); got != want {
			t.Errorf("%d: %q, want %q", limit, got, want)
		}
	}
	c := newCheck(&definition.Check{OutputMaxSize: 5}, &stub{})
	c.judge(verdict{status: catalog.Critical, output: "broken"})
	if c.output != "br..." {
		t.Errorf("%q", c.output)
	}
}
