package health

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// process is a process that can be watched, whatever becomes of its ID (pidfd_open(2)).
type process struct {
	pid  int
	file *os.File // becomes readable when the process ends
}

// openProcess returns the process of an ID, or errNoProcess.
func openProcess(pid int) (*process, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if errors.Is(err, unix.EINVAL) { // before Linux 5.10, or it is a thread
		if fd, err = unix.PidfdOpen(pid, 0); err == nil {
			err = unix.SetNonblock(fd, true)
		}
	}
	switch {
	case errors.Is(err, unix.ESRCH):
		return nil, errNoProcess
	case errors.Is(err, unix.EINVAL):
		return nil, errors.New("it is a thread, not a process")
	case err != nil:
		return nil, fmt.Errorf("pidfd_open: %w", err)
	}
	return &process{pid: pid, file: os.NewFile(uintptr(fd), "pidfd")}, nil
}

// runs reports whether the process has not ended. One that ended and is not waited for
// by its parent has.
func (p *process) runs() bool {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return false
	}
	ended := true
	_ = raw.Control(func(fd uintptr) { ended = readable(fd) })
	return !ended
}

// wait returns true when the process has ended, and false when it was released.
func (p *process) wait() bool {
	raw, err := p.file.SyscallConn()
	return err == nil && raw.Read(readable) == nil
}

// release gives up the process; wait returns.
func (p *process) release() { p.file.Close() }

func readable(fd uintptr) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n == 1
}
