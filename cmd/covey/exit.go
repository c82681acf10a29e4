package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"covey/internal/apiclient"
	"covey/internal/fault"
)

// The exit codes, as the help states them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitUnreachable = 4
)

// usageError is a command line, or input it names, that cannot be right.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// notFoundError says that what was asked for is not there.
type notFoundError struct{ text string }

func (e notFoundError) Error() string { return e.text }

func notFoundf(format string, args ...any) error {
	return notFoundError{fmt.Sprintf(format, args...)}
}

// quiet is an error that was told already; only its exit code matters still.
type quiet struct{ err error }

func (q quiet) Error() string { return q.err.Error() }
func (q quiet) Unwrap() error { return q.err }

// exitCode maps an error to the process's exit code. It is the only place that does.
func exitCode(err error) int {
	var (
		usage       usageError
		missing     notFoundError
		unreachable *apiclient.UnreachableError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &unreachable):
		return exitUnreachable
	case errors.As(err, &usage), apiclient.IsInvalid(err), fault.KindOf(err) == fault.Invalid:
		return exitUsage
	case errors.As(err, &missing), apiclient.IsNotFound(err):
		return exitNotFound
	default:
		return exitFailure
	}
}

// advice is what a user can do about err, or "".
func advice(err error) string {
	var unreachable *apiclient.UnreachableError
	switch {
	case errors.As(err, &unreachable) && unreachable.Untrusted():
		return "--ca-file says whose certificates to trust, --tls-server-name which name is meant"
	case errors.As(err, &unreachable) && unreachable.Timeout:
		return "is it busy, or cut off? --timeout says how long to wait"
	case errors.As(err, &unreachable):
		return "is `covey agent` running? set --http-addr or COVEY_HTTP_ADDR"
	case errors.Is(err, context.DeadlineExceeded):
		return "--timeout says how long to wait"
	}
	return ""
}

// badFlag makes a usage error of what urfave/cli says of a flag's value, without what
// only its authors would miss.
func badFlag(c *cli.Context, err error, _ bool) error {
	text := strings.NewReplacer("for flag -", "for --", "for -", "for --", "for flag ", "for --").Replace(err.Error())
	for _, noise := range []string{": parse error", ": strconv.", ": time: "} {
		text, _, _ = strings.Cut(text, noise)
	}
	return usagef("%s; see `covey help %s`", text, c.Command.Name)
}
