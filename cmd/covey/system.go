package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/term"
)

// system is what surrounds a command: where it reads and writes, how it starts an
// agent, what build it is of. Tests put their own in its place.
type system struct {
	in       io.Reader
	out, err io.Writer
	color    bool // on out
	errColor bool
	live     bool // err is a terminal: progress may be drawn there
	start    startAgent
	build    func() (*debug.BuildInfo, bool)
	now      func() time.Time

	unwritten error // the first failure to write to out
}

func hostSystem() *system {
	plain := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb"
	out, err := term.IsTerminal(int(os.Stdout.Fd())), term.IsTerminal(int(os.Stderr.Fd()))
	return &system{
		in:       os.Stdin,
		out:      os.Stdout,
		err:      os.Stderr,
		color:    out && !plain,
		errColor: err && !plain,
		live:     err,
		start:    startReal,
		build:    debug.ReadBuildInfo,
		now:      time.Now,
	}
}

// printf writes to the output. run tells if that failed.
func (s *system) printf(format string, args ...any) {
	if _, err := fmt.Fprintf(s.out, format, args...); err != nil && s.unwritten == nil {
		s.unwritten = fmt.Errorf("cannot write the output: %w", err)
	}
}

// complain tells of an error and of what to do about it.
func (s *system) complain(err error) {
	// Some libraries' errors are lists with a line for each.
	text := strings.Join(strings.Fields(printable(err.Error())), " ")
	if hint := advice(err); hint != "" {
		text += "; " + hint
	}
	fmt.Fprintf(s.err, "%s %s\n", paint(s.errColor, red, "covey:"), text)
}

// printJSON writes v for scripts: indented, with the API's keys.
func (s *system) printJSON(v any) error {
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	s.printf("%s", text.String())
	return err
}

// printJSONLine writes v as one line, for scripts that read a line at a time.
func (s *system) printJSONLine(v any) error {
	text, err := json.Marshal(v)
	if err == nil {
		s.printf("%s\n", text)
	}
	return err
}
