package rig

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Agent is one agent and the place it stands on. It may be started again after it
// has ended, with the same arguments. One goroutine at a time may start and end it;
// questions may be asked by any number.
type Agent struct {
	Binary Binary
	Node   string
	Place
	DataDir string   // "" for --dev
	Args    []string // further ones
	Env     []string // further ones
	Attr    *syscall.SysProcAttr
	Output  Output

	client *http.Client
	cmd    *exec.Cmd
	ended  chan struct{} // closed when cmd has ended
	code   int           // valid once ended is closed
}

// HTTPAddr, DNSAddr and GossipAddr are host:port.
func (a *Agent) HTTPAddr() string   { return a.addr(a.HTTP) }
func (a *Agent) DNSAddr() string    { return a.addr(a.DNS) }
func (a *Agent) GossipAddr() string { return a.addr(a.Gossip) }

// CommandLine is what the agent is started with.
func (a *Agent) CommandLine() []string {
	args := []string{"agent", "--node", a.Node, "--bind", a.IP, "--gossip-port", strconv.Itoa(a.Gossip),
		"--http", a.HTTPAddr(), "--dns", a.DNSAddr()}
	if a.DataDir != "" {
		args = append(args, "--data-dir", a.DataDir)
	} else {
		args = append(args, "--dev")
	}
	return append(args, a.Args...)
}

// Launch starts the process and does not wait for it to be ready.
func (a *Agent) Launch() error {
	if a.Running() {
		return fmt.Errorf("agent %s runs already", a.Node)
	}
	cmd := exec.Command(a.Binary.Path, a.CommandLine()...)
	cmd.Env = append(os.Environ(), a.Env...)
	cmd.Stdout, cmd.Stderr = &a.Output, &a.Output
	cmd.SysProcAttr = a.Attr
	if err := start(cmd); err != nil {
		return fmt.Errorf("starting agent %s: %w", a.Node, err)
	}
	a.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	ended := make(chan struct{})
	a.cmd, a.ended = cmd, ended
	go func() {
		cmd.Wait() // how it ended is in ProcessState
		a.code = cmd.ProcessState.ExitCode()
		close(ended)
	}()
	return nil
}

// readyTime bounds a start; a busy machine with the race detector needs seconds.
const readyTime = 30 * time.Second

// Start launches the agent and waits until it answers over HTTP and DNS.
func (a *Agent) Start() error {
	if err := a.Launch(); err != nil {
		return err
	}
	_, err := Until(readyTime, func() error {
		if !a.Running() {
			return nil // told below; there is no point in waiting on
		}
		if _, err := a.Get("/v1/agent/self", nil); err != nil {
			return err
		}
		_, err := a.Ask(a.Node+".node.local.", "A")
		return err
	})
	if err == nil && !a.Running() {
		err = fmt.Errorf("it ended with exit code %d", a.code)
	}
	if err != nil {
		return fmt.Errorf("starting agent %s: %w\n%s", a.Node, err, a.Output.String())
	}
	return nil
}

// Running reports whether the process has been started and has not ended.
func (a *Agent) Running() bool {
	if a.cmd == nil {
		return false
	}
	select {
	case <-a.ended:
		return false
	default:
		return true
	}
}

// PID is the process's, 0 if it was never started.
func (a *Agent) PID() int {
	if a.cmd == nil {
		return 0
	}
	return a.cmd.Process.Pid
}

// Kill ends the agent as kill -9 does and waits until it is gone. An agent that does
// not run is no error.
func (a *Agent) Kill() error {
	if !a.Running() {
		return nil
	}
	if err := a.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing agent %s: %w", a.Node, err)
	}
	<-a.ended
	a.client.CloseIdleConnections()
	return nil
}

// Terminate sends SIGTERM.
func (a *Agent) Terminate() error { return a.cmd.Process.Signal(syscall.SIGTERM) }

// Wait returns the exit code once the agent has ended, -1 if a signal ended it.
func (a *Agent) Wait(limit time.Duration) (int, error) {
	select {
	case <-a.ended:
		a.client.CloseIdleConnections()
		return a.code, nil
	case <-time.After(limit):
		return 0, fmt.Errorf("agent %s still runs after %v", a.Node, limit)
	}
}

// Covey runs a client command against this agent and returns what it printed; a
// failure is an error.
func (a *Agent) Covey(args ...string) (string, error) {
	o, err := a.Binary.Run([]string{"COVEY_HTTP_ADDR=" + a.HTTPAddr()}, args...)
	if err == nil {
		err = o.OK()
	}
	if err != nil {
		return "", fmt.Errorf("covey %s, asking %s: %w", strings.Join(args, " "), a.Node, err)
	}
	return o.Stdout, nil
}
