package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	consul "github.com/hashicorp/consul/api"
	"github.com/hashicorp/consul/api/watch"

	"covey/e2e/rig"
)

// consulClient is Consul's own client for an agent.
func consulClient(t *testing.T, a *rig.Agent) *consul.Client {
	t.Helper()
	c, err := consul.NewClient(&consul.Config{Address: a.HTTPAddr()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// ok fails the test if a call failed, and passes its results on.
func ok[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// okMeta is the same for reads and writes that say more of themselves.
func okMeta[T, M any](t *testing.T) func(T, M, error) T {
	return func(v T, _ M, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// itemOf is a registration as programs write it.
func itemOf(id string, port int) *consul.AgentServiceRegistration {
	return &consul.AgentServiceRegistration{
		ID: id, Name: "item-service", Port: port, Tags: []string{"v1", "blue"}, Meta: map[string]string{"version": "2"},
		Weights: &consul.AgentWeights{Passing: 3, Warning: 1},
		TaggedAddresses: map[string]consul.ServiceAddress{
			"wan": {Address: "192.0.2.7", Port: 443},
		},
		Check: &consul.AgentServiceCheck{CheckID: id + ":ttl", TTL: "1h", Status: "passing", Notes: "a sign of life"},
	}
}

// Every call of Consul's client that concerns discovery, on two agents.
func TestConsulsClientIsServed(t *testing.T) {
	begin(t)
	agents := startCluster(t, 2)
	first, second := consulClient(t, agents[0]), consulClient(t, agents[1])
	t.Run("agent", func(t *testing.T) { useAgent(t, first) })
	must(t, first.Agent().ServiceRegister(itemOf("item-1", 8080)))
	must(t, second.Agent().ServiceRegister(itemOf("item-2", 8080)))
	eventually(t, soon, func() error { return lists(first, 2) })
	t.Run("checks", func(t *testing.T) { useChecks(t, first) })
	t.Run("catalog", func(t *testing.T) { useCatalog(t, first) })
	t.Run("health", func(t *testing.T) { useHealth(t, first) })
	t.Run("external", func(t *testing.T) { useExternal(t, first, second) })
	t.Run("blocking", func(t *testing.T) { useBlocking(t, first) })
	t.Run("watch", func(t *testing.T) { useWatch(t, first, agents[0].HTTPAddr()) })
	t.Run("events", func(t *testing.T) { useEvents(t, first, second) })
	t.Run("coordinates", func(t *testing.T) { useCoordinates(t, first) })
	t.Run("absent", func(t *testing.T) { useWhatIsAbsent(t, first) })
	t.Run("leaving", func(t *testing.T) { useLeaving(t, first, second, agents[1]) })
}

// lists returns nil if so many instances of item-service pass.
func lists(c *consul.Client, n int) error {
	entries, _, err := c.Health().Service("item-service", "", true, nil)
	if err == nil && len(entries) != n {
		err = fmt.Errorf("%d instances of item-service pass, want %d", len(entries), n)
	}
	return err
}

func useAgent(t *testing.T, c *consul.Client) {
	a := c.Agent()
	self := ok[map[string]map[string]any](t)(a.Self())
	if self["Config"]["Datacenter"] != "dc1" || self["Config"]["NodeName"] != "agent-1" {
		t.Errorf("self: %v", self["Config"])
	}
	if name := ok[string](t)(a.NodeName()); name != "agent-1" {
		t.Errorf("it is called %s", name)
	}
	if m := ok[[]*consul.AgentMember](t)(a.Members(false)); len(m) != 2 || m[0].Status != 1 {
		t.Errorf("members: %+v", m)
	}
	if m := ok[[]*consul.AgentMember](t)(a.MembersOpts(consul.MembersOpts{Filter: `Name == "agent-2"`})); len(m) != 1 {
		t.Errorf("members, filtered: %+v", m)
	}
	if h := ok[map[string]any](t)(a.Host()); h["Memory"] == nil || h["Host"] == nil {
		t.Errorf("host: %v", h)
	}
	stop := make(chan struct{})
	lines := ok[chan string](t)(a.Monitor("debug", stop, nil))
	must(t, a.ServiceRegister(&consul.AgentServiceRegistration{ID: "full/1", Name: "full", Kind: consul.ServiceKindConnectProxy, Port: 9,
		Proxy:   &consul.AgentServiceConnectProxyConfig{DestinationServiceName: "item-service", Upstreams: []consul.Upstream{{DestinationName: "db", LocalBindPort: 1}}},
		Connect: &consul.AgentServiceConnect{Native: true}, EnableTagOverride: true, Checks: consul.AgentServiceChecks{
			{Name: "up", TCP: "127.0.0.1:9", Interval: "10s", Timeout: "1s", DeregisterCriticalServiceAfter: "90m"},
			{Name: "well", HTTP: "http://127.0.0.1:9/health", Interval: "10s", Header: map[string][]string{"X-A": {"b"}}},
		}}))
	full := okMeta[*consul.AgentService, *consul.QueryMeta](t)(a.Service("full/1", nil))
	if full.Kind != consul.ServiceKindConnectProxy || full.Proxy == nil || full.Proxy.DestinationServiceName != "item-service" ||
		len(full.Proxy.Upstreams) != 1 || full.Connect == nil || !full.Connect.Native || full.ContentHash == "" {
		t.Errorf("what was registered came back as %+v", full)
	}
	if got := ok[map[string]*consul.AgentCheck](t)(a.Checks()); len(got) != 2 {
		t.Errorf("checks: %v", got)
	}
	must(t, a.ServiceRegisterOpts(&consul.AgentServiceRegistration{ID: "full/1", Name: "full"}, consul.ServiceRegisterOpts{ReplaceExistingChecks: true}))
	if got := ok[map[string]*consul.AgentCheck](t)(a.Checks()); len(got) != 0 {
		t.Errorf("checks that were to be replaced: %v", got)
	}
	must(t, a.ServiceDeregister("full/1"))
	if err := a.ServiceDeregister("full/1"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("deregistering it again: %v", err)
	}
	if err := a.ForceLeave("none"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("forcing an unknown node to leave: %v", err)
	}
	must(t, a.Reload())
	close(stop)
	for range lines { // until it has noticed
	}
}

func useChecks(t *testing.T, c *consul.Client) {
	a := c.Agent()
	status := func(want string) {
		t.Helper()
		checks := ok[map[string]*consul.AgentCheck](t)(a.ChecksWithFilter(`CheckID == "item-1:ttl"`))
		if len(checks) != 1 || checks["item-1:ttl"].Status != want {
			t.Errorf("the check is %+v, want it %s", checks["item-1:ttl"], want)
		}
		health, _, err := a.AgentHealthServiceByID("item-1")
		if err != nil || health != want {
			t.Errorf("the service is %s, want %s: %v", health, want, err)
		}
	}
	must(t, a.WarnTTL("item-1:ttl", "slow"))
	status(consul.HealthWarning)
	must(t, a.FailTTL("item-1:ttl", "gone"))
	status(consul.HealthCritical)
	must(t, a.UpdateTTL("item-1:ttl", "back", consul.HealthPassing))
	status(consul.HealthPassing)
	must(t, a.CheckRegister(&consul.AgentCheckRegistration{ID: "disk", Name: "disk", AgentServiceCheck: consul.AgentServiceCheck{TTL: "1h"}}))
	must(t, a.PassTTL("disk", "there is room"))
	must(t, a.CheckDeregister("disk"))
	must(t, a.EnableServiceMaintenance("item-1", "repairs"))
	if health, _, err := a.AgentHealthServiceByID("item-1"); err != nil || health != consul.HealthCritical {
		t.Errorf("in maintenance the service is %s: %v", health, err)
	}
	must(t, a.DisableServiceMaintenance("item-1"))
	must(t, a.EnableNodeMaintenance("kernel"))
	must(t, a.DisableNodeMaintenance())
	status(consul.HealthPassing)
	health, infos, err := a.AgentHealthServiceByName("item-service")
	if err != nil || health != consul.HealthPassing || len(infos) != 1 || len(infos[0].Checks) != 1 {
		t.Errorf("by name: %s %+v %v", health, infos, err)
	}
	if health, _, err := a.AgentHealthServiceByName("none"); err != nil || health != consul.HealthCritical {
		t.Errorf("an unknown one by name: %s %v", health, err)
	}
	services := ok[map[string]*consul.AgentService](t)(a.ServicesWithFilter(`Meta.version == "2"`))
	if len(services) != 1 || services["item-1"].TaggedAddresses["wan"].Port != 443 || services["item-1"].Weights.Passing != 3 {
		t.Errorf("services: %+v", services["item-1"])
	}
}

func useCatalog(t *testing.T, c *consul.Client) {
	a := c.Catalog()
	if dcs := ok[[]string](t)(a.Datacenters()); !slices.Equal(dcs, []string{"dc1"}) {
		t.Errorf("datacenters: %v", dcs)
	}
	q := &consul.QueryOptions{AllowStale: true, Near: "_agent"}
	if nodes := okMeta[[]*consul.Node, *consul.QueryMeta](t)(a.Nodes(q)); len(nodes) != 2 || nodes[0].Node != "agent-1" || nodes[0].ID == nodes[1].ID {
		t.Errorf("nodes: %+v", nodes)
	}
	services := okMeta[map[string][]string, *consul.QueryMeta](t)(a.Services(nil))
	if !slices.Equal(services["item-service"], []string{"blue", "v1"}) {
		t.Errorf("services: %v", services)
	}
	list := okMeta[[]*consul.CatalogService, *consul.QueryMeta](t)(a.ServiceMultipleTags("item-service", []string{"v1", "blue"}, &consul.QueryOptions{Filter: `ServiceMeta.version == "2"`}))
	if len(list) != 2 || list[0].ServiceWeights.Passing != 3 || len(list[0].Checks) != 0 {
		t.Errorf("service: %+v", list)
	}
	if node := okMeta[*consul.CatalogNode, *consul.QueryMeta](t)(a.Node("agent-2", nil)); node.Services["item-2"] == nil || node.Node.TaggedAddresses["lan"] == "" {
		t.Errorf("node: %+v", node)
	}
	if node := okMeta[*consul.CatalogNodeServiceList, *consul.QueryMeta](t)(a.NodeServiceList("agent-2", nil)); len(node.Services) != 1 {
		t.Errorf("node's services: %+v", node)
	}
	if node, _, err := a.Node("none", nil); node != nil || err != nil {
		t.Errorf("an unknown node: %+v %v", node, err)
	}
	if _, _, err := a.Nodes(&consul.QueryOptions{Datacenter: "dc9"}); err == nil || !strings.Contains(err.Error(), "No path to datacenter") {
		t.Errorf("another datacenter: %v", err)
	}
}

func useHealth(t *testing.T, c *consul.Client) {
	h := c.Health()
	entries, meta, err := h.ServiceMultipleTags("item-service", []string{"v1", "blue"}, true, &consul.QueryOptions{Near: "_agent", UseCache: true})
	if err != nil || len(entries) != 2 || entries[0].Node.Node != "agent-1" || entries[0].Checks.AggregatedStatus() != consul.HealthPassing {
		t.Errorf("service: %+v %v", entries, err)
	}
	if meta.LastIndex == 0 || !meta.KnownLeader || !meta.CacheHit {
		t.Errorf("what is said of it: %+v", meta)
	}
	if checks := okMeta[consul.HealthChecks, *consul.QueryMeta](t)(h.Node("agent-1", nil)); len(checks) != 2 {
		t.Errorf("checks of a node: %+v", checks)
	}
	if checks := okMeta[consul.HealthChecks, *consul.QueryMeta](t)(h.Checks("item-service", &consul.QueryOptions{Filter: "Status == passing"})); len(checks) != 2 {
		t.Errorf("checks of a service: %+v", checks)
	}
	if checks := okMeta[consul.HealthChecks, *consul.QueryMeta](t)(h.State(consul.HealthAny, nil)); len(checks) != 4 {
		t.Errorf("checks in any state: %+v", checks)
	}
	if entries := okMeta[[]*consul.ServiceEntry, *consul.QueryMeta](t)(h.Connect("item-service", "", true, nil)); len(entries) != 0 {
		t.Errorf("a mesh: %+v", entries)
	}
}

func useExternal(t *testing.T, first, second *consul.Client) {
	db := &consul.CatalogRegistration{Node: "db", Address: "10.99.1.1", NodeMeta: map[string]string{"external": "true"},
		Service: &consul.AgentService{ID: "pg-1", Service: "pg", Port: 5432, Tags: []string{"primary"}},
		Checks:  consul.HealthChecks{{Node: "db", CheckID: "pg-1:up", Name: "up", Status: consul.HealthPassing, ServiceID: "pg-1"}}}
	ok[*consul.WriteMeta](t)(first.Catalog().Register(db, nil))
	pg := func(n int) func() error {
		return func() error {
			entries, _, err := second.Health().Service("pg", "primary", true, &consul.QueryOptions{NodeMeta: map[string]string{"external": "true"}})
			if err == nil && len(entries) != n {
				err = fmt.Errorf("%d instances of pg", len(entries))
			}
			return err
		}
	}
	eventually(t, soon, pg(1))
	ok[*consul.WriteMeta](t)(second.Catalog().Deregister(&consul.CatalogDeregistration{Node: "db"}, nil))
	must(t, pg(0)())
	eventually(t, soon, func() error {
		nodes, _, err := first.Catalog().Nodes(nil)
		if err == nil && len(nodes) != 2 {
			err = fmt.Errorf("%d nodes", len(nodes))
		}
		return err
	})
}

// useBlocking holds a read while nothing changes and sees it return when something does.
func useBlocking(t *testing.T, c *consul.Client) {
	h := c.Health()
	_, meta, err := h.Service("item-service", "", false, nil)
	must(t, err)
	again := make(chan uint64, 1)
	go func() {
		_, next, err := h.Service("item-service", "", false, &consul.QueryOptions{WaitIndex: meta.LastIndex, WaitTime: 5 * time.Minute})
		if err != nil {
			t.Error(err)
			again <- 0
			return
		}
		again <- next.LastIndex
	}()
	must(t, c.Agent().WarnTTL("item-1:ttl", "slow"))
	if next := <-again; next <= meta.LastIndex {
		t.Errorf("after index %d came %d", meta.LastIndex, next)
	}
	must(t, c.Agent().PassTTL("item-1:ttl", ""))
}

// useWatch has Consul's watches tell of a change.
func useWatch(t *testing.T, c *consul.Client, addr string) {
	for name, params := range map[string]map[string]any{
		"service":  {"type": "service", "service": "item-service", "passingonly": true},
		"services": {"type": "services"},
		"nodes":    {"type": "nodes"},
		"checks":   {"type": "checks", "state": "warning"},
		"event":    {"type": "event", "name": "deploy"},
	} {
		plan, err := watch.Parse(params)
		must(t, err)
		told := make(chan any, 64)
		plan.Handler = func(_ uint64, what any) { told <- what }
		ended := make(chan error, 1)
		go func() { ended <- plan.Run(addr) }()
		<-told // what stands
		switch name {
		case "service", "checks":
			must(t, c.Agent().WarnTTL("item-1:ttl", "slow"))
			<-told
			must(t, c.Agent().PassTTL("item-1:ttl", ""))
		case "services":
			must(t, c.Agent().ServiceRegister(&consul.AgentServiceRegistration{Name: "fleeting"}))
			<-told
			must(t, c.Agent().ServiceDeregister("fleeting"))
		case "event":
			okMeta[string, *consul.WriteMeta](t)(c.Event().Fire(&consul.UserEvent{Name: "deploy"}, nil))
			<-told
		}
		plan.Stop()
		must(t, <-ended)
	}
}

func useEvents(t *testing.T, first, second *consul.Client) {
	id := okMeta[string, *consul.WriteMeta](t)(first.Event().Fire(&consul.UserEvent{Name: "restart", Payload: []byte("now"), NodeFilter: "agent-2"}, nil))
	eventually(t, soon, func() error {
		events, meta, err := second.Event().List("restart", nil)
		switch {
		case err != nil:
			return err
		case len(events) != 1 || events[0].ID != id || string(events[0].Payload) != "now":
			return fmt.Errorf("the event is not there: %+v", events)
		case meta.LastIndex != second.Event().IDToIndex(id):
			return fmt.Errorf("index %d is not that of %s", meta.LastIndex, id)
		}
		return nil
	})
	if events, _, err := first.Event().List("restart", nil); err != nil || len(events) != 0 {
		t.Errorf("one that it is not for has %+v, %v", events, err)
	}
}

func useCoordinates(t *testing.T, c *consul.Client) {
	eventually(t, soon, func() error {
		nodes, _, err := c.Coordinate().Nodes(nil)
		if err == nil && (len(nodes) != 2 || nodes[0].Coord == nil || len(nodes[0].Coord.Vec) == 0) {
			err = fmt.Errorf("coordinates: %+v", nodes)
		}
		return err
	})
	if node := okMeta[[]*consul.CoordinateEntry, *consul.QueryMeta](t)(c.Coordinate().Node("agent-1", nil)); len(node) != 1 {
		t.Errorf("one of them: %+v", node)
	}
	if dcs := ok[[]*consul.CoordinateDatacenterMap](t)(c.Coordinate().Datacenters()); len(dcs) != 1 || dcs[0].Datacenter != "dc1" {
		t.Errorf("datacenters: %+v", dcs)
	}
}

// useWhatIsAbsent: a client survives what Covey has none of, and is told when it writes.
func useWhatIsAbsent(t *testing.T, c *consul.Client) {
	if leader := ok[string](t)(c.Status().Leader()); leader == "" {
		t.Error("no leader")
	}
	if peers := ok[[]string](t)(c.Status().Peers()); len(peers) != 2 {
		t.Errorf("peers: %v", peers)
	}
	if pair, meta, err := c.KV().Get("some/key", nil); pair != nil || err != nil || meta.LastIndex == 0 {
		t.Errorf("a key: %+v %+v %v", pair, meta, err)
	}
	if list, _, err := c.KV().List("some/", nil); len(list) != 0 || err != nil {
		t.Errorf("keys: %+v %v", list, err)
	}
	if _, err := c.KV().Put(&consul.KVPair{Key: "a"}, nil); err == nil || !strings.Contains(err.Error(), "no key/value store") {
		t.Errorf("writing a key: %v", err)
	}
	if list, _, err := c.Session().List(nil); len(list) != 0 || err != nil {
		t.Errorf("sessions: %+v %v", list, err)
	}
	if _, _, err := c.Session().Create(nil, nil); err == nil || !strings.Contains(err.Error(), "no sessions") {
		t.Errorf("making a session: %v", err)
	}
	if roots := okMeta[*consul.CARootList, *consul.QueryMeta](t)(c.Connect().CARoots(nil)); len(roots.Roots) != 0 {
		t.Errorf("roots: %+v", roots)
	}
}

func useLeaving(t *testing.T, first, second *consul.Client, a *rig.Agent) {
	must(t, second.Agent().Leave())
	if code, err := a.Wait(soon); code != 0 || err != nil {
		t.Errorf("it ended with %d, %v", code, err)
	}
	eventually(t, soon, func() error { return lists(first, 1) })
}
