//go:build unix

package health

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// sh is a script check.
func sh(script string, args ...string) definition.Check {
	return definition.Check{Args: append([]string{"/bin/sh", "-c", script, "sh"}, args...), Timeout: 20 * time.Second}
}

func TestAScriptsExitCodeIsItsStatus(t *testing.T) {
	t.Setenv("COVEY_ENCRYPT", "secret")
	t.Setenv("HEALTH_TEST_WORD", "inherited")
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		script string
		status catalog.Status
		want   string
	}{
		{"echo all is well", catalog.Passing, "all is well"},
		{"echo hm >&2; exit 1", catalog.Warning, "hm"},
		{"echo gone; exit 2", catalog.Critical, "gone"},
		{"exit 255", catalog.Critical, "exit code 255, without output"},
		{"true", catalog.Passing, "exit code 0, without output"},
		{"echo $HEALTH_TEST_WORD ${COVEY_ENCRYPT-none}", catalog.Passing, "inherited none"},
		{"pwd", catalog.Passing, here},
		{"read line; echo $?", catalog.Passing, "1"}, // nothing to read
		{"echo one; kill -9 $$", catalog.Critical, "/bin/sh: ended by signal: killed. Output: one"},
		{`printf 'a\033[31m\000\377'`, catalog.Passing, "a\uFFFD[31m\uFFFD\uFFFD"},
	} {
		wantVerdict(t, ask(t, sh(c.script)), c.status, c.want)
	}
	v := ask(t, definition.Check{Args: []string{"/nonexistent/check"}})
	wantVerdict(t, v, catalog.Critical, "cannot run: fork/exec /nonexistent/check: no such file or directory")
	if v.spoilt != nil {
		t.Error("that there is no such program is held for the agent's trouble")
	}
}

func TestAScriptThatWritesAMegabyteCostsLittle(t *testing.T) {
	v := ask(t, sh(`i=0; while [ $i -lt 1024 ]; do printf '%01024d' 0; i=$((i+1)); done; exit 1`))
	if v.status != catalog.Warning || len(v.output) != catalog.MaxOutput || !strings.HasPrefix(v.output, "0000") {
		t.Errorf("%v %q", v.status, v.output)
	}
	var out keptOutput
	for range 100 {
		if n, err := out.Write(make([]byte, 1<<16)); n != 1<<16 || err != nil {
			t.Fatal(n, err)
		}
	}
	if len(out.text) != keepBody {
		t.Errorf("%d bytes are kept", len(out.text))
	}
}

// lives is a pipe that processes hold open as long as they live.
type lives struct {
	path string
	said chan string
	over chan struct{} // closed when the last of those who held it open is gone
}

func watchLives(t *testing.T) *lives {
	t.Helper()
	l := &lives{path: filepath.Join(t.TempDir(), "lives"), said: make(chan string, 10), over: make(chan struct{})}
	if err := syscall.Mkfifo(l.path, 0o600); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(l.over)
		f, err := os.Open(l.path) // until somebody writes
		if err != nil {
			return
		}
		defer f.Close()
		for in := bufio.NewScanner(f); in.Scan(); {
			l.said <- in.Text()
		}
	}()
	return l
}

// began waits until so many processes have said that they are there.
func (l *lives) began(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-l.said:
		case <-time.After(20 * time.Second):
			t.Fatal("a process did not begin")
		}
	}
}

func (l *lives) ended(t *testing.T) {
	t.Helper()
	select {
	case <-l.over:
	case <-time.After(20 * time.Second):
		t.Fatal("a process lives on")
	}
}

func TestAScriptThatTakesTooLongIsKilledWithAllItStarted(t *testing.T) {
	l := watchLives(t)
	def := sh(`exec 9>"$1"; trap '' TERM; (trap '' TERM; echo child >&9; while :; do sleep 1; done) & echo parent >&9; echo began; while :; do sleep 1; done`, l.path)
	def.Timeout = time.Second
	v := ask(t, def)
	wantVerdict(t, v, catalog.Critical, "did not end within 1s and was killed. Output: began")
	if !v.timedOut {
		t.Error("it is not taken for slow")
	}
	l.began(t, 2)
	l.ended(t)
}

func TestAScriptIsAskedToEndFirst(t *testing.T) {
	def := sh(`trap 'echo asked; exit 0' TERM; while :; do sleep 0.02; done`)
	def.Timeout = 300 * time.Millisecond
	if v := ask(t, def); v.status != catalog.Critical || !strings.HasSuffix(v.output, "asked") {
		t.Errorf("%v %q", v.status, v.output)
	}
}

// Its child holds its output open; that keeps nobody waiting, and the child does not stay.
func TestAScriptThatForksIsOverWhenItEnds(t *testing.T) {
	l := watchLives(t)
	v := ask(t, sh(`exec 9>"$1"; echo forked; echo there >&9; sleep 600 & exit 1`, l.path))
	wantVerdict(t, v, catalog.Warning, "forked")
	if v.timedOut {
		t.Error("the child was waited for")
	}
	l.began(t, 1)
	l.ended(t)
}

// What leaves the process group cannot be killed with it; but it keeps nobody waiting
// either.
func TestADaemonOfAScriptIsNotWaitedFor(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("there is no setsid(1) here")
	}
	away := filepath.Join(t.TempDir(), "away")
	v := ask(t, definition.Check{
		Args: []string{"/bin/sh", "-c",
			`setsid sh -c 'touch "$0"; while [ -e "$0" ]; do sleep 0.02; done' "$1" & while [ ! -e "$1" ]; do sleep 0.02; done; echo detached`, "sh", away},
		Timeout: time.Minute,
	})
	if err := os.Remove(away); err != nil {
		t.Error(err)
	}
	wantVerdict(t, v, catalog.Passing, "detached")
	if v.timedOut {
		t.Error("the daemon was waited for")
	}
}

func TestScriptsRunOnlyWhereTheyAreSwitchedOn(t *testing.T) {
	for _, def := range []definition.Check{sh("touch " + filepath.Join(t.TempDir(), "x")), {DockerContainerID: "web", Args: []string{"true"}}} {
		v := (&maker{dialer: &dialer{}}).probe(def).ask(t.Context())
		wantVerdict(t, v, catalog.Critical, "not run: this agent was started without enable_local_script_checks")
	}
}

// A script must not outlive its check, nor hold up the agent's end.
func TestAScriptEndsWithItsCheck(t *testing.T) {
	for name, end := range map[string]func(m *live){
		"removed": func(m *live) { m.Remove("it") },
		"closed":  func(m *live) { m.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			l := watchLives(t)
			m := startLive(t, Config{Scripts: true})
			def := onceIn(sh(`exec 9>"$1"; trap '' TERM; echo there >&9; while :; do sleep 1; done`, l.path))
			def.Timeout = time.Hour
			m.Set(def, catalog.Critical, "")
			l.began(t, 1)
			end(m)
			l.ended(t)
		})
	}
}

func TestWhatAHostLacksSpoilsARun(t *testing.T) {
	for errno, want := range map[syscall.Errno]bool{
		syscall.EAGAIN: true, syscall.ENOMEM: true, syscall.EMFILE: true, syscall.ENOENT: false, syscall.EACCES: false,
	} {
		err := fmt.Errorf("fork/exec x: %w", &os.PathError{Op: "fork/exec", Path: "x", Err: errno})
		if got := unable(err) != nil; got != want {
			t.Errorf("%v: %v", errno, got)
		}
	}
}
