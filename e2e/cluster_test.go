package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"covey/e2e/rig"
)

// binary is the command under test, built once by TestMain.
var binary rig.Binary

func TestMain(m *testing.M) {
	if address := os.Getenv(asVictim); address != "" {
		beVictim(address)
	}
	if address := os.Getenv(asInstance); address != "" {
		beInstance(address)
	}
	flag.Parse()
	if testing.Short() || runtime.GOOS == "windows" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "covey-e2e-")
	if err == nil {
		err = os.Chmod(dir, 0o755) // one test runs the binary as another user
	}
	if err == nil {
		binary, err = rig.Build(dir, raceDetector)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// Deadlines. They are far above what is expected, since a busy machine is no defect;
// what is fast is measured by benchmarks.
const (
	soon    = 20 * time.Second // a change to be known everywhere
	healing = 90 * time.Second // a failed host to be noticed, or a return to be
)

// begin marks the test as one that drives the command.
func begin(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("drives real agents: not with -short")
	}
	if runtime.GOOS == "windows" {
		t.Skip("needs SIGTERM")
	}
	t.Parallel()
}

// newAgent returns an agent that has a place and a data directory, not yet started.
func newAgent(t *testing.T, node string, args ...string) *rig.Agent {
	t.Helper()
	place, err := rig.FindPlace()
	if err != nil {
		t.Fatal(err)
	}
	a := &rig.Agent{
		Binary:  binary,
		Node:    node,
		Place:   place,
		DataDir: filepath.Join(t.TempDir(), node),
		Args:    args,
	}
	t.Cleanup(func() {
		if err := a.Kill(); err != nil {
			t.Error(err)
		}
		out := a.Output.String()
		for _, bad := range []string{"WARNING: DATA RACE", "panic:", "fatal error:"} {
			if strings.Contains(out, bad) {
				t.Errorf("agent %s wrote %q", node, bad)
			}
		}
		if t.Failed() {
			t.Logf("agent %s, %v, wrote:\n%s", node, a.CommandLine(), out)
		}
	})
	return a
}

// startAgent returns an agent that is ready.
func startAgent(t *testing.T, node string, args ...string) *rig.Agent {
	t.Helper()
	a := newAgent(t, node, args...)
	start(t, a)
	return a
}

func start(t *testing.T, a *rig.Agent) {
	t.Helper()
	if err := a.Start(); err != nil {
		t.Fatal(err)
	}
}

func kill(t *testing.T, agents ...*rig.Agent) {
	t.Helper()
	for _, a := range agents {
		if err := a.Kill(); err != nil {
			t.Fatal(err)
		}
	}
}

// startCluster returns n agents, agent-1 to agent-n, joined by `covey join`, each of
// which sees all of them alive.
func startCluster(t *testing.T, n int, args ...string) []*rig.Agent {
	t.Helper()
	agents := make([]*rig.Agent, n)
	for i := range agents {
		agents[i] = startAgent(t, fmt.Sprintf("agent-%d", i+1), append([]string{"--insecure-gossip"}, args...)...)
		if i > 0 {
			covey(t, agents[i], "join", agents[0].GossipAddr())
		}
	}
	for _, a := range agents {
		eventually(t, soon, func() error { return seesAlive(a, n) })
	}
	return agents
}

// seesAlive returns nil if a counts exactly n nodes whose serfHealth is passing.
func seesAlive(a *rig.Agent, n int) error {
	var checks []struct{ Node, CheckID string }
	if _, err := a.Get("/v1/health/state/passing", &checks); err != nil {
		return err
	}
	alive := 0
	for _, c := range checks {
		if c.CheckID == "serfHealth" {
			alive++
		}
	}
	if alive != n {
		return fmt.Errorf("%s sees %d nodes alive, want %d: %v", a.Node, alive, n, checks)
	}
	return nil
}

// covey runs a client command that must succeed.
func covey(t *testing.T, a *rig.Agent, args ...string) string {
	t.Helper()
	out, err := a.Covey(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func put(t *testing.T, a *rig.Agent, path string, body any) {
	t.Helper()
	if err := a.Put(path, body); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, a *rig.Agent, path string, into any) rig.Response {
	t.Helper()
	res, err := a.Get(path, into)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// eventually fails the test unless condition comes to hold.
func eventually(t *testing.T, limit time.Duration, condition func() error) time.Duration {
	t.Helper()
	took, err := rig.Until(limit, condition)
	if err != nil {
		t.Fatal(err)
	}
	return took
}

// answers waits until the agent answers the SRV question for item-service with want.
func answers(t *testing.T, limit time.Duration, a *rig.Agent, want ...rig.Endpoint) time.Duration {
	t.Helper()
	return eventually(t, limit, func() error { return a.Answers(itemService, want...) })
}

// itemService is the name the tests ask for.
const itemService = "item-service.service.local."

// service is a registration body with Consul's keys.
type service map[string]any

// item returns a registration of item-service: one instance, its weight when passing,
// and a check if not nil.
func item(id, address string, weight int, check any) (service, rig.Endpoint) {
	s := service{
		"ID": id, "Name": "item-service", "Address": address, "Port": 8080,
		"Weights": map[string]int{"Passing": weight, "Warning": 1},
	}
	if check != nil {
		s["Check"] = check
	}
	return s, rig.Endpoint{Address: address, Port: 8080, Weight: uint16(weight)}
}

const register = "/v1/agent/service/register"
