package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"covey/e2e/rig"
)

// asVictim is the variable that makes this program a service, at the address it holds.
const asVictim = "E2E_VICTIM"

// beVictim accepts connections until it is killed.
func beVictim(address string) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	endWithParent()
	for {
		if conn, err := l.Accept(); err == nil {
			go io.Copy(io.Discard, conn)
		}
	}
}

// endWithParent ends this program when nobody needs it any more.
func endWithParent() {
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
}

// victim starts a process that serves on an address of its own and returns it with
// that address.
func victim(t *testing.T, ip string) (cmd *exec.Cmd, addr string) {
	t.Helper()
	return child(t, asVictim, net.JoinHostPort(ip, "0"))
}

// child starts this program as something else, and returns it with the address that it
// writes down first.
func child(t *testing.T, as, at string) (cmd *exec.Cmd, addr string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(program)
	cmd.Env = append(os.Environ(), as+"="+at)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
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
	if _, err := fmt.Fscanln(out, &addr); err != nil {
		t.Fatal(err)
	}
	return cmd, addr
}

// An instance is killed; no interval passes in the time of this test, so that it is the
// event that takes it out of every answer.
func TestAKilledInstanceIsGoneWithoutAPoll(t *testing.T) {
	begin(t)
	agents := startCluster(t, 3)
	for kind, flags := range map[string]func(cmd *exec.Cmd, addr string) []string{
		"hold": func(_ *exec.Cmd, addr string) []string { return []string{"--check-hold", addr} },
		"process": func(cmd *exec.Cmd, _ string) []string {
			return []string{"--check-process", fmt.Sprint(cmd.Process.Pid)}
		},
	} {
		t.Run(kind, func(t *testing.T) {
			cmd, addr := victim(t, agents[0].IP)
			name := "by-" + kind
			covey(t, agents[0], append([]string{"register", "--name", name, "--port", addr[strings.LastIndexByte(addr, ':')+1:],
				"--interval", "1h"}, flags(cmd, addr)...)...)
			for _, a := range agents {
				eventually(t, soon, func() error { return has(a, name, 1) })
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			for _, a := range agents {
				took := eventually(t, soon, func() error { return has(a, name, 0) })
				t.Logf("gone at %s after %v", a.Node, took)
			}
		})
	}
}

// has is nil if so many instances of a service are answered.
func has(a *rig.Agent, service string, n int) error {
	got, err := a.SRV(service + ".service.local")
	if err == nil && len(got) != n {
		err = fmt.Errorf("%s answers %v, want %d instances", a.Node, got, n)
	}
	return err
}
