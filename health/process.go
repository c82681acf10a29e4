package health

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"covey/catalog"
)

// processProbe passes while a process lives. Where the system can tell of a process's
// end (pidfd_open(2)), it is an event that has the probe run at once; elsewhere the
// interval finds it.
//
// A process that was replaced passes if the file with its ID names the new one by then.
type processProbe struct {
	process string // an ID, or the path of a file that holds one

	event   func()
	running *sync.WaitGroup

	mu      sync.Mutex // guards all below
	watched *process   // nil for none
	closed  bool
	events  allowance
}

// maxPIDFile is how long a file with a process ID may be.
const maxPIDFile = 64

func (p *processProbe) watch(event func(), running *sync.WaitGroup) {
	p.event, p.running = event, running
}

func (p *processProbe) ask(context.Context) verdict {
	pid, err := p.pid()
	if err != nil {
		return verdict{status: catalog.Critical, output: clean("Process " + p.process + ": " + err.Error()), spoilt: lacking(err)}
	}
	err = p.follow(pid)
	what := fmt.Sprintf("Process %s: ", p.process)
	if strconv.Itoa(pid) != p.process {
		what += fmt.Sprintf("%d ", pid)
	}
	switch {
	case errors.Is(err, errNoProcess):
		return verdict{status: catalog.Critical, output: clean(what + "does not run")}
	case err != nil:
		return verdict{status: catalog.Critical, output: clean(what + "cannot be watched: " + err.Error()), spoilt: lacking(err)}
	}
	return verdict{status: catalog.Passing, output: clean(what + "runs")}
}

// errNoProcess says that there is no process of an ID, or that it has ended.
var errNoProcess = errors.New("no such process")

// pid returns the ID to look at. What else a file holds is not shown: whoever registers
// a check may not be one to read it.
func (p *processProbe) pid() (int, error) {
	if n, err := strconv.Atoi(p.process); err == nil {
		return n, nil
	}
	f, err := openRegular(p.process)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPIDFile))
	if err != nil {
		return 0, err
	}
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 32)
	if err != nil || n <= 0 {
		return 0, errors.New("holds no process ID in its first line")
	}
	return int(n), nil
}

// openRegular opens a file that is one. To open something else may already do harm: a
// terminal becomes this process's, a writer to a pipe finds a reader that goes away, a
// watchdog resets the machine. What took the file's place meanwhile is not waited for.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	var f *os.File
	if err == nil && info.Mode().IsRegular() {
		if f, err = os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil {
			info, err = f.Stat()
		}
	}
	var cause *fs.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	switch {
	case err == nil && f != nil && info.Mode().IsRegular():
		return f, nil
	case f != nil:
		f.Close()
	case err != nil:
		return nil, fmt.Errorf("cannot be opened: %w", err)
	}
	return nil, errors.New("is not a regular file")
}

// follow sees to it that the process is watched, and tells if it does not run.
func (p *processProbe) follow(pid int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil // nobody asks any more
	}
	if p.watched != nil && p.watched.pid == pid {
		if p.watched.runs() {
			return nil
		}
		return errNoProcess
	}
	if p.watched != nil {
		p.watched.release()
		p.watched = nil
	}
	found, err := openProcess(pid)
	if err != nil {
		return err
	}
	if !found.runs() {
		found.release()
		return errNoProcess
	}
	p.watched = found
	p.running.Go(func() { p.standBy(found) })
	return nil
}

// standBy waits for the end of a process, where the system can tell.
func (p *processProbe) standBy(watched *process) {
	if !watched.wait() {
		return // released, or it cannot be told
	}
	p.mu.Lock()
	if p.watched == watched {
		p.watched = nil
		watched.release()
	}
	tell := !p.closed && p.events.take(time.Now())
	p.mu.Unlock()
	if tell {
		p.event()
	}
}

func (p *processProbe) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.watched != nil {
		p.watched.release()
		p.watched = nil
	}
}
