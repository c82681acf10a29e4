package rig

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Program is somebody else's program that runs beside the agents, such as a proxy.
type Program struct {
	Output Output

	cmd   *exec.Cmd
	ended chan struct{} // closed when it has
}

// StartProgram starts a program in the foreground. It dies with this process.
func StartProgram(path string, args ...string) (*Program, error) {
	p := &Program{cmd: exec.Command(path, args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.Output, &p.Output
	p.cmd.WaitDelay = time.Second // children of its own may hold the output open
	if err := start(p.cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	go func() {
		p.cmd.Wait() // how it ended is in ProcessState
		close(p.ended)
	}()
	return p, nil
}

// Running returns nil while the program runs, else what it said before it ended.
func (p *Program) Running() error {
	select {
	case <-p.ended:
		return fmt.Errorf("%s ended (%v):\n%s", p.cmd.Path, p.cmd.ProcessState, p.Output.String())
	default:
		return nil
	}
}

// Stop kills the program and waits until it is gone.
func (p *Program) Stop() {
	if p.Running() == nil {
		p.cmd.Process.Kill()
	}
	<-p.ended
}

// programTime bounds the run of a program that ends by itself.
const programTime = 30 * time.Second

// RunProgram runs a program that ends by itself and returns what it printed; a failure is
// an error.
func RunProgram(path string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), programTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", path, strings.Join(args, " "), err, out)
	}
	return string(out), nil
}
