package e2e

import (
	"encoding/json"
	"fmt"
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
