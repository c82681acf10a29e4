//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// instance is an instance of a service: a process that listens, and can be killed.
type instance struct {
	cmd   *exec.Cmd
	alive io.Closer // the process ends when this is closed, however this one ends
	addr  string    // it listens at
}

// instanceArg has this command be such a process.
const instanceArg = "instance"

// serveInstance accepts connections and keeps them until standard input ends.
func serveInstance() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-health: instance:", err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	var mu sync.Mutex
	var kept []net.Conn
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			kept = append(kept, conn)
			mu.Unlock()
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func startInstance() (*instance, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	i := &instance{cmd: exec.Command(self, instanceArg)}
	i.cmd.Stderr = os.Stderr
	out, err := i.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if i.alive, err = i.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := i.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		i.end()
		return nil, fmt.Errorf("an instance did not say where it listens: %w", err)
	}
	i.addr = strings.TrimSpace(line)
	return i, nil
}

// end kills the process, if it lives, and waits.
func (i *instance) end() {
	_ = i.cmd.Process.Kill()
	_ = i.cmd.Wait()
	_ = i.alive.Close()
}
