//go:build unix

package health

import (
	"os/exec"
	"syscall"
)

// isolate gives a program a process group of its own, all of which is told to end when
// its time is over.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
}

// killGroup kills all that is left of the group of a program that was not waited for
// yet: until it is, nobody else has its ID.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) } // ESRCH if none is left
