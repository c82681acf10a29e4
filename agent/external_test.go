package agent

import (
	"strings"
	"testing"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/internal/fault"
)

func external(t *testing.T, body string) definition.External {
	t.Helper()
	d, err := definition.ExternalFromJSON([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const pgOnDB = `{"Node":"db","Address":"10.9.9.9","Service":{"ID":"pg-1","Service":"pg","Port":5432},"Check":{"Name":"up","Status":"passing","ServiceID":"pg-1"}}`

// instances are the IDs and statuses of a service, as an agent has them.
func (x *testAgent) instances(service string) string {
	var b strings.Builder
	if s := x.catalog.View().Service(service); s != nil {
		for e := range s.All() {
			b.WriteString(e.ID() + " " + e.Status().String() + ";")
		}
	}
	return b.String()
}

func TestAnExternalNodeIsTakenAwayByAnyAgent(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig(dir)
	x := startAgent(t, cfg, Options{})
	y := startAgent(t, testConfig(t.TempDir()), Options{})
	if _, err := y.Join(t.Context(), []string{x.gossip.Addr()}); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := x.RegisterExternal(ctx, external(t, pgOnDB)); err != nil {
		t.Fatal(err)
	}
	if got := x.instances("pg"); got != "pg-1 passing;" {
		t.Fatalf("when it is answered, %q is there", got)
	}
	y.until(t, "the registration elsewhere", func() bool { return y.instances("pg") == "pg-1 passing;" })

	// The newest write counts, on whichever agent.
	warn := external(t, `{"Node":"db","SkipNodeUpdate":true,"Check":{"Name":"up","Status":"warning","ServiceID":"pg-1"}}`)
	if err := y.RegisterExternal(ctx, warn); err != nil {
		t.Fatal(err)
	}
	x.until(t, "the other's later check", func() bool { return x.instances("pg") == "pg-1 warning;" })

	// What is kept is there after a crash.
	x.kill(t)
	x = startAgent(t, cfg, Options{})
	if got := x.instances("pg"); !strings.HasPrefix(got, "pg-1 ") {
		t.Fatalf("after a restart, %q is there", got)
	}
	if _, err := y.Join(ctx, []string{x.gossip.Addr()}); err != nil {
		t.Fatal(err)
	}
	x.until(t, "the other's later check, after a restart", func() bool { return x.instances("pg") == "pg-1 warning;" })

	if err := y.DeregisterExternal(ctx, definition.ExternalRemoval{Node: "db"}); err != nil {
		t.Fatal(err)
	}
	if y.instances("pg") != "" || y.catalog.View().Host("db") != nil {
		t.Errorf("when it is answered, %q is there", y.instances("pg"))
	}
	x.until(t, "the removal elsewhere", func() bool { return x.instances("pg") == "" && x.catalog.View().Host("db") == nil })

	// The one that stated them drops its statements, which no longer count.
	x.commits.tidyNow(t)
	if n := len(x.commits.registry.externals); n != 0 {
		t.Errorf("%d statements are kept that no longer count", n)
	}
	if err := y.DeregisterExternal(ctx, definition.ExternalRemoval{Node: "none"}); err != nil {
		t.Errorf("deregistering what is not there: %v", err)
	}
}

// tidyNow has the committer tidy, as it does every few seconds.
func (c *committer) tidyNow(t *testing.T) {
	t.Helper()
	if err := c.find(t.Context(), func(*batch) error { return nil }); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	c.requests <- &request{done: make(chan struct{}), do: func(b *batch) error {
		for _, key := range c.outdated() {
			b.setExternal(key, nil)
		}
		close(done)
		return nil
	}}
	<-done
}

func TestServicesOfAnExternalNodeMayComeBeforeIt(t *testing.T) {
	x := startAgent(t, testConfig(t.TempDir()), Options{})
	ctx := t.Context()
	first := external(t, `{"Node":"db","SkipNodeUpdate":true,"Service":{"ID":"pg-1","Service":"pg"}}`)
	if err := x.RegisterExternal(ctx, first); err != nil {
		t.Fatal(err)
	}
	if got := x.instances("pg"); got != "" {
		t.Errorf("without its node, %q is shown", got)
	}
	if err := x.RegisterExternal(ctx, external(t, `{"Node":"db","Address":"10.9.9.9"}`)); err != nil {
		t.Fatal(err)
	}
	if got := x.instances("pg"); got != "pg-1 passing;" {
		t.Errorf("with its node, %q is shown", got)
	}
	// SkipNodeUpdate leaves the node as it is.
	if err := x.RegisterExternal(ctx, external(t, `{"Node":"db","Address":"10.1.1.1","SkipNodeUpdate":true}`)); err != nil {
		t.Fatal(err)
	}
	if h := x.catalog.View().Host("db"); h.Address != "10.9.9.9" {
		t.Errorf("the node is at %s", h.Address)
	}
	// What is registered already, just so, is not written again.
	index := x.catalog.View().Index()
	if err := x.RegisterExternal(ctx, first); err != nil {
		t.Fatal(err)
	}
	if now := x.catalog.View().Index(); now != index {
		t.Errorf("registering the same again moved the index from %d to %d", index, now)
	}
	for node, removal := range map[string]definition.ExternalRemoval{"service": {Node: "db", ServiceID: "pg-1"}, "node": {Node: "DB"}} {
		if err := x.DeregisterExternal(ctx, removal); err != nil {
			t.Errorf("%s: %v", node, err)
		}
	}
	if x.instances("pg") != "" || x.catalog.View().Host("db") != nil {
		t.Error("it is still there")
	}
}

func TestANodeWithAnAgentIsNotExternal(t *testing.T) {
	x := startAgent(t, testConfig(t.TempDir()), Options{})
	ctx := t.Context()
	own := external(t, `{"Node":"`+x.cfg.NodeName+`","Address":"10.0.0.1"}`)
	if err := x.RegisterExternal(ctx, own); fault.KindOf(err) != fault.Conflict {
		t.Errorf("registering an agent's node: %v", err)
	}
	twin := external(t, `{"Node":"db","ID":"`+x.id.String()+`","Address":"10.0.0.1"}`)
	if err := x.RegisterExternal(ctx, twin); fault.KindOf(err) != fault.Conflict {
		t.Errorf("registering under an agent's ID: %v", err)
	}
	stray := external(t, `{"Node":"db","Address":"10.0.0.1","Check":{"Name":"up","ServiceID":"none"}}`)
	if err := x.RegisterExternal(ctx, stray); fault.KindOf(err) == fault.Internal || err == nil {
		t.Errorf("a check of no service: %v", err)
	}
	if err := x.RegisterService(ctx, web(80, ttl("alive", catalog.Passing)), false); err != nil {
		t.Fatal(err)
	}
	removal := definition.ExternalRemoval{Node: x.cfg.NodeName}
	if err := x.DeregisterExternal(ctx, removal); fault.KindOf(err) != fault.Conflict {
		t.Errorf("deregistering a living agent: %v", err)
	}
	removal.ServiceID = "web-80"
	if err := x.DeregisterExternal(ctx, removal); err != nil || x.endpoint("web-80") != nil {
		t.Errorf("deregistering a service of this agent: %v", err)
	}
}
