package agent

import (
	"testing"
	"time"

	"covey/catalog"
	"covey/lb"
)

func TestADrainEndsWithTheProcess(t *testing.T) {
	cfg := testConfig(t.TempDir())
	cfg.DNS.ServiceTTL = map[string]time.Duration{"*": time.Second, "web": 3 * time.Second}
	a := startAgent(t, cfg, Options{})
	if err := a.RegisterService(t.Context(), web(80), false); err != nil {
		t.Fatal(err)
	}
	wantEligible(t, a, 1)
	keep, err := a.Drain(t.Context(), "")
	if err != nil || keep != 3*time.Second {
		t.Fatalf("%v, %v; want the longest TTL, 3s", keep, err)
	}
	wantEligible(t, a, 0)
	if err := a.commits.change(t.Context(), func(*batch) error { return a.commits.rewrite() }); err != nil { // must not make it last either
		t.Fatal(err)
	}
	a.kill(t)
	a = startAgent(t, cfg, Options{})
	wantEligible(t, a, 1)
}

func TestADrainCanBeTakenBackAndLeavesAMaintenanceAlone(t *testing.T) {
	cfg := testConfig(t.TempDir())
	a := startAgent(t, cfg, Options{})
	if err := a.RegisterService(t.Context(), web(80), false); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Drain(t.Context(), "a\nb"); err == nil {
		t.Error("a reason of two lines is taken")
	}
	wantEligible(t, a, 1)
	if _, err := a.Drain(t.Context(), "new disk"); err != nil {
		t.Fatal(err)
	}
	if err := a.NodeMaintenance(t.Context(), false, ""); err != nil {
		t.Fatal(err)
	}
	wantEligible(t, a, 1)
	if err := a.NodeMaintenance(t.Context(), true, "by hand"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Drain(t.Context(), "new disk"); err != nil {
		t.Fatal(err)
	}
	a.kill(t)
	a = startAgent(t, cfg, Options{})
	wantEligible(t, a, 0)
}

func wantEligible(t *testing.T, a *testAgent, n int) {
	t.Helper()
	got, _ := lb.Eligible(nil, a.catalog.View(), lb.Query{Service: "web"})
	if len(got) != n {
		t.Errorf("%d instances may be answered, want %d; the node's checks: %v", len(got), n, checksOfNode(a))
	}
}

func checksOfNode(a *testAgent) []catalog.Check {
	for _, c := range a.Local().Checks {
		if c.ServiceID == "" {
			return []catalog.Check{c.Check}
		}
	}
	return nil
}
