package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"covey/agent/config"
	"covey/catalog"
	"covey/catalog/definition"
	"covey/health"
	"covey/internal/fault"
)

// testAgent is an agent that runs on loopback, with ports of its own.
type testAgent struct {
	*Agent
	stop context.CancelFunc
	done chan error
}

func testConfig(dir string) *config.Config {
	cfg := config.Default()
	cfg.NodeName = "node-" + strings.ToLower(filepath.Base(dir))
	cfg.DataDir = dir
	cfg.BindAddr = netip.MustParseAddr("127.0.0.1")
	cfg.Ports = config.Ports{AgentCheck: -1}
	return cfg
}

func startAgent(t *testing.T, cfg *config.Config, o Options) *testAgent {
	t.Helper()
	var log bytes.Buffer
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	a, err := New(cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	x := &testAgent{Agent: a, stop: cancel, done: make(chan error, 1)}
	go func() { x.done <- a.Run(ctx) }()
	t.Cleanup(func() {
		a.Close()
		cancel()
		<-x.done
		if t.Failed() {
			t.Logf("log of %s:\n%s", cfg.NodeName, log.String())
		}
	})
	return x
}

// kill ends an agent as a crash would: nothing is written any more.
func (x *testAgent) kill(t *testing.T) {
	t.Helper()
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	<-x.done
	x.done <- nil
}

func web(port int, checks ...definition.Check) definition.Service {
	body := fmt.Sprintf(`{"Name":"web","ID":"web-%d","Port":%d,"Weights":{"Passing":3,"Warning":1}}`, port, port)
	s, err := definition.ServiceFromJSON([]byte(body))
	if err != nil {
		panic(err)
	}
	s.Checks = checks
	return s
}

func ttl(id string, status catalog.Status) definition.Check {
	return definition.Check{ID: id, Name: id, TTL: time.Hour, Status: status}
}

func (x *testAgent) endpoint(id string) *catalog.Endpoint {
	s := x.catalog.View().Service("web")
	if s == nil {
		return nil
	}
	for e := range s.All() {
		if e.ID() == id {
			return e
		}
	}
	return nil
}

func TestARegistrationIsVisibleWhenItIsAnswered(t *testing.T) {
	x := startAgent(t, testConfig(t.TempDir()), Options{})
	ctx := t.Context()
	if err := x.RegisterService(ctx, web(80, ttl("alive", catalog.Passing)), false); err != nil {
		t.Fatal(err)
	}
	e := x.endpoint("web-80")
	if e == nil || e.Status() != catalog.Passing || e.Weight() != 3 || e.Addr() != "127.0.0.1" {
		t.Fatalf("the catalogue has %+v", e)
	}
	if err := x.UpdateTTL(ctx, "alive", catalog.Warning, "hm", nil); err != nil {
		t.Fatal(err)
	}
	if e := x.endpoint("web-80"); e.Status() != catalog.Warning || e.Checks()[0].Output != "hm" {
		t.Errorf("after an update the catalogue has %+v", e)
	}
	if err := x.ServiceMaintenance(ctx, "web-80", true, "repairs"); err != nil {
		t.Fatal(err)
	}
	if e := x.endpoint("web-80"); e.Status() != catalog.Critical {
		t.Errorf("in maintenance it is %v", e.Status())
	}
	if err := x.ServiceMaintenance(ctx, "web-80", false, ""); err != nil {
		t.Fatal(err)
	}
	if err := x.DeregisterService(ctx, "web-80"); err != nil {
		t.Fatal(err)
	}
	if x.endpoint("web-80") != nil || len(x.Local().Services) != 0 || len(x.Local().Checks) != 0 {
		t.Errorf("it is still there: %+v", x.Local())
	}
	if err := x.DeregisterService(ctx, "web-80"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a second time: %v", err)
	}
}

func TestAKilledAgentKnowsWhatItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	x := startAgent(t, testConfig(dir), Options{})
	ctx := t.Context()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if err := x.RegisterService(ctx, web(1000+i, ttl(fmt.Sprint("ttl-", i), catalog.Passing)), false); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, err := range []error{
		x.UpdateTTL(ctx, "ttl-7", catalog.Warning, "slow", nil),
		x.DeregisterService(ctx, "web-1008"),
		x.NodeMaintenance(ctx, true, "disk swap"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	index, id := x.catalog.View().Index(), x.id
	x.kill(t)

	y := startAgent(t, testConfig(dir), Options{})
	if got := len(y.Local().Services); got != 199 {
		t.Errorf("%d of 199 services are there", got)
	}
	if e := y.endpoint("web-1007"); e == nil || e.Checks()[0].Status != catalog.Warning || e.Checks()[0].Output != "slow" {
		t.Errorf("the check's state is lost: %+v", e)
	}
	if e := y.endpoint("web-1009"); e == nil || e.Checks()[0].Status != catalog.Passing || e.Status() != catalog.Critical {
		t.Errorf("a check flipped, or maintenance is lost: %+v", e)
	}
	if y.catalog.View().Index() <= index || y.id != id {
		t.Errorf("the index went from %d to %d, the id from %v to %v", index, y.catalog.View().Index(), id, y.id)
	}
}

func TestAFailedWriteChangesNothing(t *testing.T) {
	fs := &fullDisk{}
	x := startAgent(t, testConfig(t.TempDir()), Options{FS: fs})
	ctx := t.Context()
	if err := x.RegisterService(ctx, web(80), false); err != nil {
		t.Fatal(err)
	}
	fs.full.Store(true)
	err := x.RegisterService(ctx, web(81), false)
	if err == nil || !strings.Contains(err.Error(), "local.log") {
		t.Errorf("on a full disk: %v", err)
	}
	if err := x.DeregisterService(ctx, "web-80"); err == nil {
		t.Error("a service was deregistered on a full disk")
	}
	if x.endpoint("web-81") != nil || x.endpoint("web-80") == nil || len(x.Local().Services) != 1 {
		t.Errorf("what failed had an effect: %+v", x.Local())
	}
	fs.full.Store(false)
	if err := x.RegisterService(ctx, web(81), false); err != nil {
		t.Errorf("with space again: %v", err)
	}
}

// That a service wants to be out is told to other hosts at once, and is known after a restart.
func TestAWishToBeOutIsToldAndKept(t *testing.T) {
	dir := t.TempDir()
	x := startAgent(t, testConfig(dir), Options{})
	never := definition.Check{
		ID: "agent", Name: "agent", Status: catalog.Passing, AgentCheck: "127.0.0.1:1", Interval: 24 * time.Hour, FailuresBeforeCritical: 9,
	}
	if err := x.RegisterService(t.Context(), web(80, never), false); err != nil {
		t.Fatal(err)
	}
	stands := func(a *testAgent) string {
		c := a.endpoint("web-80").Checks()[0]
		return fmt.Sprint(c.Status, " ", c.Output, " ", c.Withdrawn)
	}
	report := func(output string, wish bool) {
		x.report(health.Report{CheckID: "agent", Status: catalog.Critical, Output: output, Wish: wish})
	}
	report("down", false)
	report("down again", false) // an output alone waits
	if got := stands(x); got != "critical down false" {
		t.Errorf("it is down: %s", got)
	}
	report("drain", true)
	if got := stands(x); got != "critical drain true" {
		t.Errorf("it drains: %s", got)
	}
	x.kill(t)
	if got := stands(startAgent(t, testConfig(dir), Options{})); got != "critical drain true" {
		t.Errorf("after a restart: %s", got)
	}
}

func TestOnAFullDiskAnswersFollowTheChecks(t *testing.T) {
	fs, dir := &fullDisk{}, t.TempDir()
	x := startAgent(t, testConfig(dir), Options{FS: fs})
	if err := x.RegisterService(t.Context(), web(80, ttl("alive", catalog.Passing)), false); err != nil {
		t.Fatal(err)
	}
	fs.full.Store(true)
	x.report(health.Report{CheckID: "alive", Status: catalog.Critical, Output: "gone"})
	if e := x.endpoint("web-80"); e.Status() != catalog.Critical {
		t.Errorf("a dead instance is still answered: %v", e.Status())
	}
	if err := x.UpdateTTL(t.Context(), "alive", catalog.Passing, "back", nil); err != nil || x.endpoint("web-80").Status() != catalog.Passing {
		t.Errorf("a living service is not answered: %v", err)
	}
	x.kill(t)
	y := startAgent(t, testConfig(dir), Options{FS: fs})
	if y.endpoint("web-80") == nil {
		t.Error("an agent that starts on a full disk does not know what it has")
	}
}

func TestWhatOthersWouldRefuseIsRefusedHere(t *testing.T) {
	x := startAgent(t, testConfig(t.TempDir()), Options{})
	ctx := t.Context()
	var checks []definition.Check
	for i := range catalog.MaxChecks {
		checks = append(checks, ttl(fmt.Sprint("check-", i), catalog.Passing))
	}
	if err := x.RegisterService(ctx, web(80, checks...), false); err != nil {
		t.Fatal(err)
	}
	if err := x.ServiceMaintenance(ctx, "web-80", true, "full"); err != nil {
		t.Errorf("a service with all its checks cannot be put into maintenance: %v", err)
	}
	if err := x.RegisterCheck(ctx, definition.Check{ID: "more", Name: "more", ServiceID: "web-80", TTL: time.Hour}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("one check too many: %v", err)
	}
	var err error
	n := 0
	for ; n < catalog.MaxChecks && err == nil; n++ {
		c := ttl(fmt.Sprint("node-", n), catalog.Passing)
		c.Notes = strings.Repeat("n", catalog.MaxNotes)
		err = x.RegisterCheck(ctx, c)
	}
	if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("after %d large node checks: %v", n, err)
	}
	node := x.catalog.View().Host(x.cfg.NodeName).Node
	if _, err := catalog.Decode(node.Key(), catalog.Encode(node)); err != nil {
		t.Errorf("others refuse this node's record: %v", err)
	}
}

func TestOneBadRequestOfABatchFailsAlone(t *testing.T) {
	x := startAgent(t, testConfig(t.TempDir()), Options{})
	ctx := t.Context()
	if err := x.RegisterService(ctx, web(80, ttl("mine", catalog.Passing)), false); err != nil {
		t.Fatal(err)
	}
	err := x.RegisterService(ctx, web(81, ttl("extra", catalog.Passing), ttl("mine", catalog.Passing)), false)
	if fault.KindOf(err) != fault.Conflict {
		t.Errorf("another service's check could be taken: %v", err)
	}
	if x.endpoint("web-81") != nil || len(x.Local().Checks) != 1 {
		t.Errorf("half of it was done: %+v", x.Local())
	}
}

func TestTwoAgentsShareWhatTheyHave(t *testing.T) {
	x := startAgent(t, testConfig(filepath.Join(t.TempDir(), "x")), Options{})
	y := startAgent(t, testConfig(filepath.Join(t.TempDir(), "y")), Options{})
	ctx := t.Context()
	if _, err := y.Join(ctx, []string{x.gossip.Addr()}); err != nil {
		t.Fatal(err)
	}
	if err := x.RegisterService(ctx, web(80, ttl("alive", catalog.Passing)), false); err != nil {
		t.Fatal(err)
	}
	y.until(t, "y has web-80", func() bool { e := y.endpoint("web-80"); return e != nil && e.Status() == catalog.Passing })
	l, err := y.dns.Lookup("web", nil, "SRV")
	if err != nil || len(l.Answers) != 1 || l.Answers[0].Weight != 3 {
		t.Errorf("y answers %+v, %v", l, err)
	}
	if err := x.UpdateTTL(ctx, "alive", catalog.Critical, "down", nil); err != nil {
		t.Fatal(err)
	}
	y.until(t, "y has web-80 critical", func() bool { return y.endpoint("web-80").Status() == catalog.Critical })
	x.stop()
	y.until(t, "x left", func() bool { return y.endpoint("web-80") == nil })
	if err := <-x.done; err != nil {
		t.Errorf("a graceful stop ended with %v", err)
	}
	x.done <- nil
}

func TestANodeHasAnAddressOfEachIPVersion(t *testing.T) {
	cfg := testConfig(filepath.Join(t.TempDir(), "x"))
	cfg.AdvertiseAddrIPv6 = netip.MustParseAddr("2001:db8::7")
	x := startAgent(t, cfg, Options{})
	for qtype, want := range map[string]string{"A": "127.0.0.1", "AAAA": "2001:db8::7"} {
		l, err := x.dns.Lookup(cfg.NodeName+".node.local", nil, qtype)
		if err != nil || len(l.Answers) != 1 || l.Answers[0].Address != want {
			t.Errorf("%s answers %+v, %v", qtype, l, err)
		}
	}
}

func (x *testAgent) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(15 * time.Second)
	for {
		changed := x.catalog.View().Watch()
		if ok() {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%s: not within 15 s", what)
		}
	}
}

func TestAFilesServicesComeAndGoWithIt(t *testing.T) {
	dir := t.TempDir()
	cfg := testConfig(dir)
	cfg.Services = []definition.Service{web(80, ttl("alive", catalog.Critical)), web(81)}
	reread := cfg
	x := startAgent(t, cfg, Options{Reread: func() (*config.Config, error) { return reread, nil }})
	ctx := t.Context()
	if err := x.UpdateTTL(ctx, "alive", catalog.Passing, "ok", nil); err != nil {
		t.Fatal(err)
	}
	next := *cfg
	next.Services = cfg.Services[:1]
	reread = &next
	if err := x.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	if x.endpoint("web-81") != nil || x.endpoint("web-80").Status() != catalog.Passing {
		t.Errorf("after a reload: %+v", x.Local())
	}
	x.kill(t)
	y := startAgent(t, &next, Options{})
	if e := y.endpoint("web-80"); e == nil || e.Status() != catalog.Passing {
		t.Errorf("a restart flipped the check: %+v", e)
	}
	y.kill(t)
	none := testConfig(dir)
	z := startAgent(t, none, Options{})
	if z.endpoint("web-80") != nil || len(z.Local().Checks) != 0 {
		t.Errorf("no file defines it any more: %+v", z.Local())
	}
}

func TestADataDirectoryServesOneAgent(t *testing.T) {
	dir := t.TempDir()
	x := startAgent(t, testConfig(dir), Options{})
	if _, err := New(testConfig(dir), Options{}); err == nil || !strings.Contains(err.Error(), "another agent") || !strings.Contains(err.Error(), dir) {
		t.Errorf("the error is %v", err)
	}
	x.kill(t)
	if err := os.WriteFile(filepath.Join(dir, "node-id"), []byte("me"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(testConfig(dir), Options{}); err == nil || !strings.Contains(err.Error(), "node-id") {
		t.Errorf("the error is %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "node-id")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "local.log"), []byte("not a journal at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(testConfig(dir), Options{}); err == nil || !strings.Contains(err.Error(), "local.log") {
		t.Errorf("the error is %v", err)
	}
}

func TestATakenNameEndsTheAgentLoudly(t *testing.T) {
	base := t.TempDir()
	one, two, three := testConfig(filepath.Join(base, "1")), testConfig(filepath.Join(base, "2")), testConfig(filepath.Join(base, "3"))
	three.NodeName = one.NodeName
	x, y, z := startAgent(t, one, Options{}), startAgent(t, two, Options{}), startAgent(t, three, Options{})
	if _, err := y.Join(t.Context(), []string{x.gossip.Addr()}); err != nil {
		t.Fatal(err)
	}
	_, _ = z.Join(t.Context(), []string{y.gossip.Addr()})
	select {
	case err := <-z.done:
		if err == nil || !strings.Contains(err.Error(), one.NodeName) || !strings.Contains(err.Error(), "--node") {
			t.Errorf("it ended with %v", err)
		}
		z.done <- nil
	case err := <-x.done:
		t.Errorf("the first of that name ended: %v", err)
		x.done <- nil
	case <-time.After(30 * time.Second):
		t.Error("two agents go on under one name")
	}
}

var errFull = errors.New("no space left on device")

// What is shown of this agent is rendered anew when its serial is another: after each
// change, and after nothing else.
func TestTheSerialOfWhatIsLocalMovesWithIt(t *testing.T) {
	x := startAgent(t, testConfig(t.TempDir()), Options{})
	ctx := t.Context()
	last := x.Local().Serial
	for _, step := range []struct {
		what  string
		do    func() error
		moves bool
	}{
		{"a registration", func() error { return x.RegisterService(ctx, web(80, ttl("alive", catalog.Passing)), false) }, true},
		{"the same again", func() error { return x.RegisterService(ctx, web(80, ttl("alive", catalog.Passing)), false) }, false},
		{"a sign of life", func() error { return x.UpdateTTL(ctx, "alive", catalog.Passing, "", nil) }, false},
		{"an output", func() error { return x.UpdateTTL(ctx, "alive", catalog.Passing, "hm", nil) }, true},
		{"a status", func() error { return x.UpdateTTL(ctx, "alive", catalog.Warning, "hm", nil) }, true},
		{"maintenance of the node", func() error { return x.NodeMaintenance(ctx, true, "") }, true},
		{"what fails", func() error { _ = x.DeregisterService(ctx, "nothing"); return nil }, false},
		{"a deregistration", func() error { return x.DeregisterService(ctx, "web-80") }, true},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		now := x.Local().Serial
		if now < last || (now != last) != step.moves {
			t.Errorf("%s: from %d to %d", step.what, last, now)
		}
		last = now
	}
}
