package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"covey/agent/config"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata from what the command says now")

// session is how a test runs the command: no terminal, no agent of its own.
type session struct {
	stdin    string
	out, err bytes.Buffer
	sys      *system
}

func newSession() *session {
	s := &session{}
	s.sys = &system{
		out: &s.out, err: &s.err,
		start: func(_ *system, files []string, overrides keys) (runningAgent, *slog.Logger, error) {
			if _, err := config.Load(files, overrides); err != nil {
				return nil, nil, err
			}
			return nil, nil, errors.New("this is a test")
		},
		build: func() (*debug.BuildInfo, bool) { return nil, false },
		now:   func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) },
	}
	return s
}

// run returns the exit code; what was printed is in s.
func (s *session) run(args ...string) int {
	s.out.Reset()
	s.err.Reset()
	s.sys.in = strings.NewReader(s.stdin)
	return run(context.Background(), append([]string{"covey"}, args...), s.sys)
}

// A transcript is commands and what they said: after "$ covey ...", the lines of the
// output, those of the errors with "! ", writes that the agent received with "> ", and
// the exit code unless it is 0. The first line names the agent that is asked.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { replay(t, file) })
	}
}

func replay(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	addr, agent := theAgent(t, first)
	t.Setenv("COVEY_HTTP_ADDR", addr)
	places := strings.NewReplacer(addr, "AGENT", runtime.Version(), "GO", runtime.GOOS+"/"+runtime.GOARCH, "PLATFORM")
	var got strings.Builder
	fmt.Fprintln(&got, first)
	for line := range strings.SplitSeq(string(text), "\n") {
		if command, ok := strings.CutPrefix(line, "$ covey"); ok {
			fmt.Fprintf(&got, "\n%s\n%s", line, places.Replace(said(strings.Fields(command), agent)))
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if got.String() != string(text) {
		t.Errorf("%s is not what is said now; if this is meant, run go test -update\n%s", file, difference(string(text), got.String()))
	}
}

func theAgent(t *testing.T, line string) (addr string, agent *twin) {
	switch line {
	case "agent: cluster":
		agent = newTwin(t, cluster)
	case "agent: empty":
		agent = newTwin(t, empty)
	case "agent: mixed":
		agent = newTwin(t, mixed)
	case "agent: broken":
		agent = newTwin(t, broken)
	case "agent: none":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		return l.Addr().String(), nil
	default:
		t.Fatalf("%q names no agent", line)
	}
	return agent.addr(), agent
}

// said runs a command and returns all that can be seen of it.
func said(args []string, agent *twin) string {
	s := newSession()
	code := s.run(args...)
	var b strings.Builder
	io.Copy(&b, &s.out)
	for line := range strings.Lines(s.err.String()) {
		b.WriteString("! " + line)
	}
	if agent != nil {
		for _, write := range agent.heard() {
			b.WriteString("> " + write + "\n")
		}
	}
	if code != 0 {
		fmt.Fprintf(&b, "exit %d\n", code)
	}
	return b.String()
}

// difference is the first line in which two texts differ.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("line %d\n want %q\n  got %q", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("%d lines, want %d", len(g), len(w))
}
