package apiclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
)

// UnreachableError says that no answer came from the agent.
type UnreachableError struct {
	Addr    string
	Err     error
	Timeout bool // the context ended, or the network gave up, while waiting
}

func (e *UnreachableError) Error() string {
	if e.Timeout {
		return fmt.Sprintf("the agent at %s did not answer in time", e.Addr)
	}
	return fmt.Sprintf("cannot reach the agent at %s: %s", e.Addr, reason(e.Err))
}

// Untrusted reports whether somebody answered, with a certificate that is not trusted.
func (e *UnreachableError) Untrusted() bool {
	var verification *tls.CertificateVerificationError
	return errors.As(e.Err, &verification)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// unreachable makes an UnreachableError of what http.Client.Do returned, except when
// the caller itself gave up.
func unreachable(ctx context.Context, addr string, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	var n net.Error
	timeout := ctx.Err() != nil || (errors.As(err, &n) && n.Timeout())
	return &UnreachableError{Addr: addr, Err: err, Timeout: timeout}
}

// reason is the innermost cause worth reading: "connection refused" rather than the
// request, the dial and the system call around it.
func reason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		err = sys.Err
	}
	return err.Error()
}

// StatusError is an answer other than 2xx.
type StatusError struct {
	Addr    string
	Method  string
	Path    string
	Code    int
	Message string // the body, the agent's own words; "" if it said nothing
}

func (e *StatusError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("the agent at %s answered %s %s with %d %s", e.Addr, e.Method, e.Path, e.Code, http.StatusText(e.Code))
	}
	return strings.TrimSuffix(e.Message, ".")
}

// IsNotFound reports whether the agent said that what was named does not exist.
func IsNotFound(err error) bool { return hasCode(err, http.StatusNotFound) }

// IsInvalid reports whether the agent said that the request itself is wrong.
func IsInvalid(err error) bool { return hasCode(err, http.StatusBadRequest) }

func hasCode(err error, code int) bool {
	var s *StatusError
	return errors.As(err, &s) && s.Code == code
}
