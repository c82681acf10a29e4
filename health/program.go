package health

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// killAfter is how long a program has between SIGTERM and SIGKILL, and how long whoever
// left its process group may hold its output open.
const killAfter = 500 * time.Millisecond

// run carries out a program and returns how it ended: nil, an *exec.ExitError, or why it
// did not begin. All that it wrote is in out then.
//
// The program has a process group of its own, in which nothing outlives it: when ctx ends
// all of the group get SIGTERM and soon after SIGKILL, and when the program ends by itself
// what it left behind is killed. What leaves the group (setsid(2)) lives on, but nobody
// waits for it. Environment and working directory are the agent's.
func run(ctx context.Context, args []string, out io.Writer) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = environment()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = killAfter
	isolate(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	awaitEnd(cmd.Process.Pid)
	killGroup(cmd.Process.Pid)
	err := cmd.Wait()
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil // it ended well; that somebody held its output open is not its end
	}
	return err
}

// environment is this process's, without the key of the whole cluster's gossip.
func environment() []string {
	env := os.Environ()
	kept := env[:0]
	for _, v := range env {
		if !strings.HasPrefix(v, "COVEY_ENCRYPT=") {
			kept = append(kept, v)
		}
	}
	return kept
}

// unable returns err if it says that this host has no room for another process.
func unable(err error) error {
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.ENOMEM) {
		return err
	}
	return lacking(err)
}

// keptOutput keeps the beginning of what is written to it and takes the rest for nothing.
// The zero value is ready.
type keptOutput struct {
	mu   sync.Mutex // a process that outlives its run may still be writing
	text []byte
}

func (o *keptOutput) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, b[:min(len(b), keepBody-len(o.text))]...)
	return len(b), nil
}

func (o *keptOutput) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}
