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
	"time"
	"unicode"
	"unicode/utf8"

	"covey/catalog"
)

// clean makes text fit to travel and to be shown: UTF-8, in one line, without control
// characters, of catalog.MaxOutput bytes at most.
func clean(text string) string {
	if isClean(text) {
		return text
	}
	var b strings.Builder
	for _, r := range text { // invalid bytes come as utf8.RuneError
		if b.Len() > catalog.MaxOutput {
			break
		}
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case unsafeToShow(r):
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(r)
		}
	}
	return clip(strings.TrimSpace(b.String()), catalog.MaxOutput)
}

func isClean(text string) bool {
	return len(text) <= catalog.MaxOutput && utf8.ValidString(text) && strings.TrimSpace(text) == text &&
		strings.IndexFunc(text, unsafeToShow) < 0
}

// unsafeToShow are the control characters, and those that reorder the text around them.
func unsafeToShow(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}

// clip cuts text to limit bytes at the end of a character; an ellipsis shows it.
func clip(text string, limit int) string {
	const ellipsis = "..."
	if len(text) <= limit {
		return text
	}
	end := max(0, limit-len(ellipsis))
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + ellipsis[:min(limit, len(ellipsis))]
}

// reason says why a run failed, the same each time for the same cause: what changes
// with every attempt, such as a local port or the time, would be a new output to tell
// every host of.
func reason(err error, timeout time.Duration) string {
	var (
		dns     *net.DNSError
		op      *net.OpError
		expired x509.CertificateInvalidError
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Sprintf("no answer within %v", timeout)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was closed without an answer"
	case errors.As(err, &dns):
		return "lookup " + dns.Name + ": " + dnsReason(dns)
	case errors.As(err, &op) && op.Op == "dial" && op.Addr != nil:
		return "dial " + op.Net + " " + op.Addr.String() + ": " + op.Err.Error()
	case op != nil:
		return op.Err.Error()
	case errors.As(err, &expired) && expired.Reason == x509.Expired:
		return "its certificate has expired or is not valid yet"
	}
	return err.Error()
}

// dnsReason leaves out the resolver's own message, which names local ports.
func dnsReason(err *net.DNSError) string {
	switch {
	case err.IsNotFound:
		return "no such host"
	case err.IsTimeout:
		return "the name server did not answer"
	}
	return "the name server failed"
}

func timedOut(err error) bool {
	var network net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) && network.Timeout()
}
