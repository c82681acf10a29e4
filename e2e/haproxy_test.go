package e2e

import (
	"encoding/csv"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"covey/e2e/rig"
)

// haproxyConfig has one server, which is what an agent says it is. DIR is where the socket
// for statistics is.
const haproxyConfig = `
global
  stats socket DIR/stats mode 600 level admin
  stats timeout 30s
defaults
  mode tcp
  timeout connect 1s
  timeout client 1s
  timeout server 1s
backend items
  server one INSTANCE weight 100 agent-check agent-addr AGENT agent-port PORT agent-inter 100ms agent-send "item-service/one\n"
`

// agentCheckPort is where agents of these tests answer HAProxy, each on an address of its own.
const agentCheckPort = "8502"

// haproxyServer returns how HAProxy sees its one server.
func haproxyServer(socket string) (status, weight string, err error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return "", "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(soon))
	if _, err := io.WriteString(conn, "show stat items 4 -1\n"); err != nil { // 4: servers
		return "", "", err
	}
	rows, err := csv.NewReader(conn).ReadAll()
	if err != nil || len(rows) != 2 {
		return "", "", fmt.Errorf("HAProxy's statistics are %v: %w", rows, err)
	}
	for i, name := range rows[0] {
		switch name {
		case "status":
			status = rows[1][i]
		case "weight":
			weight = rows[1][i]
		}
	}
	return status, weight, nil
}

// TestHAProxyFollowsAnAgent is the agent-check protocol on both sides: an instance's own
// agent tells one agent what it wants, and another tells HAProxy.
func TestHAProxyFollowsAnAgent(t *testing.T) {
	program := need(t, "haproxy", "haproxy")
	begin(t)
	asked := newAgent(t, "agent-1", "--insecure-gossip")
	asked.Args = append(asked.Args, "--agent-check", net.JoinHostPort(asked.IP, agentCheckPort))
	start(t, asked)
	owner := startAgent(t, "agent-2", "--insecure-gossip", "--join", asked.GossipAddr())

	var says atomic.Value
	says.Store("up ready 75%\n")
	agent := lineServer(t, owner, &says)
	put(t, owner, "/v1/agent/service/register", service{
		"ID": "one", "Name": "item-service", "Address": owner.IP, "Port": itemPort,
		"Check": map[string]string{"AgentCheck": agent, "Interval": "50ms"},
	})

	dir := t.TempDir()
	file, socket := filepath.Join(dir, "haproxy.cfg"), filepath.Join(dir, "stats")
	text := strings.NewReplacer("DIR", dir, "INSTANCE", net.JoinHostPort(owner.IP, fmt.Sprint(itemPort)),
		"AGENT", asked.IP, "PORT", agentCheckPort).Replace(haproxyConfig)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	serve(t, program, "-db", "-f", file)

	sees := func(wantStatus, wantWeight string) {
		t.Helper()
		eventually(t, soon, func() error {
			status, weight, err := haproxyServer(socket)
			if err == nil && (!strings.HasPrefix(status, wantStatus) || wantWeight != "" && weight != wantWeight) {
				err = fmt.Errorf("HAProxy has the server as %s with a weight of %s, want %s and %s", status, weight, wantStatus, wantWeight)
			}
			return err
		})
	}
	sees("no check", "75") // of the server itself, that is
	says.Store("30%\n")
	sees("no check", "30")
	says.Store("down #out of disk\n")
	sees("DOWN", "")
	says.Store("up 100%\n")
	sees("no check", "100")
	put(t, owner, "/v1/agent/maintenance?enable=true", nil)
	sees("DRAIN", "")
	put(t, owner, "/v1/agent/maintenance?enable=false", nil)
	sees("no check", "100")
	kill(t, owner)
	sees("DOWN", "")
}

// lineServer answers whoever connects, on the host of an agent, with what it was last told
// to say.
func lineServer(t *testing.T, on *rig.Agent, says *atomic.Value) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(on.IP, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, says.Load().(string))
			conn.Close()
		}
	}()
	return l.Addr().String()
}
