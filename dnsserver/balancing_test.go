package dnsserver

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"covey/lb"
)

// addressesBy asks the fast path and, beside it, the full path for addresses, which must
// be the same.
func addressesBy(t *testing.T, s *scribe) []string {
	t.Helper()
	packet := pack(t, new(dns.Msg).SetQuestion("web.service.local.", dns.TypeA).SetEdns0(4096, false))
	via := Transport{Local: true}
	compare(t, s, packet, via)
	reply, ok := s.answer(packet, via, make([]byte, 0, 4096))
	var m dns.Msg
	if err := m.Unpack(reply); !ok || err != nil {
		t.Fatal(ok, err)
	}
	return texts(m.Answer)
}

func TestAnEjectedInstanceLeavesPreparedAnswersAndComesBack(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	w := newWorld()
	b := w.balancer()
	for i := range 12 {
		if err := w.add(fmt.Sprintf("node n%d 10.0.0.%d", i, i+1)); err != nil {
			t.Fatal(err)
		}
		if err := w.add(fmt.Sprintf("service web a%d@n%d :80", i, i)); err != nil {
			t.Fatal(err)
		}
	}
	r := w.resolver(t)
	r.now = func() time.Time { return now }
	s := newFastPath(r).scribe()
	if got := addressesBy(t, s); len(got) != 12 {
		t.Fatalf("%v", got)
	}
	for n := range 5 {
		known, ejected := b.Report(w.store.View(), "web", "", "web-a3", false, now)
		if !known || ejected != (n == 4) {
			t.Fatalf("report %d: known %v, ejected %v", n, known, ejected)
		}
	}
	if got := addressesBy(t, s); len(got) != 11 || strings.Contains(strings.Join(got, "\n"), "10.0.0.4\n") {
		t.Fatalf("%v", got)
	}
	found, err := r.Lookup("web", nil, "A")
	if err != nil || len(found.LeftOut) != 1 || !strings.HasPrefix(found.LeftOut[0].Reason, "ejected: ") {
		t.Errorf("%+v, %v", found.LeftOut, err)
	}
	now = now.Add(30 * time.Second)
	if got := addressesBy(t, s); len(got) != 12 {
		t.Fatalf("it does not come back: %v", got)
	}
	if known, _ := b.Report(w.store.View(), "web", "", "none", false, now); known {
		t.Error("nobody is known")
	}
}

func TestPreparedWeightsFollowASlowStart(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	w := newWorld()
	for _, line := range []string{"config srv_weight_scale=100", "node n1 10.0.0.1", "node n2 10.0.0.2", "service web a@n1 :80 meta.lb-slow-start:=100s"} {
		if err := w.add(line); err != nil {
			t.Fatal(err)
		}
	}
	r := w.resolver(t)
	r.now = func() time.Time { return now }
	s := newFastPath(r).scribe()
	packet := pack(t, new(dns.Msg).SetQuestion("web.service.local.", dns.TypeSRV))
	weights := func() string {
		reply, ok := s.answer(packet, Transport{Local: true}, nil)
		var m dns.Msg
		if err := m.Unpack(reply); !ok || err != nil {
			t.Fatal(ok, err)
		}
		byNode := map[string]uint16{}
		for _, rr := range m.Answer {
			byNode[rr.(*dns.SRV).Target[:2]] = rr.(*dns.SRV).Weight
		}
		return fmt.Sprint(byNode)
	}
	if got := weights(); got != "map[n1:100]" {
		t.Fatal(got)
	}
	if err := w.add("service web b@n2 :80 meta.lb-slow-start:=100s"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		age  time.Duration
		want string
	}{{0, "map[n1:100 n2:10]"}, {30 * time.Second, "map[n1:100 n2:30]"}, {99 * time.Second, "map[n1:100 n2:99]"}, {100 * time.Second, "map[n1:100 n2:100]"}} {
		at := time.Unix(1_700_000_000, 0).Add(c.age)
		if now = at; weights() != c.want {
			t.Errorf("after %v: %s, want %s", c.age, weights(), c.want)
		}
	}
}

// One of a thousand is drawn for a packet that could not hold them.
func TestSingleAnswersOneOfMany(t *testing.T) {
	var lines strings.Builder
	for i := range 1000 {
		weight := 0
		if i >= 998 {
			weight = 1 + 2*(i-998)
		}
		fmt.Fprintf(&lines, "node n%d 10.1.%d.%d\nservice web a@n%d :80 weight=%d meta.lb-policy:=single\n", i, i/250, i%250, i, weight)
	}
	s := newFastPath(worldOf(t, lines.String()).resolver(t)).scribe()
	s.draw = lb.NewDraw(3)
	packet := pack(t, new(dns.Msg).SetQuestion("web.service.local.", dns.TypeA))
	seen := map[string]int{}
	for range 10_000 {
		reply, ok := s.answer(packet, Transport{}, nil)
		var m dns.Msg
		if err := m.Unpack(reply); !ok || err != nil || len(m.Answer) != 1 {
			t.Fatal(ok, err, &m)
		}
		seen[m.Answer[0].(*dns.A).A.String()]++
	}
	if len(seen) != 2 || seen["10.1.3.248"] < 2300 || seen["10.1.3.248"] > 2700 {
		t.Errorf("%v", seen)
	}
}
