package rig

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// start starts cmd so that it dies with this process. The kernel sends the signal when
// the thread that forked ends, not the process, so one thread does it that never ends.
func start(cmd *exec.Cmd) error {
	attr := syscall.SysProcAttr{}
	if cmd.SysProcAttr != nil {
		attr = *cmd.SysProcAttr
	}
	attr.Pdeathsig = syscall.SIGKILL
	cmd.SysProcAttr = &attr
	job := starting{cmd, make(chan error)}
	starter() <- job
	return <-job.done
}

type starting struct {
	cmd  *exec.Cmd
	done chan error
}

// starter returns the queue of the thread that starts processes.
var starter = sync.OnceValue(func() chan<- starting {
	queue := make(chan starting)
	go func() {
		runtime.LockOSThread()
		for job := range queue {
			job.done <- job.cmd.Start()
		}
	}()
	return queue
})
