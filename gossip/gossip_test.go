package gossip

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"covey/gossip/replica"
	"covey/internal/loopback"
)

// agent is a Gossip with what a catalogue would keep of it.
type agent struct {
	*Gossip
	id  replica.ID
	log *lockedBuffer

	mu      sync.Mutex // guards what follows
	changed chan struct{}
	view    map[replica.ID]map[string]string
	members map[replica.ID]replica.Membership
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t *testing.T, name string, tune func(*Config)) *agent {
	t.Helper()
	a := &agent{
		log:     &lockedBuffer{},
		changed: make(chan struct{}),
		view:    map[replica.ID]map[string]string{},
		members: map[replica.ID]replica.Membership{},
	}
	copy(a.id[:], name+"................")
	cfg := Config{
		Name: name, ID: a.id, Epoch: uint64(time.Now().UnixMilli()), Datacenter: "dc1", Build: "test",
		BindIP:    loopback.Own(),
		Validate:  func(_ replica.ID, _ string, payload []byte) (any, error) { return string(payload), nil },
		Apply:     a.apply,
		SetMember: func(id replica.ID, m replica.Membership) { a.update(func() { a.members[id] = m }) },
		Logger:    slog.New(slog.NewTextHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if tune != nil {
		tune(&cfg)
	}
	g, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	a.Gossip = g
	t.Cleanup(func() {
		g.Close()
		if t.Failed() {
			t.Logf("log of %s:\n%s", name, a.log)
		}
	})
	return a
}

func (a *agent) apply(changes []replica.Change) {
	a.update(func() {
		for _, ch := range changes {
			if ch.Dropped {
				delete(a.view, ch.Owner)
				continue
			}
			if ch.Reset || a.view[ch.Owner] == nil {
				a.view[ch.Owner] = map[string]string{}
			}
			for _, e := range ch.Entries {
				if e.Deleted {
					delete(a.view[ch.Owner], e.Key)
				} else {
					a.view[ch.Owner][e.Key] = fmt.Sprint(e.Value)
				}
			}
		}
	})
}

func (a *agent) update(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
	close(a.changed)
	a.changed = make(chan struct{})
}

// until waits for the agent to satisfy a condition.
func (a *agent) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		a.mu.Lock()
		good, changed := ok(), a.changed
		a.mu.Unlock()
		if good {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%s: not within 20 s: view %v, members %v", what, a.view, a.members)
		}
	}
}

func (a *agent) sees(t *testing.T, b *agent, key, value string) {
	t.Helper()
	a.until(t, fmt.Sprintf("%s=%q of %s", key, value, b.cfg.Name), func() bool { return a.view[b.id][key] == value })
}

// meets waits until membership has told a of b, which may come after records of b.
func (a *agent) meets(t *testing.T, b *agent) {
	t.Helper()
	a.until(t, b.cfg.Name+" is a member", func() bool { return a.members[b.id] == replica.Alive })
}

func put(a *agent, key, value string) {
	p := replica.Put{Key: key, Value: value}
	if value != "" {
		p.Payload = []byte(value)
	}
	a.Put(p)
}

func join(t *testing.T, a, b *agent) {
	t.Helper()
	if _, err := a.Join(b.Addr()); err != nil {
		t.Fatal(err)
	}
}

func TestWhatOnePutsTheOthersSee(t *testing.T) {
	a, b, c := start(t, "a", nil), start(t, "b", nil), start(t, "c", nil)
	put(a, "s/before", "joined")
	join(t, b, a)
	join(t, c, b)
	c.sees(t, a, "s/before", "joined")
	put(b, "s/web", "v1")
	a.sees(t, b, "s/web", "v1")
	c.sees(t, b, "s/web", "v1")
	put(b, "s/web", "")
	c.sees(t, b, "s/web", "")
	for i := range 500 { // more than a packet, and than a chunk
		put(a, fmt.Sprint("s/", i), strings.Repeat("x", 900))
	}
	c.sees(t, a, "s/499", strings.Repeat("x", 900))
}

func TestACrashHidesAndLeavingRemoves(t *testing.T) {
	a, b, c := start(t, "a", nil), start(t, "b", nil), start(t, "c", nil)
	join(t, b, a)
	join(t, c, a)
	put(b, "s/web", "v1")
	put(c, "s/web", "v1")
	a.meets(t, b)
	a.sees(t, b, "s/web", "v1")
	a.sees(t, c, "s/web", "v1")
	if err := c.Leave(); err != nil {
		t.Fatal(err)
	}
	a.until(t, "c left", func() bool { return len(a.view[c.id]) == 0 })
	b.Close()
	a.until(t, "b failed", func() bool { return a.members[b.id] == replica.Failed })
	a.sees(t, b, "s/web", "v1") // kept for its return
	if err := a.ForceLeave("b", false); err != nil {
		t.Fatal(err)
	}
	a.until(t, "b was forced to leave", func() bool { return len(a.view[b.id]) == 0 })
	if err := a.ForceLeave("nobody", false); err == nil {
		t.Error("an unknown node could be forced to leave")
	}
}

func TestARestartKnowsThePeersBeforeItMeetsThem(t *testing.T) {
	dir := t.TempDir()
	keep := func(c *Config) { c.PeersFile = filepath.Join(dir, "peers.log") }
	a, b := start(t, "a", keep), start(t, "b", nil)
	join(t, a, b)
	put(b, "s/web", "v1")
	a.meets(t, b)
	a.sees(t, b, "s/web", "v1")
	put(b, "s/web", "v2")
	a.sees(t, b, "s/web", "v2")
	b.Close()
	a.Close()
	again := start(t, "a", keep)
	if again.view[b.id]["s/web"] != "v2" || again.members[b.id] != replica.Presumed {
		t.Errorf("after a restart it knows %v, %v", again.view, again.members)
	}
}

func TestOneKeyIsOneCluster(t *testing.T) {
	key := func(k string) func(*Config) {
		return func(c *Config) {
			c.Keys, c.VerifyIncoming, c.VerifyOutgoing = [][]byte{[]byte(k)}, true, true
		}
	}
	a, b := start(t, "a", key("0123456789abcdef")), start(t, "b", key("0123456789abcdef"))
	stranger, open := start(t, "stranger", key("fedcba9876543210")), start(t, "open", nil)
	join(t, b, a)
	put(b, "s/web", "v1")
	a.sees(t, b, "s/web", "v1")
	for _, x := range []*agent{stranger, open} {
		if n, err := x.Join(a.Addr()); err == nil || n != 0 {
			t.Errorf("%s joined %d", x.cfg.Name, n)
		}
	}
	if a.Counters()[refusedKey] == 0 {
		t.Errorf("refusals were not counted: %v", a.Counters())
	}
	if n := strings.Count(a.log.String(), "level=WARN"); n > 3 {
		t.Errorf("%d warnings", n)
	}
}

func TestAnotherDatacenterIsAnotherCluster(t *testing.T) {
	a := start(t, "a", nil)
	b := start(t, "b", func(c *Config) { c.Datacenter = "dc2" })
	if n, err := b.Join(a.Addr()); err == nil || n != 0 {
		t.Errorf("joined %d", n)
	}
	if a.Counters()[refusedLabel] == 0 {
		t.Errorf("the refusal was not counted: %v", a.Counters())
	}
}

func TestALostDiskMeansNewRecordsOnly(t *testing.T) {
	a, b := start(t, "a", nil), start(t, "b", nil)
	join(t, b, a)
	put(b, "s/old", "v1")
	a.meets(t, b)
	a.sees(t, b, "s/old", "v1")
	b.Close()
	anew := start(t, "b", func(c *Config) { c.ID[0], c.BindPort = 'B', b.transport.port })
	anew.id[0] = 'B'
	put(anew, "s/new", "v1")
	join(t, anew, a)
	a.sees(t, anew, "s/new", "v1")
	a.until(t, "the old id is forgotten", func() bool { return len(a.view[b.id]) == 0 })
}

func TestATakenPortNamesItself(t *testing.T) {
	a := start(t, "a", nil)
	cfg := a.cfg
	cfg.BindPort = a.transport.port
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), a.Addr()) || !strings.Contains(err.Error(), "--gossip-port") {
		t.Errorf("the error is %v", err)
	}
}

func TestAnotherProtocolIsLeftOut(t *testing.T) {
	a, b := start(t, "a", nil), start(t, "b", nil)
	join(t, b, a)
	put(b, "s/web", "v1")
	a.sees(t, b, "s/web", "v1")
	tags := map[string]string{ProtocolTag: "99", IDTag: b.serf.LocalMember().Tags[IDTag]}
	if err := b.serf.SetTags(tags); err != nil {
		t.Fatal(err)
	}
	a.until(t, "b is left out", func() bool { return len(a.view[b.id]) == 0 })
	if a.Counters()[refusedVersion] == 0 {
		t.Errorf("it was not counted: %v", a.Counters())
	}
}

func TestAForeignMembersFileIsPutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "members.snapshot")
	text := "alive: b 127.0.0.1:1\nthis is no snapshot\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a := start(t, "a", func(c *Config) { c.MembersFile = path })
	aside, err := filepath.Glob(path + ".aside-*")
	if err != nil || len(aside) != 1 {
		t.Fatalf("put aside are %v, %v", aside, err)
	}
	if saved, err := os.ReadFile(aside[0]); err != nil || string(saved) != text {
		t.Errorf("saved is %q, %v", saved, err)
	}
	if !strings.Contains(a.log.String(), path) {
		t.Error("the log does not name the file")
	}
}

// as gives an agent the id of another.
func as(id replica.ID) func(*Config) { return func(c *Config) { c.ID = id } }

func TestARenamedNodeIsTheSameNode(t *testing.T) {
	a, b := start(t, "a", nil), start(t, "b", nil)
	join(t, b, a)
	put(b, "s/web", "v1")
	a.meets(t, b)
	a.sees(t, b, "s/web", "v1")
	b.Close()
	c := start(t, "c", as(b.id))
	c.id = b.id
	put(c, "s/web", "v2")
	join(t, c, a)
	a.sees(t, c, "s/web", "v2")
	failed := func() bool {
		for _, m := range a.Members().List {
			if m.Name == "b" && m.Status == "failed" {
				return true
			}
		}
		return false
	}
	for deadline := time.After(20 * time.Second); !failed(); { // this is what used to hide the new name
		select {
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			t.Fatalf("the old name did not fail within 20 s: %v", a.Members().List)
		}
	}
	if err := a.ForceLeave("b", false); err != nil {
		t.Fatal(err)
	}
	put(c, "s/web", "v3")
	a.sees(t, c, "s/web", "v3")
	a.mu.Lock()
	state := a.members[c.id]
	a.mu.Unlock()
	if state != replica.Alive {
		t.Errorf("the renamed node is %v", state)
	}
	if c.members[c.id] != 0 {
		t.Errorf("it was told of itself: %v", c.members)
	}
}

func TestACopiedIdEndsTheLaterAgent(t *testing.T) {
	a, b := start(t, "a", nil), start(t, "b", nil)
	copied := start(t, "copied", func(c *Config) { c.ID, c.BindIP, c.Epoch = b.id, "127.0.0.2", b.cfg.Epoch+1000 })
	join(t, b, a)
	join(t, copied, a)
	ended := make(chan error, 1)
	go func() { ended <- copied.Run() }()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "node-id") || !strings.Contains(err.Error(), `"b"`) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("two agents go on under one id")
	}
}

func TestARestartAloneKnowsWhoLeftAndCameBack(t *testing.T) {
	dir := t.TempDir()
	keep := func(c *Config) { c.PeersFile = filepath.Join(dir, "peers.log") }
	a, b := start(t, "a", keep), start(t, "b", nil)
	join(t, b, a)
	put(b, "s/web", "v1")
	a.meets(t, b)
	a.sees(t, b, "s/web", "v1")
	if err := b.Leave(); err != nil {
		t.Fatal(err)
	}
	a.until(t, "b left", func() bool { return len(a.view[b.id]) == 0 })
	b.Close()
	again := start(t, "b", func(c *Config) { c.Epoch += 10; c.BindPort = b.transport.port })
	put(again, "s/web", "v2")
	join(t, again, a)
	a.meets(t, again)
	a.sees(t, again, "s/web", "v2")
	again.Close()
	a.Close()
	alone := start(t, "a", keep)
	if alone.view[b.id]["s/web"] != "v2" || alone.members[b.id] != replica.Presumed {
		t.Errorf("it knows %v, %v", alone.view, alone.members)
	}
}

func TestARestartAloneForgetsWhoLeft(t *testing.T) {
	dir := t.TempDir()
	keep := func(c *Config) { c.PeersFile = filepath.Join(dir, "peers.log") }
	a, b := start(t, "a", keep), start(t, "b", nil)
	join(t, b, a)
	put(b, "s/web", "v1")
	a.sees(t, b, "s/web", "v1")
	if err := b.Leave(); err != nil {
		t.Fatal(err)
	}
	a.until(t, "b is forgotten", func() bool { _, held := a.view[b.id]; return !held })
	a.Close()
	alone := start(t, "a", keep)
	if v := alone.view[b.id]; len(v) > 0 || alone.Counters()["held_owners"] != 1 {
		t.Errorf("it holds what b registered before it left: %v", v)
	}
}

func TestWhoLeftWhileWeWereDownIsNotPresumed(t *testing.T) {
	dir := t.TempDir()
	keep := func(c *Config) { c.PeersFile = filepath.Join(dir, "peers.log") }
	a, b, c := start(t, "a", keep), start(t, "b", nil), start(t, "c", nil)
	join(t, b, a)
	join(t, c, a)
	put(b, "s/web", "v1")
	a.sees(t, b, "s/web", "v1")
	c.sees(t, b, "s/web", "v1")
	// Only who has met b is told by membership that it left; what a passes on is faster.
	c.meets(t, b)
	b.meets(t, c)
	a.Close()
	if err := b.Leave(); err != nil {
		t.Fatal(err)
	}
	c.until(t, "b left", func() bool { return len(c.view[b.id]) == 0 })
	again := start(t, "a", func(c *Config) { keep(c); c.Epoch += 10; c.BindPort = a.transport.port })
	if again.view[b.id]["s/web"] != "v1" {
		t.Fatalf("it does not know what it knew: %v", again.view)
	}
	join(t, again, c)
	again.until(t, "b is known to have left", func() bool { return len(again.view[b.id]) == 0 })
}

func TestAForeignPeersFileIsPutAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "peers.log")
	for _, text := range []string{"", "not a journal at all"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		a := start(t, "a", func(c *Config) { c.PeersFile = path })
		if !strings.Contains(a.log.String(), path+".aside-") {
			t.Errorf("the log does not tell of %q", text)
		}
		a.Close()
	}
}

func TestNodesThatStopTogetherFindEachOtherAgain(t *testing.T) {
	dir := t.TempDir()
	keep := func(name string) func(*Config) {
		return func(c *Config) { c.PeersFile = filepath.Join(dir, name) }
	}
	names := []string{"a", "b", "c"}
	var first, second []*agent
	for i, name := range names {
		x := start(t, name, keep(name))
		if first = append(first, x); i > 0 {
			join(t, x, first[0])
		}
		put(x, "s/web", "v1")
	}
	for _, x := range first {
		for _, y := range first {
			if x != y {
				x.sees(t, y, "s/web", "v1")
			}
		}
	}
	for _, x := range first { // without a word, and with no members file to go by
		x.Close()
	}
	for i, name := range names {
		second = append(second, start(t, name, func(c *Config) {
			keep(name)(c)
			c.BindPort = first[i].transport.port
			c.Epoch += 1000
		}))
	}
	for _, x := range second {
		for _, y := range second {
			if x != y {
				x.until(t, "all are met again", func() bool { return x.members[y.id] == replica.Alive })
			}
		}
	}
}

// A leave that is overtaken by Close ends in an error, not in a panic.
func TestLeavingWhileClosing(t *testing.T) {
	for range 20 {
		a := start(t, "a", nil)
		left := make(chan struct{})
		go func() {
			defer close(left)
			a.Leave()
		}()
		a.serf.Shutdown()
		a.Close()
		<-left
	}
}
