package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"covey/e2e/rig"
)

func TestNothingAcknowledgedIsLostByKill9(t *testing.T) {
	begin(t)
	a := startAgent(t, "agent-1", "--insecure-gossip")
	const clients, total = 64, 2000
	ids := make(chan int)
	var acknowledged sync.Map
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for n := range ids {
				id := fmt.Sprintf("item-%d", n)
				body, _ := item(id, fmt.Sprintf("10.99.%d.%d", n/250, n%250), 1, map[string]any{"TTL": "10m", "Status": "passing"})
				if err := a.Put(register, body); err != nil {
					t.Error(err)
				} else {
					acknowledged.Store(id, true)
				}
			}
		})
	}
	for n := range total {
		ids <- n
	}
	close(ids)
	wg.Wait()
	kill(t, a) // in the very moment the last was acknowledged

	start(t, a)
	var there map[string]any
	get(t, a, "/v1/agent/services", &there)
	missing := 0
	acknowledged.Range(func(id, _ any) bool {
		if there[id.(string)] == nil {
			missing++
		}
		return true
	})
	if missing > 0 || len(there) != total {
		t.Errorf("after kill -9 there are %d registrations, %d of those acknowledged are missing, want %d and 0", len(there), missing, total)
	}
	var passing []any
	get(t, a, "/v1/health/service/item-service?passing", &passing)
	if len(passing) != total {
		t.Errorf("%d of %d are passing after the restart: their TTL checks should stand as they stood", len(passing), total)
	}
}

// Everyone stops; one comes back, alone. It answers for its lost peers from what it
// knew, and its own checks stand as they stood.
func TestARestartAnswersFromTheLastKnownState(t *testing.T) {
	begin(t)
	agents := startCluster(t, 3)
	ttl := map[string]any{"TTL": "10m", "Status": "passing"}
	var all []rig.Endpoint
	for i, a := range agents {
		check := ttl
		if i == 2 {
			// An interval far above the test's: the first answers after the restart are the
			// state that was kept, not a run of the check.
			check = map[string]any{"HTTP": instance(t, a.IP), "Interval": "10m", "Status": "passing"}
		}
		body, e := item(fmt.Sprintf("item-%d", i+1), fmt.Sprintf("10.99.0.%d", i+1), 1, check)
		put(t, a, register, body)
		all = append(all, e)
	}
	last := agents[2]
	answers(t, soon, last, all...)
	before := index(t, last)
	// What others registered is on disk some milliseconds after it is answered.
	eventually(t, soon, func() error {
		kept, err := os.ReadFile(filepath.Join(last.DataDir, "peers.log"))
		for _, id := range []string{"item-1", "item-2"} {
			if err == nil && !bytes.Contains(kept, []byte(id)) {
				err = fmt.Errorf("%s is not in peers.log", id)
			}
		}
		return err
	})

	kill(t, agents...)
	if err := last.Launch(); err != nil {
		t.Fatal(err)
	}
	// The very first answer counts; before it there is none to be had.
	var first []rig.Endpoint
	eventually(t, soon, func() (err error) {
		first, err = last.SRV(itemService)
		return err
	})
	if len(first) != len(all) {
		t.Errorf("the first answer after a restart without peers was %v, want %v", first, all)
	}
	var checks []struct{ Status, CheckID string }
	eventually(t, soon, func() error {
		_, err := last.Get("/v1/health/node/"+last.Node, &checks)
		return err
	})
	for _, c := range checks {
		if c.Status != "passing" {
			t.Errorf("check %s is %s right after the restart", c.CheckID, c.Status)
		}
	}
	if after := index(t, last); after < before {
		t.Errorf("X-Consul-Index went back over the restart: %d, then %d", before, after)
	}
}

// index returns what the agent says of item-service in X-Consul-Index.
func index(t *testing.T, a *rig.Agent) uint64 {
	t.Helper()
	res := get(t, a, "/v1/health/service/item-service", nil)
	n, err := strconv.ParseUint(res.Header.Get("X-Consul-Index"), 10, 63)
	if err != nil || n == 0 {
		t.Fatalf("X-Consul-Index: %v, %v", res.Header, err)
	}
	return n
}

func TestAnAgentThatLeavesIsGoneAtOnce(t *testing.T) {
	begin(t)
	for _, c := range []struct {
		name  string
		leave func(t *testing.T, a *rig.Agent)
	}{
		{"SIGTERM", func(t *testing.T, a *rig.Agent) {
			if err := a.Terminate(); err != nil {
				t.Fatal(err)
			}
		}},
		{"covey leave", func(t *testing.T, a *rig.Agent) { covey(t, a, "leave") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			agents := startCluster(t, 3)
			body, e := item("item-1", "10.99.0.1", 1, nil)
			put(t, agents[0], register, body)
			answers(t, soon, agents[2], e)

			c.leave(t, agents[0])
			// Far below what it takes to notice a failure would be a measurement; that the
			// node is not there any more, rather than failed, is the difference that counts.
			answers(t, soon, agents[2])
			if code, err := agents[0].Wait(soon); err != nil || code != 0 {
				t.Errorf("it ended with exit code %d, %v; want 0", code, err)
			}
			eventually(t, soon, func() error {
				var nodes []struct{ Node string }
				if _, err := agents[2].Get("/v1/catalog/nodes", &nodes); err != nil {
					return err
				}
				for _, n := range nodes {
					if n.Node == agents[0].Node {
						return fmt.Errorf("%s still lists the node that left", agents[2].Node)
					}
				}
				return nil
			})

			start(t, agents[0])
			answers(t, healing, agents[0], e) // what is registered here stays registered,
			answers(t, healing, agents[2], e) // and who was known is found again
		})
	}
}

func TestForceLeaveRemovesAFailedNode(t *testing.T) {
	begin(t)
	agents := startCluster(t, 3)
	body, e := item("item-1", "10.99.0.1", 1, nil)
	put(t, agents[0], register, body)
	answers(t, soon, agents[2], e)
	kill(t, agents[0])
	answers(t, healing, agents[2])
	if res, err := agents[2].Do(http.MethodGet, "/v1/catalog/node/agent-1", nil); err != nil || res.Code != http.StatusOK || string(res.Body) == "null" {
		t.Errorf("a node that failed is hidden, not forgotten; the catalogue says %d %s, %v", res.Code, res.Body, err)
	}
	covey(t, agents[2], "force-leave", "agent-1")
	for _, a := range agents[1:] {
		eventually(t, healing, func() error {
			var nodes []struct{ Node string }
			if _, err := a.Get("/v1/catalog/nodes", &nodes); err != nil {
				return err
			}
			if len(nodes) != 2 {
				return fmt.Errorf("%s lists %v, want the two that live", a.Node, nodes)
			}
			return nil
		})
	}
}

// Clients hang when an index goes back: they wait for one that is past. So none does, over
// kill -9 either, and who waited before is answered at once by the agent that was started
// again.
func TestNoIndexGoesBackOverARestart(t *testing.T) {
	begin(t)
	a := startAgent(t, "agent-1", "--insecure-gossip")
	put(t, a, register, `{"Name":"item-service","ID":"item-1"}`)
	put(t, a, register, `{"Name":"fleeting"}`)
	put(t, a, "/v1/agent/service/deregister/fleeting", nil)
	paths := []string{
		"/v1/catalog/nodes", "/v1/catalog/node/agent-1", "/v1/catalog/services", "/v1/catalog/service/item-service",
		"/v1/health/service/item-service?passing", "/v1/health/service/fleeting", "/v1/health/checks/item-service",
		"/v1/health/node/agent-1", "/v1/health/state/any", "/v1/event/list", "/v1/coordinate/nodes",
	}
	index := func(path string) (n uint64) {
		t.Helper()
		text := get(t, a, path, nil).Header.Get("X-Consul-Index")
		if _, err := fmt.Sscan(text, &n); err != nil || n == 0 || n >= 1<<63 {
			t.Fatalf("%s: index %q", path, text)
		}
		return n
	}
	before := map[string]uint64{}
	for _, path := range paths {
		before[path] = index(path)
	}
	kill(t, a)
	start(t, a)
	for _, path := range paths {
		if after := index(path); after <= before[path] {
			t.Errorf("%s: the index went from %d to %d", path, before[path], after)
		}
		join := "?"
		if strings.Contains(path, "?") {
			join = "&"
		}
		// Who blocks on the former index is not left waiting: the request would time out.
		get(t, a, fmt.Sprintf("%s%sindex=%d&wait=9m", path, join, before[path]), nil)
	}
}
