package gossip

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/serf/serf"

	"covey/gossip/replica"
)

// TestAHostThatComesBackUnderAnotherAddressIsTaken crashes an agent and starts it again
// at once on another port, while the others hold the former one to be alive.
func TestAHostThatComesBackUnderAnotherAddressIsTaken(t *testing.T) {
	a, b, c := start(t, "a", nil), start(t, "b", nil), start(t, "c", nil)
	join(t, b, a)
	join(t, c, a)
	put(b, "s/web", "v1")
	a.meets(t, b)
	c.meets(t, b)
	a.sees(t, b, "s/web", "v1")
	c.sees(t, b, "s/web", "v1")
	b.Close()
	again := start(t, "b", func(cfg *Config) { cfg.Epoch++ })
	if again.Addr() == b.Addr() {
		t.Skip("the kernel gave the same port again")
	}
	put(again, "s/web", "v2")
	if _, err := again.Join(a.Addr()); err != nil {
		t.Fatal(err)
	}
	a.sees(t, again, "s/web", "v2")
	c.sees(t, again, "s/web", "v2")
	where := func(x *agent) string {
		for _, m := range x.Members().List {
			if m.Name == "b" && m.Status == "alive" {
				return m.Addr.String()
			}
		}
		return ""
	}
	for _, x := range []*agent{a, c} {
		x.until(t, "b is known at its new address", func() bool { return where(x) == again.Addr() })
	}
	select {
	case err := <-again.failed:
		t.Errorf("the agent ended: %v", err)
	default:
	}
}

// TestOfTwoThatLiveUnderOneNameTheLaterEnds starts two agents of a name. The others know
// the one that they met first, whichever was started first.
func TestOfTwoThatLiveUnderOneNameTheLaterEnds(t *testing.T) {
	t.Run("which came last", func(t *testing.T) { twoOfAName(t, false) })
	t.Run("which came first", func(t *testing.T) { twoOfAName(t, true) })
}

func twoOfAName(t *testing.T, laterFirst bool) {
	a, b := start(t, "a", nil), start(t, "b", nil)
	second := start(t, "b", func(c *Config) { c.ID[0] = 'X'; c.Epoch += 5000 })
	second.id[0] = 'X'
	order := []*agent{b, second}
	if laterFirst {
		order = []*agent{second, b}
	}
	if _, err := order[0].Join(a.Addr()); err != nil {
		t.Fatal(err)
	}
	a.until(t, "it is met", func() bool { return a.members[order[0].id] == replica.Alive })
	if _, err := order[1].Join(a.Addr()); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- second.Run() }()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "bears the node name \"b\"") || !strings.Contains(err.Error(), b.Addr()) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("both go on")
	}
	select {
	case err := <-b.failed:
		t.Errorf("the first one ended: %v", err)
	default:
	}
	put(b, "s/web", "v1")
	a.sees(t, b, "s/web", "v1")
}

func TestTheRosterKeepsBothIdsOfAName(t *testing.T) {
	r := newRoster()
	event := func(kind serf.EventType, name, id string) {
		r.note(serf.MemberEvent{Type: kind, Members: []serf.Member{{Name: name, Tags: map[string]string{IDTag: id}}}})
	}
	event(serf.EventMemberJoin, "b", "old")
	event(serf.EventMemberJoin, "c", "c")
	event(serf.EventMemberJoin, "b", "new")
	event(serf.EventMemberFailed, "c", "c")
	var got []string
	for _, e := range taken(r) {
		got = append(got, e.kind.String()+" "+e.member.Name+" "+e.member.Tags[IDTag])
	}
	if s := strings.Join(got, ", "); s != "member-join b old, member-join b new, member-failed c c" {
		t.Errorf("the loop hears %s", s)
	}
}

func taken(r *roster) []rosterEvent {
	events, _ := r.take()
	return events
}
