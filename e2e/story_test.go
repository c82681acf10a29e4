package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"covey/e2e/rig"
)

// instance is a real copy of item-service: it answers /health.
func instance(t *testing.T, ip string) (healthURL string) {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "fine") })
	s := httptest.NewUnstartedServer(mux)
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return s.URL + "/health"
}

// The mission's example and `make demo`, asserted: item-service on two hosts with
// weights 3 and 1, asked for on a third; the heavier host is killed, and comes back.
func TestTheStoryOfTheDemo(t *testing.T) {
	begin(t)
	agents := startCluster(t, 3)
	heavy := rig.Endpoint{Address: "10.99.0.1", Port: 8080, Weight: 3}
	light := rig.Endpoint{Address: "10.99.0.2", Port: 8080, Weight: 1}
	for i, e := range []rig.Endpoint{heavy, light} {
		covey(t, agents[i], "register", "--name", "item-service", "--address", e.Address, "--port", "8080",
			"--weight", fmt.Sprint(e.Weight), "--check-http", instance(t, agents[i].IP), "--interval", "10s", "--timeout", "2s")
	}
	third := agents[2]
	answers(t, soon, third, heavy, light)

	checkLookup(t, third, heavy, light)
	for _, qtype := range []string{"SRV", "A"} {
		checkShares(t, third, qtype)
	}

	kill(t, agents[0])
	took := answers(t, healing, third, light)
	t.Logf("the answer healed %v after kill -9", took)
	checkLookup(t, third, light)

	start(t, agents[0])
	took = answers(t, healing, third, heavy, light)
	t.Logf("the restarted host was answered again after %v", took)
}

// checkLookup holds `covey lookup --json` to what DNS answers.
func checkLookup(t *testing.T, a *rig.Agent, want ...rig.Endpoint) {
	t.Helper()
	out := covey(t, a, "lookup", "item-service", "--json")
	var lookup struct {
		Answers []struct {
			Address string
			Port    uint16
			Weight  uint16
			Status  string
		}
	}
	if err := json.Unmarshal([]byte(out), &lookup); err != nil {
		t.Fatalf("covey lookup --json printed %s: %v", out, err)
	}
	if len(lookup.Answers) != len(want) {
		t.Fatalf("covey lookup shows %d instances, want %v:\n%s", len(lookup.Answers), want, out)
	}
	for _, e := range want {
		found := false
		for _, got := range lookup.Answers {
			found = found || got.Status == "passing" && rig.Endpoint{Address: got.Address, Port: got.Port, Weight: got.Weight} == e
		}
		if !found {
			t.Errorf("covey lookup does not show %v as passing:\n%s", e, out)
		}
	}
	if text := covey(t, a, "lookup", "item-service"); !strings.Contains(text, want[0].Address) {
		t.Errorf("covey lookup, for people, does not show %s:\n%s", want[0].Address, text)
	}
}

// checkShares holds the first answers of 1,000 lookups to 3 : 1. The bound on chi
// square with one degree of freedom is passed by chance once in a million runs.
func checkShares(t *testing.T, a *rig.Agent, qtype string) {
	t.Helper()
	const rounds, bound = 1000, 24.0
	shares, err := a.Shares(itemService, qtype, rounds)
	if err != nil {
		t.Fatal(err)
	}
	if len(shares) != 2 {
		t.Fatalf("%s answers begin with %v, want two instances", qtype, shares)
	}
	var heavier int
	for _, n := range shares {
		heavier = max(heavier, n)
	}
	dev := float64(heavier) - rounds*3/4
	if chi2 := dev*dev/(rounds*3/4) + dev*dev/(rounds/4); chi2 > bound {
		t.Errorf("shares of %d %s lookups are %v, want 3 to 1 (chi square %.1f, bound %.0f)", rounds, qtype, shares, chi2, bound)
	}
}
