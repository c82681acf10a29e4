package replicasim

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"covey/gossip/replica"
)

// TestAllHoldTheSameAfterEveryFault is the protocol's main property, from outside: over
// random histories in each of which every fault happens, and the checker finds nothing.
// COVEY_TEST_SEEDS sets how many; -run TestAllHold/seed=7 repeats one.
func TestAllHoldTheSameAfterEveryFault(t *testing.T) {
	seeds := 60
	if n, err := strconv.Atoi(os.Getenv("COVEY_TEST_SEEDS")); err == nil {
		seeds = n
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			trial, err := NewTrial(seed, 4+int(seed%9))
			if err != nil {
				t.Fatal(err)
			}
			if err := trial.Run(); err != nil {
				t.Error(err)
			}
			if missing := trial.Missing(); len(missing) > 0 {
				t.Errorf("the run proves too little, it had none of: %q", missing)
			}
			t.Log(trial)
		})
	}
}

func TestTheSameSeedGivesTheSameTrial(t *testing.T) {
	run := func() string {
		trial, err := NewTrial(5, 9)
		if err != nil {
			t.Fatal(err)
		}
		if err := trial.Run(); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s\n%+v\n%s", trial, trial.Checker.Largest, trial.World.catalogue())
	}
	if a, b := run(), run(); a != b {
		t.Errorf("%s\nand then\n%s", a, b)
	}
}

// TestTheCheckerSeesWhatMustNotBe breaks one promise after another in a world at rest.
func TestTheCheckerSeesWhatMustNotBe(t *testing.T) {
	for name, spoil := range map[string]func(c *Checker, n, owner *Node){
		"went back":                  func(_ *Checker, n, owner *Node) { n.known[owner.ID].version += 100 },
		"never said":                 func(_ *Checker, n, owner *Node) { n.known[owner.ID].entries["s/forged"] = "x" },
		"the owner made it":          func(_ *Checker, n, owner *Node) { delete(n.known[owner.ID].entries, "n") },
		"left at epoch":              func(_ *Checker, n, owner *Node) { n.void[owner.ID] = void{epoch: owner.Epoch()} },
		"its catalogue is":           func(_ *Checker, n, owner *Node) { owner.entries["n"] = "another" },
		"not at rest":                func(_ *Checker, n, owner *Node) { n.Local(n.clock(), replica.Put{Key: "s/more", Payload: []byte("x")}) },
		"it never began":             func(c *Checker, _, _ *Node) { clear(c.said) },
		"whose log it does not have": func(_ *Checker, n, owner *Node) { n.known[replica.ID{1}] = n.known[owner.ID] },
	} {
		trial, err := NewTrial(1, 5)
		if err != nil {
			t.Fatal(err)
		}
		trial.settle()
		if err := trial.Checker.Rest(0); err != nil {
			t.Fatalf("before anything was spoilt: %v", err)
		}
		n, owner := trial.World.nodes[0], trial.World.nodes[1]
		spoil(trial.Checker, n, owner)
		trial.Checker.hold(n, owner.ID)
		trial.Checker.hold(n, replica.ID{1})
		if err := trial.Checker.Rest(0); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: not seen, but %v", name, err)
		}
	}
}
