package e2e

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"covey/e2e/rig"
)

func TestARegistrationIsAnsweredOnEveryAgent(t *testing.T) {
	begin(t)
	agents := startCluster(t, 3)
	ttl := map[string]any{"TTL": "10m", "Status": "passing"}
	body, e := item("item-1", "10.99.0.1", 1, ttl)
	put(t, agents[1], register, body)
	for _, a := range agents {
		took := answers(t, soon, a, e)
		t.Logf("answered on %s after %v", a.Node, took)
	}

	put(t, agents[1], "/v1/agent/check/fail/service:item-1?note="+url.QueryEscape("out of items"), nil)
	for _, a := range agents {
		answers(t, soon, a)
	}
	put(t, agents[1], "/v1/agent/check/pass/service:item-1", nil)
	for _, a := range agents {
		answers(t, soon, a, e)
	}

	kill(t, agents[1])
	for _, a := range []*rig.Agent{agents[0], agents[2]} {
		answers(t, healing, a)
	}
	start(t, agents[1])
	for _, a := range agents {
		answers(t, healing, a, e)
	}
}

func TestABlockedQueryWakesWhenAnotherAgentRegisters(t *testing.T) {
	begin(t)
	agents := startCluster(t, 2)
	path := "/v1/health/service/item-service?passing"
	index := get(t, agents[1], path, nil).Header.Get("X-Consul-Index")
	if index == "" || index == "0" {
		t.Fatalf("X-Consul-Index is %q", index)
	}

	type outcome struct {
		instances []any
		err       error
	}
	woken := make(chan outcome, 1)
	go func() {
		var o outcome
		_, o.err = agents[1].Get(path+"&wait=25s&index="+index, &o.instances)
		woken <- o
	}()
	body, _ := item("item-1", "10.99.0.1", 1, nil)
	put(t, agents[0], register, body)
	select {
	case o := <-woken:
		if o.err != nil || len(o.instances) != 1 {
			t.Fatalf("the blocked query returned %v, %v; want the one instance", o.instances, o.err)
		}
	case <-time.After(soon):
		t.Fatal("the blocked query did not return")
	}
}

func TestANewcomerLearnsEverything(t *testing.T) {
	begin(t)
	agents := startCluster(t, 2)
	const each = 300
	for i, a := range agents {
		for n := range each {
			body, _ := item(fmt.Sprintf("item-%d-%d", i, n), fmt.Sprintf("10.99.%d.%d", i, n%250), 1, nil)
			put(t, a, register, body)
		}
	}
	late := startAgent(t, "late", "--insecure-gossip")
	covey(t, late, "join", agents[1].GossipAddr())
	took := eventually(t, soon, func() error {
		var known []any
		if _, err := late.Get("/v1/health/service/item-service", &known); err != nil {
			return err
		}
		if len(known) != len(agents)*each {
			return fmt.Errorf("the newcomer knows %d instances, want %d", len(known), len(agents)*each)
		}
		return nil
	})
	t.Logf("a newcomer knew %d instances after %v", len(agents)*each, took)
}

func TestDeregisteringRemovesTheInstanceEverywhere(t *testing.T) {
	begin(t)
	agents := startCluster(t, 3)
	one, e1 := item("item-1", "10.99.0.1", 1, nil)
	two, e2 := item("item-2", "10.99.0.2", 1, nil)
	put(t, agents[0], register, one)
	put(t, agents[1], register, two)
	answers(t, soon, agents[2], e1, e2)

	put(t, agents[0], "/v1/agent/service/deregister/item-1", nil)
	for _, a := range agents {
		answers(t, soon, a, e2)
	}
	covey(t, agents[1], "deregister", "item-2")
	for _, a := range agents {
		answers(t, soon, a)
		eventually(t, soon, func() error {
			var names map[string][]string
			if _, err := a.Get("/v1/catalog/services", &names); err != nil {
				return err
			}
			if _, there := names["item-service"]; there {
				return fmt.Errorf("%s still lists the service: %v", a.Node, names)
			}
			return nil
		})
	}
}

func TestAWarningInstanceStaysAndOneInMaintenanceDoesNot(t *testing.T) {
	begin(t)
	agents := startCluster(t, 2)
	body, e := item("item-1", "10.99.0.1", 5, map[string]any{"TTL": "10m", "Status": "passing"})
	put(t, agents[0], register, body)
	answers(t, soon, agents[1], e)

	put(t, agents[0], "/v1/agent/check/warn/service:item-1", nil)
	warned := e
	warned.Weight = 1 // what the body gives it when warning
	answers(t, soon, agents[1], warned)
	put(t, agents[0], "/v1/agent/check/pass/service:item-1", nil)
	answers(t, soon, agents[1], e)

	for _, where := range []string{"/v1/agent/service/maintenance/item-1", "/v1/agent/maintenance"} {
		put(t, agents[0], where+"?enable=true&reason=upgrade", nil)
		answers(t, soon, agents[1])
		put(t, agents[0], where+"?enable=false", nil)
		answers(t, soon, agents[1], e)
	}
}
