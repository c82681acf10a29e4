package health

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// live is a Monitor against real services and the real clock.
type live struct {
	*Monitor
	reports chan Report
}

func startLive(t *testing.T, with ...Config) *live {
	l := &live{reports: make(chan Report, 1000)}
	var cfg Config
	for _, cfg = range with {
	}
	cfg.Report = func(r Report) { l.reports <- r }
	l.Monitor = New(cfg)
	ran := make(chan error, 1)
	go func() { ran <- l.Run(context.Background()) }()
	t.Cleanup(func() {
		l.Close()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	return l
}

// wait returns the next report of a status and fails the test if none comes.
func (l *live) wait(t *testing.T, status catalog.Status) Report {
	t.Helper()
	deadline := time.After(20 * time.Second)
	var last Report
	for {
		select {
		case last = <-l.reports:
			if last.Status == status {
				return last
			}
		case <-deadline:
			t.Fatalf("never %v; the last report: %v", status, last)
		}
	}
}

// never is an interval that no test lives to see the second of.
const never = time.Hour

// onceIn has its first run soon, and then none by the clock.
func onceIn(def definition.Check) *definition.Check {
	def.ID, def.Interval, def.Timeout = "it", never, time.Second
	return &def
}

// server accepts connections and hands each to serve.
type server struct {
	net.Listener
	accepted atomic.Int32
}

func serve(t *testing.T, address string, serve func(net.Conn)) *server {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{Listener: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.accepted.Add(1)
			go serve(conn)
		}
	}()
	return s
}

// A process that is killed has all its sockets closed by the kernel.
func TestTheEndOfAHeldConnectionIsAnEvent(t *testing.T) {
	conns := make(chan net.Conn, 10)
	s := serve(t, "127.0.0.1:0", func(c net.Conn) { conns <- c })
	m := startLive(t)
	m.Set(onceIn(definition.Check{Hold: s.Addr().String()}), catalog.Critical, "")
	m.wait(t, catalog.Passing)
	held := <-conns
	s.Close()
	held.(*net.TCPConn).SetLinger(0) // RST
	held.Close()
	if r := m.wait(t, catalog.Critical); !strings.Contains(r.Output, "refused") {
		t.Error(r)
	}
}

func TestAServiceThatClosesAnIdleConnectionStaysPassing(t *testing.T) {
	conns := make(chan net.Conn, 10)
	s := serve(t, "127.0.0.1:0", func(c net.Conn) { conns <- c })
	m := startLive(t)
	m.Set(onceIn(definition.Check{Hold: s.Addr().String()}), catalog.Critical, "")
	m.wait(t, catalog.Passing)
	(<-conns).Close()
	again := <-conns // dialled anew
	s.Close()
	again.Close()
	m.wait(t, catalog.Critical)
	select {
	case r := <-m.reports:
		t.Error(r)
	default:
	}
}

// A service that closes every connection at once must not keep a core busy.
func TestQuickEndsAreFollowedAFewTimesOnly(t *testing.T) {
	var a allowance
	now := time.Now()
	taken := 0
	for range 1000 { // within ten seconds
		if a.take(now) {
			taken++
		}
		now = now.Add(10 * time.Millisecond)
	}
	if taken < 10 || taken > 10+allowanceBurst {
		t.Errorf("%d events in ten seconds", taken)
	}
}

func TestAServiceThatSendsWithoutEndIsNotListenedTo(t *testing.T) {
	var sent atomic.Int64
	s := serve(t, "127.0.0.1:0", func(c net.Conn) {
		defer c.Close()
		for {
			n, err := c.Write(make([]byte, 1<<10))
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	m := startLive(t)
	def := onceIn(definition.Check{Hold: s.Addr().String()})
	def.Interval = 20 * time.Millisecond
	m.Set(def, catalog.Critical, "")
	for {
		if r := m.wait(t, catalog.Passing); strings.Contains(r.Output, "without end") {
			break
		}
	}
	s.Close()
	m.wait(t, catalog.Critical)
}

func TestHoldReachesNoForbiddenAddress(t *testing.T) {
	m := startLive(t)
	m.Set(onceIn(definition.Check{Hold: "169.254.169.254:80"}), catalog.Passing, "")
	if r := m.wait(t, catalog.Critical); !strings.Contains(r.Output, "may not reach") {
		t.Error(r)
	}
}

// sleeper is a process that does nothing.
func sleeper(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "HEALTH_TEST_SLEEPER=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

// TestMain lets the test's own program be a process to watch.
func TestMain(m *testing.M) {
	if os.Getenv("HEALTH_TEST_SLEEPER") != "" {
		io.Copy(io.Discard, os.Stdin)
		return
	}
	os.Exit(m.Run())
}

// The process is not waited for: one that is dead and not buried does not run either.
func TestTheEndOfAProcessIsAnEvent(t *testing.T) {
	needsEvents(t)
	cmd := sleeper(t)
	m := startLive(t)
	m.Set(onceIn(definition.Check{Process: strconv.Itoa(cmd.Process.Pid)}), catalog.Critical, "")
	m.wait(t, catalog.Passing)
	cmd.Process.Signal(syscall.SIGKILL)
	if r := m.wait(t, catalog.Critical); !strings.Contains(r.Output, "does not run") {
		t.Error(r)
	}
}

func TestAPIDFileIsReadAnewWhenItsProcessEnds(t *testing.T) {
	needsEvents(t)
	first, second := sleeper(t), sleeper(t)
	file := filepath.Join(t.TempDir(), "pid")
	write := func(cmd *exec.Cmd) {
		if err := os.WriteFile(file, []byte(strconv.Itoa(cmd.Process.Pid)+"\nmore\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(first)
	m := startLive(t)
	m.Set(onceIn(definition.Check{Process: file}), catalog.Critical, "")
	m.wait(t, catalog.Passing)
	write(second)
	first.Process.Kill()
	if r := m.wait(t, catalog.Passing); !strings.Contains(r.Output, strconv.Itoa(second.Process.Pid)) {
		t.Error(r)
	}
	second.Process.Kill()
	m.wait(t, catalog.Critical)
}

func needsEvents(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system does not tell of the end of a process")
	}
}

func TestProcessesThatCannotBeWatched(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	opened := writerOf(t, fifo)
	gone := sleeper(t)
	gone.Process.Kill()
	gone.Wait()
	for process, want := range map[string]string{
		filepath.Join(dir, "none"):               "cannot be opened: no such file or directory",
		dir:                                      "is not a regular file",
		fifo:                                     "is not a regular file",
		file("empty", ""):                        "holds no process ID",
		file("secret", "root:secret:0"):          "holds no process ID",
		file("zero", "0"):                        "holds no process ID",
		file("negative", "-1"):                   "holds no process ID",
		file("long", strings.Repeat(" ", 1<<20)): "holds no process ID",
		strconv.Itoa(gone.Process.Pid):           "does not run",
		"2147483647":                             "does not run",
	} {
		p := &processProbe{process: process}
		v := p.ask(t.Context())
		if v.status != catalog.Critical || !strings.Contains(v.output, want) || strings.Contains(v.output, "root") {
			t.Errorf("%s: %v %q, want %q", process, v.status, v.output, want)
		}
	}
	// That nobody opened the pipe shows when somebody does: its writer is first let in then.
	select {
	case <-opened:
		t.Fatal("the pipe was opened, and its writer let go")
	default:
	}
	reader, err := os.Open(fifo)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	<-opened
}

// writerOf begins to open a pipe for writing, which succeeds when somebody opens it for
// reading.
func writerOf(t *testing.T, fifo string) (opened <-chan struct{}) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		if f, err := os.OpenFile(fifo, os.O_WRONLY, 0); err != nil {
			t.Error(err)
		} else {
			defer f.Close()
		}
		close(done)
	}()
	return done
}

// What watches ends with its check and with the monitor, or Close would wait for ever.
func TestWatchesEndWithTheirChecks(t *testing.T) {
	closed := make(chan struct{}, 2)
	s := serve(t, "127.0.0.1:0", func(c net.Conn) {
		io.Copy(io.Discard, c)
		closed <- struct{}{}
	})
	m := startLive(t)
	def := onceIn(definition.Check{Hold: s.Addr().String()})
	m.Set(def, catalog.Critical, "")
	m.wait(t, catalog.Passing)
	m.Remove("it")
	<-closed
	m.Set(def, catalog.Critical, "")
	m.Set(onceIn(definition.Check{Process: strconv.Itoa(os.Getpid())}), catalog.Critical, "")
	m.wait(t, catalog.Passing)
	m.Set(def, catalog.Critical, "")
	m.wait(t, catalog.Passing)
	m.Close()
	<-closed
}
