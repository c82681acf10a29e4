package agent

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/internal/fault"
)

// check is one of a configuration file.
func checkFromFile(t *testing.T, values map[string]any) definition.Check {
	t.Helper()
	c, err := definition.CheckFromMap(values)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// becomes waits until a check on this agent stands so.
func (x *testAgent) becomes(t *testing.T, id string, status catalog.Status, output string) {
	t.Helper()
	last := "is not there"
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		changed := x.catalog.View().Watch()
		for _, c := range x.Local().Checks {
			if c.ID != id {
				continue
			}
			if last = fmt.Sprintf("is %v: %s", c.Status, c.Output); c.Status == status && strings.Contains(c.Output, output) {
				return
			}
		}
		select {
		case <-changed:
		case <-time.After(50 * time.Millisecond): // an output alone changes no view
		}
	}
	t.Fatalf("check %s %s, want %v: %s", id, last, status, output)
}

func TestProgramsRunFromFilesOnlyWhereTheyAreSwitchedOn(t *testing.T) {
	dir := t.TempDir()
	script := checkFromFile(t, map[string]any{"id": "disk", "name": "disk", "args": []any{"/bin/sh", "-c", "echo 91 %; exit 1"}, "interval": "10s"})
	cfg := testConfig(filepath.Join(dir, "on"))
	cfg.EnableLocalScriptChecks, cfg.Checks = true, []definition.Check{script}
	x := startAgent(t, cfg, Options{})
	x.becomes(t, "disk", catalog.Warning, "91 %")

	for _, err := range []error{
		x.RegisterCheck(t.Context(), script),
		x.RegisterService(t.Context(), web(80, script), false),
	} {
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), definition.NoPrograms) {
			t.Errorf("over the API: %v", err)
		}
	}
	if x.endpoint("web-80") != nil {
		t.Error("the service is there without its check")
	}

	// The configuration refuses this; should it come to the agent all the same, nothing is
	// run.
	cfg = testConfig(filepath.Join(dir, "off"))
	cfg.Checks = []definition.Check{script}
	startAgent(t, cfg, Options{}).becomes(t, "disk", catalog.Critical, "not run")
}

// An alias on one service follows another through the catalogue.
func TestAnAliasCheckFollowsAnotherService(t *testing.T) {
	x := startAgent(t, testConfig(t.TempDir()), Options{})
	ctx := t.Context()
	alias := checkFromFile(t, map[string]any{"name": "needs db", "alias_service": "web-81", "interval": "1h"})
	err := errors.Join(
		x.RegisterService(ctx, web(81, ttl("db", catalog.Passing)), false),
		x.RegisterService(ctx, web(80, alias), false),
	)
	if err != nil {
		t.Fatal(err)
	}
	x.becomes(t, "needs db", catalog.Passing, "All checks passing.")
	if err := x.UpdateTTL(ctx, "db", catalog.Critical, "full", nil); err != nil {
		t.Fatal(err)
	}
	x.becomes(t, "needs db", catalog.Critical, "Aliased check db is critical: full")
	if e := x.endpoint("web-80"); e.Status() != catalog.Critical {
		t.Errorf("its service is %v", e.Status())
	}
	if err := x.DeregisterService(ctx, "web-81"); err != nil {
		t.Fatal(err)
	}
	x.becomes(t, "needs db", catalog.Critical, "there is no service web-81")
}

// The time that a check has been critical is the housekeeping's to look at, here without
// waiting for it.
func TestAServiceThatStaysCriticalIsDeregistered(t *testing.T) {
	dir := t.TempDir()
	a, err := New(testConfig(dir), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	c := a.commits
	do := func(f func(b *batch) error) {
		t.Helper()
		r := &request{do: f, promise: true, done: make(chan struct{})}
		c.commit([]*request{r})
		if r.err != nil {
			t.Fatal(r.err)
		}
	}
	doomed, other := ttl("beat", catalog.Critical), ttl("other", catalog.Critical)
	doomed.DeregisterCriticalServiceAfter = time.Minute
	do(func(b *batch) error { return b.registerService(web(80, doomed), false, false) })
	do(func(b *batch) error { return b.registerService(web(81, other), false, false) })
	there := func(want ...string) {
		t.Helper()
		var got []string
		for _, i := range a.Local().Services {
			got = append(got, i.ID)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("there are %v, want %v", got, want)
		}
	}
	now := time.Now()
	c.reap(now.Add(50 * time.Second))
	there("web-80", "web-81")
	c.reap(now.Add(time.Hour)) // while this process stood still nobody looked
	there("web-80", "web-81")
	do(func(b *batch) error { b.setStatus("beat", checkState{Status: catalog.Passing}, true); return nil })
	c.reap(now.Add(time.Hour))
	there("web-80", "web-81")
	do(func(b *batch) error {
		b.setStatus("beat", checkState{Status: catalog.Critical, Output: "again"}, true)
		return nil
	})
	c.reap(time.Now().Add(59 * time.Second))
	there("web-80", "web-81")
	again := ttl("again", catalog.Critical)
	again.DeregisterCriticalServiceAfter = time.Minute
	do(func(b *batch) error { return b.registerService(web(82, again), false, false) })
	c.reap(time.Now().Add(61 * time.Second))
	there("web-81")
	if e := a.catalog.View().Service("web"); len(e.Endpoints) != 1 || e.Endpoints[0].ID() != "web-81" {
		t.Errorf("the catalogue has %+v", e.Endpoints)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a, err = New(testConfig(dir), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	there("web-81")
}

func TestAChecksScheduleIsShownAndItCanBeRunAtOnce(t *testing.T) {
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	port := checkFromFile(t, map[string]any{"name": "port", "tcp": at, "interval": "1h"})
	x := startAgent(t, testConfig(dir), Options{})
	ctx := t.Context()
	begin := time.Now()
	if err := x.RegisterService(ctx, web(80, port, ttl("beat", catalog.Passing)), false); err != nil {
		t.Fatal(err)
	}
	x.becomes(t, "port", catalog.Passing, "Success")
	list := x.Checks()
	if len(list) != 2 || list[0].ID != "beat" || list[0].Interval != "" || !list[0].LastRun.IsZero() || !list[0].NextRun.After(begin.Add(30*time.Minute)) {
		t.Fatalf("%+v", list)
	}
	r := list[1]
	if r.ID != "port" || r.Type != "tcp" || r.ServiceID != "web-80" || r.Target != at || r.Status != "passing" || r.Interval != "1h0m0s" ||
		r.Since.Before(begin) || r.LastRun.Before(begin) || r.Took == "" || !r.NextRun.After(begin) {
		t.Errorf("%+v", r)
	}

	l.Close()
	r, err = x.RunCheck(ctx, "port")
	if err != nil || r.Status != "critical" || !strings.Contains(r.Output, "refused") || !r.Since.After(list[1].Since) {
		t.Errorf("%+v, %v", r, err)
	}
	if e := x.endpoint("web-80"); e.Status() != catalog.Critical {
		t.Errorf("the catalogue has it %v", e.Status())
	}
	if err := x.NodeMaintenance(ctx, true, ""); err != nil {
		t.Fatal(err)
	}
	for id, kind := range map[string]fault.Kind{"beat": fault.Invalid, catalog.NodeMaintenance: fault.Invalid, "none": fault.NotFound} {
		if _, err := x.RunCheck(ctx, id); fault.KindOf(err) != kind {
			t.Errorf("%s: %v", id, err)
		}
	}

	// How long it has stood so is not forgotten with the process.
	x.kill(t)
	again := startAgent(t, testConfig(dir), Options{})
	for _, c := range again.Checks() {
		if c.ID == "port" && !c.Since.Equal(r.Since) {
			t.Errorf("since %v, and before the restart %v", c.Since, r.Since)
		}
	}
}
