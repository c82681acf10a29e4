package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"covey/e2e/rig"
)

// TestALostDiskTakesTheOldRegistrationsWithIt kills an agent, removes its data directory
// and starts it under the same node name. Once the others have met it, what the former
// one registered is gone everywhere, and it stays gone.
func TestALostDiskTakesTheOldRegistrationsWithIt(t *testing.T) {
	begin(t)
	agents := startCluster(t, 4)
	lost, others := agents[3], agents[:3]
	var kept []rig.Endpoint
	for i, a := range agents {
		body, e := item(fmt.Sprintf("item-%d", i), fmt.Sprintf("10.99.0.%d", i+1), 1, nil)
		put(t, a, register, body)
		if a != lost {
			kept = append(kept, e)
		} else {
			more, _ := item("more", "10.99.1.1", 1, nil)
			put(t, a, register, more)
		}
	}
	for _, a := range agents {
		eventually(t, soon, func() error { return catalogHas(a, len(agents)+1) })
	}
	kill(t, lost)
	if err := os.RemoveAll(lost.DataDir); err != nil {
		t.Fatal(err)
	}
	start(t, lost)
	before := nodeID(t, others[0], lost.Node)
	join := time.Now()
	covey(t, lost, "join", others[0].GossipAddr())
	for _, a := range agents {
		eventually(t, soon, func() error { return catalogHas(a, len(others)) })
		answers(t, soon, a, kept...)
	}
	t.Logf("old registrations gone everywhere %v after the join began", time.Since(join).Round(time.Millisecond))
	if after := nodeID(t, others[0], lost.Node); after == before {
		t.Errorf("node %s has the id %s as before, though its disk is new", lost.Node, after)
	}

	// What was lost is offered by nobody: not to the new agent, not to one that comes
	// back from its own disk, which still has it, and not to a newcomer.
	kill(t, others[1])
	body, e := item("anew", "10.99.2.1", 1, nil)
	put(t, lost, register, body)
	kept = append(kept, e)
	start(t, others[1])
	newcomer := startAgent(t, "agent-5", "--insecure-gossip")
	covey(t, newcomer, "join", others[2].GossipAddr())
	for _, a := range append(agents, newcomer) {
		answers(t, healing, a, kept...)
		eventually(t, soon, func() error { return catalogHas(a, len(kept)) })
	}
}

// catalogHas returns nil if the agent lists so many instances, hidden ones included.
func catalogHas(a *rig.Agent, n int) error {
	var list []struct{ Node, ServiceID string }
	if _, err := a.Get("/v1/catalog/service/item-service", &list); err != nil {
		return err
	}
	if len(list) != n {
		return fmt.Errorf("%s lists %v, want %d instances", a.Node, list, n)
	}
	return nil
}

func nodeID(t *testing.T, a *rig.Agent, node string) string {
	t.Helper()
	var nodes []struct{ Node, ID string }
	get(t, a, "/v1/catalog/nodes", &nodes)
	for _, n := range nodes {
		if n.Node == node {
			return n.ID
		}
	}
	t.Fatalf("%s does not know node %s: %v", a.Node, node, nodes)
	return ""
}

// TestOfTwoAgentsOfOneNameTheLaterEnds starts an agent under the name of one that lives.
func TestOfTwoAgentsOfOneNameTheLaterEnds(t *testing.T) {
	begin(t)
	agents := startCluster(t, 3)
	first := agents[2]
	body, e := item("item-1", "10.99.0.1", 1, nil)
	put(t, first, register, body)
	second := newAgent(t, first.Node, "--insecure-gossip", "--retry-join", agents[0].GossipAddr())
	if err := second.Launch(); err != nil {
		t.Fatal(err)
	}
	code, err := second.Wait(healing)
	if err != nil {
		t.Fatal(err)
	}
	if code != 1 {
		t.Errorf("it ended with exit code %d, want 1", code)
	}
	said := second.Output.String()
	for _, word := range []string{fmt.Sprintf("bears the node name %q", first.Node), first.GossipAddr(), "--node"} {
		if !strings.Contains(said, word) {
			t.Errorf("it does not say %q:\n%s", word, said)
		}
	}
	if !first.Running() {
		t.Error("the first one ended as well")
	}
	for _, a := range agents {
		answers(t, soon, a, e)
		eventually(t, soon, func() error { return seesAlive(a, 3) })
	}
}
