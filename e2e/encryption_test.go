package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"covey/e2e/rig"
)

// keygen returns a new gossip key.
func keygen(t *testing.T) string {
	t.Helper()
	o, err := binary.Run(nil, "keygen")
	if err == nil {
		err = o.OK()
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(o.Stdout)
}

func TestAgentsWithOneKeyShareACatalogueAndOthersAreRefused(t *testing.T) {
	begin(t)
	began := time.Now()
	key := keygen(t)
	one := startAgent(t, "agent-1", "--encrypt", key)
	two := startAgent(t, "agent-2", "--encrypt", key)
	covey(t, two, "join", one.GossipAddr())
	body, e := item("item-1", "10.99.0.1", 1, nil)
	put(t, one, register, body)
	answers(t, soon, two, e)

	for _, c := range []struct {
		name string
		args []string
	}{
		{"stranger", []string{"--encrypt", keygen(t)}},
		{"keyless", []string{"--insecure-gossip"}},
	} {
		other := startAgent(t, c.name, c.args...)
		other.Covey("join", one.GossipAddr()) // fails, or joins nothing: what counts is below
		before := refused(t, one)
		eventually(t, soon, func() error {
			out, err := other.Covey("join", one.GossipAddr())
			if err == nil {
				t.Errorf("%s joined with another key: %s", c.name, out)
			}
			if now := refused(t, one); now <= before {
				return fmt.Errorf("%s joined with another key and the counters of what was refused stand at %d", c.name, now)
			}
			return nil
		})
		if err := seesAlive(one, 2); err != nil {
			t.Errorf("after %s tried to join: %v", c.name, err)
		}
		if list, err := other.SRV(itemService); err != nil || len(list) > 0 {
			t.Errorf("%s knows the catalogue: %v, %v", c.name, list, err)
		}
		for range 5 {
			other.Covey("join", one.GossipAddr()) // to be refused, and not told of each time
		}
	}

	// Once a minute for each of the two reasons there were: another key, and none.
	most := 2 * (1 + int(time.Since(began).Minutes()))
	if lines := one.Output.Lines("refused"); len(lines) == 0 || len(lines) > most {
		t.Errorf("the log tells %d times of what was refused, want 1 to %d:\n%s", len(lines), most, strings.Join(lines, "\n"))
	}
}

// refused is the sum of the agent's counters of what it refused.
func refused(t *testing.T, a *rig.Agent) (sum uint64) {
	t.Helper()
	var status struct{ Counters map[string]uint64 }
	if out := covey(t, a, "status", "--json"); json.Unmarshal([]byte(out), &status) != nil {
		t.Fatalf("covey status --json printed %s", out)
	}
	for name, n := range status.Counters {
		if strings.HasPrefix(name, "refused_") {
			sum += n
		}
	}
	return sum
}

// TestTheGossipKeyIsChangedWhileAllAgentsRun gives a running ring a new key by the
// command, with registrations going on, and restarts an agent over its data directory.
func TestTheGossipKeyIsChangedWhileAllAgentsRun(t *testing.T) {
	begin(t)
	old, next := keygen(t), keygen(t)
	var agents []*rig.Agent
	for i := range 3 {
		agents = append(agents, startAgent(t, fmt.Sprintf("agent-%d", i+1), "--encrypt", old))
		if i > 0 {
			covey(t, agents[i], "join", agents[0].GossipAddr())
		}
	}
	for _, a := range agents {
		eventually(t, soon, func() error { return seesAlive(a, 3) })
	}
	var want []rig.Endpoint
	write := func() {
		for _, a := range agents {
			n := len(want) + 1
			body, e := item(fmt.Sprint("item-", n), fmt.Sprintf("10.99.0.%d", n), 1, nil)
			put(t, a, register, body)
			want = append(want, e)
		}
		for _, a := range agents {
			answers(t, soon, a, want...)
		}
	}
	write()
	for _, c := range []struct{ shown, what, key string }{{old, "install", next}, {old, "use", next}, {next, "remove", old}} {
		covey(t, agents[1], "keyring", c.what, c.key, "--encrypt", c.shown)
		write()
	}
	var list struct{ Keys, PrimaryKeys map[string]int }
	if out := covey(t, agents[2], "keyring", "list", "--json", "--encrypt", next); json.Unmarshal([]byte(out), &list) != nil ||
		len(list.Keys) != 1 || list.Keys[next] != 3 || list.PrimaryKeys[next] != 3 {
		t.Errorf("after the change the keyring is %s", out)
	}
	if out, err := agents[0].Covey("keyring", "list", "--encrypt", old); err == nil {
		t.Errorf("the removed key still opens the keyring: %s", out)
	}
	for _, a := range agents {
		if n := refused(t, a); n != 0 {
			t.Errorf("%s refused %d frames of its peers", a.Node, n)
		}
	}

	// Its configuration names the old key yet; its data directory has the new one.
	eventually(t, soon, func() error { return kept(agents[2], next) })
	kill(t, agents[2])
	start(t, agents[2])
	write()

	late := startAgent(t, "late", "--encrypt", old)
	if out, err := late.Covey("join", agents[0].GossipAddr()); err == nil {
		t.Errorf("an agent joined with the removed key: %s", out)
	}
}

// kept reports whether the agent's data directory has the key.
func kept(a *rig.Agent, key string) error {
	text, err := os.ReadFile(filepath.Join(a.DataDir, "keyring.json"))
	if err == nil && strings.Count(string(text), "=") != 1 || !strings.Contains(string(text), key) {
		err = fmt.Errorf("the kept keyring is %s", text)
	}
	return err
}
