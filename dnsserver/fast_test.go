package dnsserver

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"covey/catalog"
	"covey/lb"
)

// changing is a world whose every part is drawn from a seed, and which goes on changing.
type changing struct {
	*world
	rand     *rand.Rand
	nodes    int
	policies map[string]string // of the services, as metadata in lines
	clock    time.Time
}

var (
	drawnServices = []string{"web", "db", "Cache", "a-b"}
	drawnPolicies = []string{
		" meta.lb-policy:=local", " meta.lb-policy:=priority", " meta.lb-policy:=priority meta.lb-slow-start:=10s",
		" meta.lb-policy:=single", " meta.lb-policy:=subset:2", " meta.lb-policy:=capacity meta.lb-max-share:=30",
		" meta.lb-policy:=round-robin", " meta.lb-policy:=least-load", " meta.lb-policy:=two-choices", " meta.lb-policy:=nearest meta.lb-panic:=50",
		" meta.lb-load:=true meta.lb-slow-start:=20s", " meta.lb-policy:=single meta.lb-slow-start:=5s",
	}
	drawnTags = []string{"v1", "v2", "blue.green"}
)

func newChanging(t testing.TB, seed uint64) *changing {
	t.Helper()
	c := &changing{world: newWorld(), rand: rand.New(rand.NewPCG(seed, 1)), clock: time.Unix(1_700_000_000, 0)}
	c.config.AltDomain = "covey.test"
	c.config.OnlyPassing = c.rand.IntN(4) == 0
	if c.rand.IntN(3) == 0 {
		c.config.ARecordLimit = 1 + c.rand.IntN(4)
	}
	if c.rand.IntN(3) == 0 {
		c.config.UDPAnswerLimit = 1 + c.rand.IntN(6)
	}
	c.policies = map[string]string{}
	for _, name := range drawnServices {
		if c.rand.IntN(2) == 0 {
			c.policies[name] = drawnPolicies[c.rand.IntN(len(drawnPolicies))]
		}
	}
	c.config.NodeName = "node-0"
	b := c.balancer()
	b.Here = lb.Place{Zone: "z1", Region: "r1"}
	b.Distance = func(node string) time.Duration { return time.Duration(node[len(node)-1]%5) * 3 * time.Millisecond }
	for range 1 + c.rand.IntN(6) {
		c.newNode(t)
	}
	for range c.rand.IntN(40) {
		c.step(t)
	}
	return c
}

func (c *changing) newNode(t testing.TB) {
	address := fmt.Sprintf("10.0.%d.%d", c.nodes>>8, c.nodes&255)
	switch c.rand.IntN(8) {
	case 0:
		address = fmt.Sprintf("2001:db8::%x", c.nodes+1)
	case 1:
		address = fmt.Sprintf("host-%d.example.com", c.nodes)
	}
	zone := []string{"", " zone=z1 region=r1", " zone=z2 region=r1", " zone=z3 region=r2"}[c.rand.IntN(4)]
	c.apply(t, fmt.Sprintf("node node-%d %s%s%s", c.nodes, address, c.family(), zone))
	c.nodes++
}

// family is at times an address for one IP version.
func (c *changing) family() string {
	switch c.rand.IntN(10) {
	case 0:
		return fmt.Sprintf(" lan_ipv6=2001:db8:6::%x", c.rand.IntN(9))
	case 1:
		return fmt.Sprintf(" lan_ipv4=10.4.0.%d", c.rand.IntN(9))
	}
	return ""
}

// step makes one change: an instance comes, changes or turns critical, a host fails,
// callers report one, time passes. That is a second at least: what changes with time
// alone need not be told sooner.
func (c *changing) step(t testing.TB) {
	switch c.rand.IntN(14) {
	case 0:
		c.newNode(t)
		return
	case 1:
		id := c.owners[fmt.Sprintf("node-%d", c.rand.IntN(c.nodes))]
		c.store.SetLiveness(id, []catalog.Liveness{catalog.Alive, catalog.Failed, catalog.Unknown}[c.rand.IntN(3)])
		return
	case 2, 3:
		c.clock = c.clock.Add([]time.Duration{time.Second, 3 * time.Second, 10 * time.Second, 4 * time.Minute}[c.rand.IntN(4)])
		return
	case 4:
		c.accuse()
		return
	}
	n := c.rand.IntN(c.nodes)
	name := drawnServices[c.rand.IntN(len(drawnServices))]
	line := fmt.Sprintf("service %s %d@node-%d%s", name, c.rand.IntN(30), n, c.policies[name])
	switch c.rand.IntN(8) {
	case 0:
		line += fmt.Sprintf(" [2001:db8:1::%x]:%d", c.rand.IntN(9), 80+c.rand.IntN(2))
	case 1:
		line += " elsewhere.example.com:80"
	case 2, 3:
		line += fmt.Sprintf(" :%d", 80+c.rand.IntN(2))
	default:
		line += fmt.Sprintf(" 10.9.0.%d:%d", c.rand.IntN(30), 80+c.rand.IntN(2))
	}
	line += []string{"", "", " passing", " warning", " critical"}[c.rand.IntN(5)]
	line += fmt.Sprintf(" meta.lb-priority:=%d", c.rand.IntN(3))
	if c.rand.IntN(3) == 0 {
		line += fmt.Sprintf(" load=%d/%d/%d", c.rand.IntN(5000), c.rand.IntN(1500), c.rand.IntN(300))
	}
	if c.rand.IntN(2) == 0 {
		line += fmt.Sprintf(" weight=%d", []int{0, 1, 3, 100, 65535}[c.rand.IntN(5)])
	}
	for _, tag := range drawnTags {
		if c.rand.IntN(3) == 0 {
			line += " tag=" + tag
		}
	}
	c.apply(t, line+c.family())
}

// accuse has callers report an instance as often as it takes to eject it.
func (c *changing) accuse() {
	s := c.store.View().Service(drawnServices[c.rand.IntN(len(drawnServices))])
	if s == nil || len(s.Endpoints) == 0 {
		return
	}
	e := s.Endpoints[c.rand.IntN(len(s.Endpoints))]
	for range 5 {
		c.balancer().Report(c.store.View(), s.Name, e.Host.Name, e.ID(), false, c.clock)
	}
}

func (c *changing) apply(t testing.TB, line string) {
	t.Helper()
	if err := c.add(line); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
}

// question draws one that the world may have an answer to.
func (c *changing) question() *dns.Msg {
	name := drawnServices[c.rand.IntN(len(drawnServices))] + ".service."
	if c.rand.IntN(3) == 0 {
		name = drawnTags[c.rand.IntN(len(drawnTags))] + "." + name
	}
	name += []string{"local.", "dc1.local.", "covey.test."}[c.rand.IntN(3)]
	if c.rand.IntN(3) == 0 {
		name = mixCase(name, c.rand)
	}
	qtype := []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypeTXT}[c.rand.IntN(4)]
	q := new(dns.Msg).SetQuestion(name, qtype)
	q.RecursionDesired = c.rand.IntN(2) == 0
	q.CheckingDisabled = c.rand.IntN(4) == 0
	if c.rand.IntN(3) > 0 {
		q.SetEdns0([]uint16{0, 512, 1232, 4096, 65535}[c.rand.IntN(5)], c.rand.IntN(4) == 0)
	}
	return q
}

func mixCase(name string, r *rand.Rand) string {
	b := []byte(name)
	for i, c := range b {
		if 'a' <= c && c <= 'z' && r.IntN(2) == 0 {
			b[i] = c - ('a' - 'A')
		}
	}
	return string(b)
}

// TestBothPathsAnswerAlike asks both about worlds that change between the questions.
func TestBothPathsAnswerAlike(t *testing.T) {
	answered, limited := 0, 0
	for seed := range uint64(300) {
		c := newChanging(t, seed)
		r := c.resolver(t)
		r.now = func() time.Time { return c.clock }
		s := newFastPath(r).scribe()
		for range 60 {
			packet := pack(t, c.question())
			via := from(netip.MustParseAddr([]string{"127.0.0.1", "192.0.2.7"}[c.rand.IntN(2)]), false)
			if compare(t, s, packet, via) {
				answered++
				if c.config.ARecordLimit > 0 {
					limited++
				}
			}
			if c.rand.IntN(3) == 0 {
				c.step(t)
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if answered < 5000 || limited < 500 {
		t.Errorf("the fast path answered %d questions, %d under a_record_limit: too few to say anything", answered, limited)
	}
}

// FuzzFastPath sends any packet to both paths.
func FuzzFastPath(f *testing.F) {
	c := newChanging(f, 1)
	for range 40 {
		f.Add(pack(f, c.question()), uint64(c.rand.IntN(8)), byte(c.rand.IntN(2)))
	}
	f.Fuzz(func(t *testing.T, packet []byte, seed uint64, how byte) {
		c := newChanging(t, seed%64)
		s := newFastPath(c.resolver(t)).scribe()
		via := Transport{Local: how&1 != 0}
		for range 3 {
			compare(t, s, packet, via)
			c.step(t)
		}
		if s.Stats().Panics > 0 {
			t.Fatal("it panicked")
		}
	})
}

// compare holds the fast path's answer, if it has one, to the full path's.
func compare(t *testing.T, s *scribe, packet []byte, via Transport) (answered bool) {
	t.Helper()
	reply, ok := s.answer(packet, via, make([]byte, 0, longestQuestion))
	if !ok {
		return false
	}
	full := s.Respond(packet, via, nil)
	var fast, want dns.Msg
	if err := fast.Unpack(reply); err != nil {
		t.Fatalf("the answer cannot be parsed: %v\n% x", err, reply)
	}
	if err := want.Unpack(full); err != nil {
		t.Fatalf("the full path's answer to % x cannot be parsed: %v", packet, err)
	}
	if fast.MsgHdr != want.MsgHdr || len(fast.Question) != 1 || fast.Question[0] != want.Question[0] {
		t.Errorf("header and question\n%v\nwant\n%v", &fast, &want)
	}
	if !slices.Equal(texts(fast.Answer), texts(want.Answer)) && !drawnOtherwise(s, &fast, &want) {
		t.Errorf("answers\n%v\nwant\n%v", &fast, &want)
	}
	if len(fast.Answer) == len(want.Answer) && slices.Equal(texts(fast.Answer), texts(want.Answer)) &&
		!slices.Equal(texts(fast.Extra), texts(want.Extra)) {
		t.Errorf("additional records\n%v\nwant\n%v", &fast, &want)
	}
	if !slices.IsSortedFunc(fast.Answer, byPriority) {
		t.Errorf("who is for when others fail comes before them\n%v", &fast)
	}
	if binary.BigEndian.Uint16(reply) != binary.BigEndian.Uint16(packet) {
		t.Errorf("the answer is to another question")
	}
	return true
}

// byPriority compares SRV records; of others no order is known.
func byPriority(a, b dns.RR) int {
	x, ok := a.(*dns.SRV)
	if !ok {
		return 0
	}
	return int(x.Priority) - int(b.(*dns.SRV).Priority)
}

// texts are the records in an order of their own: that of answers is drawn.
func texts(rrs []dns.RR) []string {
	var all []string
	for _, rr := range rrs {
		all = append(all, rr.String())
	}
	slices.Sort(all)
	return all
}

// drawnOtherwise reports whether two answers are equally good draws: as many addresses
// as a_record_limit leaves, all of them from the same whole.
func drawnOtherwise(s *scribe, fast, want *dns.Msg) bool {
	q := fast.Question[0]
	in := s.inquire(q.Name, q.Qtype)
	in.whole = true
	var whole []string
	for _, e := range in.resolve().entries {
		whole = append(whole, e.rr.String())
	}
	most, _ := in.mostAddresses()
	if most == 0 || len(fast.Answer) != len(want.Answer) || len(fast.Answer) != most || q.Qtype == dns.TypeSRV {
		return false
	}
	got := texts(fast.Answer)
	if len(slices.Compact(slices.Clone(got))) != len(got) {
		return false
	}
	for _, rr := range got {
		if !slices.Contains(whole, rr) {
			return false
		}
	}
	return true
}

// What is asked must be in the answer the moment it is in the catalogue.
func TestPreparedAnswersAreNeverOld(t *testing.T) {
	w := fleet(t, 3)
	s := newFastPath(w.resolver(t)).scribe()
	packet := pack(t, new(dns.Msg).SetQuestion("web.service.local.", dns.TypeA))
	for i := range 200 {
		reply, ok := s.answer(packet, Transport{}, nil)
		if !ok {
			t.Fatal("not answered")
		}
		var m dns.Msg
		if err := m.Unpack(reply); err != nil {
			t.Fatal(err)
		}
		last := fmt.Sprintf("10.2.0.%d", i-1)
		if i > 0 && !strings.Contains(m.String(), last+"\n") {
			t.Fatalf("%s is not in\n%v", last, &m)
		}
		if err := w.add(fmt.Sprintf("service web x@web-0 10.2.0.%d:80", i)); err != nil {
			t.Fatal(err)
		}
	}
}

// Questions about names that do not exist must not push out those that do.
func TestUnknownNamesTakeNoPlace(t *testing.T) {
	f := newFastPath(fleet(t, 3).resolver(t))
	s := f.scribe()
	for i := range 1000 {
		for _, name := range []string{"x%d.service.local.", "x%d.web.service.local.", "_web._x%d.service.local.", "x%d.local.", "x%d.node.local."} {
			s.answer(pack(t, new(dns.Msg).SetQuestion(fmt.Sprintf(name, i), dns.TypeA)), Transport{}, nil)
		}
	}
	for i := range f.table {
		if p := f.table[i].Load(); p != nil {
			t.Fatalf("%q has a place", p.name)
		}
	}
}

func TestFastPathAnswersForBothIPVersions(t *testing.T) {
	w := worldOf(t, `
		node n1 10.0.0.1 lan_ipv6=2001:db8::1
		node n2 10.0.0.2 lan_ipv6=2001:db8::2
		service web a@n1 :80
		service web b@n1 :81
		service web c@n2 :80
	`)
	s := newFastPath(w.resolver(t)).scribe()
	for qtype, glue := range map[uint16]int{dns.TypeSRV: 4, dns.TypeA: 0, dns.TypeAAAA: 0} {
		packet := pack(t, new(dns.Msg).SetQuestion("web.service.local.", qtype))
		if !compare(t, s, packet, Transport{}) {
			t.Fatalf("%s: not answered", dns.TypeToString[qtype])
		}
		reply, _ := s.answer(packet, Transport{}, nil)
		var m dns.Msg
		if err := m.Unpack(reply); err != nil || len(m.Extra) != glue {
			t.Errorf("%v, %v", &m, err)
		}
	}
}

func TestFastPathAllocatesNothing(t *testing.T) {
	for _, qtype := range []uint16{dns.TypeA, dns.TypeSRV} {
		s := newFastPath(fleet(t, 10).resolver(t)).scribe()
		packet := pack(t, new(dns.Msg).SetQuestion("web.service.local.", qtype).SetEdns0(1232, false))
		buf := make([]byte, 0, longestQuestion)
		if n := testing.AllocsPerRun(100, func() {
			if _, ok := s.answer(packet, Transport{Local: true}, buf); !ok {
				t.Fatal("not answered")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations an answer", dns.TypeToString[qtype], n)
		}
	}
}

// TestFastFirstAnswersFollowTheWeights asks 100,000 times about twenty unequal
// instances, as packets, for both kinds of records.
func TestFastFirstAnswersFollowTheWeights(t *testing.T) {
	const n, total = 20, 100_000
	var lines strings.Builder
	sum := 0
	for i := range n {
		fmt.Fprintf(&lines, "node n%d 10.1.0.%d\nservice web a@n%d :8080 weight=%d\n", i, i, i, 1+i*i)
		sum += 1 + i*i
	}
	w := worldOf(t, lines.String())
	for _, qtype := range []uint16{dns.TypeA, dns.TypeSRV} {
		s := newFastPath(w.resolver(t)).scribe()
		s.draw = lb.NewDraw(uint64(qtype))
		packet := pack(t, new(dns.Msg).SetQuestion("web.service.local.", qtype).SetEdns0(4096, false))
		buf := make([]byte, 0, longestQuestion)
		var first [n]int
		for range total {
			reply, ok := s.answer(packet, Transport{Local: true}, buf)
			if !ok {
				t.Fatal("not answered")
			}
			rr, _, err := dns.UnpackRR(reply, len(packet)-emptyOPTSize)
			if err != nil {
				t.Fatal(err)
			}
			switch rr := rr.(type) {
			case *dns.A:
				first[rr.A.To4()[3]]++
			case *dns.SRV:
				var i int
				if _, err := fmt.Sscanf(rr.Target, "n%d.", &i); err != nil {
					t.Fatal(rr)
				}
				first[i]++
			}
		}
		chi2 := 0.0
		for i, got := range first {
			want := float64(total) * float64(1+i*i) / float64(sum)
			chi2 += (float64(got) - want) * (float64(got) - want) / want
		}
		if chi2 > 43.820 { // exceeded once in a thousand times, at 19 degrees of freedom
			t.Errorf("%s: chi-square %.1f; first answers %v", dns.TypeToString[qtype], chi2, first)
		}
	}
}
