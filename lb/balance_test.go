package lb_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/lb"
)

// at is a moment of no importance.
var at = time.Unix(1_700_000_000, 0)

// site is a cluster of one service, web, with an instance on each of its nodes.
type site struct {
	*catalog.Store
	meta map[string]string
}

func newSite(meta ...string) *site {
	s := &site{catalog.NewStore(0), map[string]string{}}
	for i := 0; i < len(meta); i += 2 {
		s.meta[meta[i]] = meta[i+1]
	}
	return s
}

// host is a node with one instance.
type host struct {
	zone, region string
	weight       uint16
	status       catalog.Status
	checkID      string
	withdrawn    bool
	failed       bool
	load         catalog.Load
	meta         map[string]string
}

func (s *site) put(name string, h host) {
	var id catalog.NodeID
	copy(id[:], name+strings.Repeat("-", 16))
	i := &catalog.Instance{ID: "web", Service: "web", Port: 80, Meta: s.meta, Load: h.load,
		Weights: catalog.Weights{Passing: h.weight, Warning: h.weight}}
	if h.meta != nil {
		i.Meta = h.meta
	}
	if h.checkID == "" {
		h.checkID = "service:web"
	}
	i.Checks = []catalog.Check{{ID: h.checkID, Status: h.status, Withdrawn: h.withdrawn}}
	s.Apply(catalog.Update{Owner: id, Put: []catalog.Record{
		&catalog.Node{ID: id, Name: name, Address: "10.0.0.1", Datacenter: "dc1", Zone: h.zone, Region: h.region}, i}})
	liveness := catalog.Alive
	if h.failed {
		liveness = catalog.Failed
	}
	s.SetLiveness(id, liveness)
}

// remove takes away what put has put.
func (s *site) remove(name string) {
	var id catalog.NodeID
	copy(id[:], name+strings.Repeat("-", 16))
	s.Apply(catalog.Update{Owner: id, Remove: []string{(&catalog.Instance{ID: "web", Service: "web"}).Key()}})
}

func (s *site) balance(b *lb.Balancer, now time.Time) lb.Balanced {
	return b.Balance(s.View(), lb.Ask{Query: lb.Query{Service: "web"}, Now: now, Explain: true})
}

// shares is each chosen node's part of the weights.
func shares(is lb.Balanced) map[string]float64 {
	sum := 0.0
	for _, c := range is.Chosen {
		sum += c.Weight
	}
	out := map[string]float64{}
	for _, c := range is.Chosen {
		out[c.Host.Name] = c.Weight / sum
	}
	return out
}

func want(t *testing.T, got map[string]float64, want map[string]float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%v, want %v", got, want)
		return
	}
	for name, w := range want {
		if math.Abs(got[name]-w) > 1e-6 {
			t.Errorf("%v, want %v", got, want)
			return
		}
	}
}

func TestWithoutSettingsTheWeightsAreThoseRegistered(t *testing.T) {
	s := newSite()
	s.put("a", host{weight: 3})
	s.put("b", host{weight: 1})
	s.put("c", host{weight: 5, status: catalog.Critical})
	is := s.balance(&lb.Balancer{}, at)
	want(t, shares(is), map[string]float64{"a": .75, "b": .25})
	if is.Panic || !is.Until.IsZero() || len(is.LeftOut) != 1 || is.Chosen[0].Weight != 3 {
		t.Errorf("%+v", is)
	}
	for _, c := range is.Chosen {
		if *c.Why != (lb.Factors{Registered: c.Weight, SlowStart: 1, Load: 1, Place: 1, Cut: 1}) {
			t.Errorf("%+v", *c.Why)
		}
	}
}

func TestANewcomerStartsSlowly(t *testing.T) {
	s := newSite(catalog.MetaSlowStart, "100s")
	b := &lb.Balancer{}
	s.put("old", host{weight: 10})
	if is := s.balance(b, at); is.Chosen[0].Weight != 10 {
		t.Fatalf("who was there at first has weight %g", is.Chosen[0].Weight)
	}
	s.put("new", host{weight: 10})
	s.balance(b, at)
	for age, part := range map[time.Duration]float64{
		-time.Hour: .1, // the clock went back
		0:          .1, 5 * time.Second: .1, 50 * time.Second: .5, 99 * time.Second: .99, 100 * time.Second: 1, time.Hour: 1,
	} {
		is := s.balance(b, at.Add(age))
		want(t, shares(is), map[string]float64{"old": 1 / (1 + part), "new": part / (1 + part)})
		if (is.Until.IsZero()) != (part == 1) {
			t.Errorf("at %v it holds until %v", age, is.Until)
		}
	}
	// Who fails and comes back is a newcomer again.
	s.put("old", host{weight: 10, status: catalog.Critical})
	s.balance(b, at.Add(2*time.Hour))
	s.put("old", host{weight: 10})
	want(t, shares(s.balance(b, at.Add(2*time.Hour))), map[string]float64{"old": 1. / 11, "new": 10. / 11})
	want(t, shares(s.balance(&lb.Balancer{NoSlowStart: true}, at)), map[string]float64{"old": .5, "new": .5})
}

func TestLocalIsWhatTheRuleGives(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	places := []lb.Place{{Zone: "z1", Region: "r1"}, {Zone: "z2", Region: "r1"}, {Zone: "z3", Region: "r2"}}
	for range 300 {
		s := newSite(catalog.MetaPolicy, "local")
		var up, total [3]float64
		for l, p := range places {
			for n := range r.IntN(6) {
				h := host{zone: p.Zone, region: p.Region, weight: uint16(1 + r.IntN(9)), status: []catalog.Status{catalog.Passing, catalog.Critical}[r.IntN(2)]}
				s.put(fmt.Sprintf("%s-%d", p.Zone, n), h)
				total[l] += float64(h.weight)
				if h.status == catalog.Passing {
					up[l] += float64(h.weight)
				}
			}
		}
		is := s.balance(&lb.Balancer{Here: places[0]}, at)
		var got [3]float64
		for name, share := range shares(is) {
			got[name[1]-'1'] += share
		}
		// What the rule leaves to each, reckoned the other way round: a level takes what it
		// can carry of what is left; if all cannot, in proportion.
		carry, sum := [3]float64{}, 0.0
		for l := range carry {
			if total[l] > 0 {
				carry[l] = min(1, 1.4*up[l]/total[l])
			}
			sum += carry[l]
		}
		if sum == 0 {
			continue
		}
		left := 1.0
		for l := range carry {
			least := min(left, carry[l])
			if sum < 1 {
				least = carry[l] / sum
			}
			left -= least
			if math.Abs(got[l]-least) > 1e-9 {
				t.Fatalf("up %v of %v: level %d gets %g, the rule gives %g", up, total, l, got[l], least)
			}
		}
		for _, c := range is.Chosen {
			if c.Weight <= 0 {
				t.Fatalf("%s is answered without a share", c.Host.Name)
			}
		}
	}
}

func TestPlacesThatNobodyElseHas(t *testing.T) {
	s := newSite(catalog.MetaPolicy, "local")
	s.put("a", host{weight: 1, zone: "z1", region: "r1"})
	s.put("b", host{weight: 3})
	for name, here := range map[string]lb.Place{"no place": {}, "another": {Zone: "z9", Region: "r9"}, "a zone of that name elsewhere": {Zone: "z1", Region: "r9"}} {
		want(t, shares(s.balance(&lb.Balancer{Here: here}, at)), map[string]float64{"a": .25, "b": .75})
		_ = name
	}
	is := s.balance(&lb.Balancer{Here: lb.Place{Zone: "z2", Region: "r1"}}, at)
	want(t, shares(is), map[string]float64{"a": 1})
	if len(is.LeftOut) != 1 || !strings.Contains(is.LeftOut[0].Reason, "in another region") {
		t.Errorf("%+v", is.LeftOut)
	}
	want(t, shares(s.balance(&lb.Balancer{Here: lb.Place{Zone: "z1", Region: "r1"}, NoPlace: true}, at)), map[string]float64{"a": .25, "b": .75})
}

func TestNearestComesInBands(t *testing.T) {
	s := newSite(catalog.MetaPolicy, "nearest")
	rtt := map[string]time.Duration{"a": 5 * time.Millisecond, "b": 9 * time.Millisecond, "c": 11 * time.Millisecond, "d": 80 * time.Millisecond}
	for name := range rtt {
		s.put(name, host{weight: 1})
	}
	s.put("e", host{weight: 1}) // no coordinates
	b := &lb.Balancer{Distance: func(n string) time.Duration { return rtt[n] }}
	is := s.balance(b, at)
	level := map[string]uint16{}
	for _, c := range is.Chosen {
		level[c.Host.Name] = c.Level
	}
	if level["a"] != 0 || level["b"] != 0 || level["c"] != 1 || level["d"] != 4 || level["e"] <= level["d"] || is.Until.IsZero() {
		t.Errorf("%v until %v", level, is.Until)
	}
	b.Node = "d" // what runs on the agent's own host is nearest of all, and the same room no further
	for _, c := range s.balance(b, at).Chosen {
		if c.Host.Name == "d" && c.Level != 0 {
			t.Errorf("%s has level %d", c.Host.Name, c.Level)
		}
	}
}

func TestPriorityIsTheInstancesOwn(t *testing.T) {
	s := newSite()
	s.put("a", host{weight: 1, meta: map[string]string{catalog.MetaPolicy: "priority", catalog.MetaPriority: "1"}})
	s.put("b", host{weight: 9, meta: map[string]string{catalog.MetaPolicy: "priority", catalog.MetaPriority: "2"}})
	s.put("c", host{weight: 1, meta: map[string]string{catalog.MetaPolicy: "priority"}})
	b, r := &lb.Balancer{}, rand.New(rand.NewPCG(3, 4))
	is := s.balance(b, at)
	for range 100 {
		b.Order(s.View(), &is, r)
		if got := names(is.Chosen); got != "c a b" {
			t.Fatal(got)
		}
	}
}

func names(c []lb.Choice) string {
	var list []string
	for _, x := range c {
		list = append(list, x.Host.Name)
	}
	return strings.Join(list, " ")
}

func TestRoundRobinTakesTurnsByWeight(t *testing.T) {
	s := newSite(catalog.MetaPolicy, "round-robin")
	for name, w := range map[string]uint16{"a": 5, "b": 1, "c": 1, "z": 0} {
		s.put(name, host{weight: w})
	}
	b, r := &lb.Balancer{}, rand.New(rand.NewPCG(5, 6))
	first := map[string]int{}
	lastA, gap := 0, 0
	for n := range 7000 {
		is := s.balance(b, at)
		b.Order(s.View(), &is, r)
		first[is.Chosen[0].Host.Name]++
		if is.Chosen[3].Host.Name != "z" {
			t.Fatalf("weight 0 stands before the end: %s", names(is.Chosen))
		}
		if is.Chosen[0].Host.Name == "a" {
			gap, lastA = max(gap, n-lastA), n
		}
	}
	for name, w := range map[string]int{"a": 5, "b": 1, "c": 1} {
		if d := first[name] - 1000*w; d < -2 || d > 2 {
			t.Errorf("%v", first)
		}
	}
	if gap > 3 {
		t.Errorf("it is not smooth: %d turns without a", gap)
	}
}

func TestMaximumShareIsKept(t *testing.T) {
	s := newSite(catalog.MetaMaxShare, "40")
	s.put("a", host{weight: 80})
	s.put("b", host{weight: 10})
	s.put("c", host{weight: 20})
	want(t, shares(s.balance(&lb.Balancer{}, at)), map[string]float64{"a": .4, "b": .2, "c": .4})
	s.put("c", host{weight: 1, status: catalog.Critical})
	// Two cannot have less than half: what cannot be had is shared evenly.
	want(t, shares(s.balance(&lb.Balancer{}, at)), map[string]float64{"a": .5, "b": .5})
}

func TestTheMostDecideAndTheAgentBeforeThem(t *testing.T) {
	s := newSite()
	policy := func(p string) map[string]string { return map[string]string{catalog.MetaPolicy: p} }
	s.put("a", host{weight: 1, meta: policy("local")})
	s.put("b", host{weight: 1, meta: policy("nearest")})
	s.put("c", host{weight: 1, meta: policy("nearest")})
	if got := s.balance(&lb.Balancer{}, at).Settings.Policy; got != catalog.Nearest {
		t.Error(got)
	}
	s.put("d", host{weight: 1, meta: policy("local")})
	first := s.balance(&lb.Balancer{}, at).Settings.Policy
	for range 50 {
		if got := s.balance(&lb.Balancer{}, at).Settings.Policy; got != first {
			t.Fatal("a tie is not settled the same each time")
		}
	}
	b := &lb.Balancer{Configured: func(string) map[string]string { return policy("priority") }}
	if got := s.balance(b, at).Settings.Policy; got != catalog.Priority {
		t.Error(got)
	}
}

func TestOneInstanceIsAnsweredByEveryPolicy(t *testing.T) {
	for _, p := range []string{"weighted", "round-robin", "least-load", "two-choices", "capacity", "subset:10", "nearest", "local", "priority", "single"} {
		for _, w := range []uint16{1, 0} {
			s := newSite(catalog.MetaPolicy, p, catalog.MetaMaxShare, "10", catalog.MetaSlowStart, "10s", catalog.MetaLoad, "true")
			s.put("a", host{weight: w})
			b := &lb.Balancer{Node: "x"}
			is := s.balance(b, at)
			b.Order(s.View(), &is, rand.New(rand.NewPCG(1, 1)))
			if len(is.Chosen) != 1 || is.Chosen[0].Weight != float64(w) {
				t.Errorf("%s of weight %d: %+v", p, w, is.Chosen)
			}
		}
	}
}

// With weights of 0 everywhere all are answered, evenly, whatever the policy.
func TestAllWeightsZero(t *testing.T) {
	for _, p := range []string{"weighted", "round-robin", "least-load", "two-choices", "capacity", "subset:3", "nearest", "local", "priority", "single"} {
		s := newSite(catalog.MetaPolicy, p, catalog.MetaMaxShare, "40")
		for n := range 3 {
			s.put(fmt.Sprint("n", n), host{load: report(t, 10, .5, 1, 1)})
		}
		b, r := &lb.Balancer{}, rand.New(rand.NewPCG(7, 8))
		first := map[string]int{}
		for range 3000 {
			is := s.balance(b, at)
			b.Order(s.View(), &is, r)
			first[is.Chosen[0].Host.Name]++
		}
		for n := range 3 {
			if got := first[fmt.Sprint("n", n)]; got < 850 || got > 1150 {
				t.Errorf("%s: %v", p, first)
				break
			}
		}
	}
}

func report(t *testing.T, rate, utilisation, queue float64, serial uint32) catalog.Load {
	t.Helper()
	l, err := catalog.NewLoad(rate, utilisation, queue, serial)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestCapacityIsMeasured(t *testing.T) {
	s := newSite(catalog.MetaLoad, "true")
	s.put("a", host{weight: 1, load: report(t, 100, .5, 0, 1)}) // 200/s
	s.put("b", host{weight: 1, load: report(t, 100, 1, 0, 1)})  // 100/s
	s.put("c", host{weight: 1})                                 // no word: the usual, 150
	// What differs from the usual 150 is believed to the power 0.8.
	a, c := math.Pow(200./150, .8), math.Pow(100./150, .8)
	believed := map[string]float64{"a": a / (a + c + 1), "b": c / (a + c + 1), "c": 1 / (a + c + 1)}
	b := &lb.Balancer{}
	is := s.balance(b, at)
	want(t, shares(is), believed)
	if is.Until.IsZero() {
		t.Error("a report never expires")
	}
	// Reports that are not renewed expire.
	want(t, shares(s.balance(b, at.Add(3*time.Minute))), map[string]float64{"a": 1. / 3, "b": 1. / 3, "c": 1. / 3})
	// A new one that says the same counts again.
	s.put("a", host{weight: 1, load: report(t, 100, .5, 0, 2)})
	s.put("b", host{weight: 1, load: report(t, 100, 1, 0, 2)})
	want(t, shares(s.balance(b, at.Add(4*time.Minute))), believed)
	// An hour back they are as good as new.
	want(t, shares(s.balance(b, at.Add(-time.Hour))), believed)
	want(t, shares(s.balance(&lb.Balancer{NoLoad: true}, at)), map[string]float64{"a": 1. / 3, "b": 1. / 3, "c": 1. / 3})
	// A figure beyond belief counts tenfold at most; an idle one tells nothing.
	s.put("a", host{weight: 1, load: report(t, 1e6, .5, 0, 3)})
	is = s.balance(b, at.Add(5*time.Minute))
	for name, share := range shares(is) {
		if !(share > 0 && share < .9) {
			t.Errorf("%s has %g", name, share)
		}
	}
}

func TestAnInstanceMayAskForAShareOfItsWeight(t *testing.T) {
	asks := func(share, serial uint32) catalog.Load { return catalog.Load{Share: share, Serial: serial} }
	for _, policy := range []string{"weighted", "capacity", "least-load"} {
		s := newSite(catalog.MetaPolicy, policy)
		s.put("a", host{weight: 2, load: asks(500, 1)})
		s.put("b", host{weight: 2})
		b := &lb.Balancer{}
		is := s.balance(b, at)
		want(t, shares(is), map[string]float64{"a": 1. / 3, "b": 2. / 3})
		if is.Until != at.Add(3*time.Minute) {
			t.Errorf("%s: the share holds until %v", policy, is.Until)
		}
		want(t, shares(s.balance(b, at.Add(3*time.Minute))), map[string]float64{"a": .5, "b": .5})
		s.put("a", host{weight: 2, load: asks(2000, 2)})
		want(t, shares(s.balance(b, at.Add(4*time.Minute))), map[string]float64{"a": 2. / 3, "b": 1. / 3})
		want(t, shares(s.balance(&lb.Balancer{NoLoad: true}, at)), map[string]float64{"a": .5, "b": .5})
	}
	// What is asked for comes on top of what was measured.
	s := newSite(catalog.MetaLoad, "true")
	asking := report(t, 100, .5, 0, 1)
	asking.Share = 500
	s.put("a", host{weight: 1, load: asking})
	s.put("b", host{weight: 1, load: report(t, 100, .5, 0, 1)})
	want(t, shares(s.balance(&lb.Balancer{}, at)), map[string]float64{"a": 1. / 3, "b": 2. / 3})
}

func TestLeastLoadAndTwoChoicesCompareQueues(t *testing.T) {
	for _, p := range []string{"least-load", "two-choices"} {
		s := newSite(catalog.MetaPolicy, p)
		s.put("a", host{weight: 1, load: report(t, 10, .5, 9, 1)})
		s.put("b", host{weight: 1, load: report(t, 10, .5, 1, 1)})
		s.put("c", host{weight: 1, load: report(t, 10, .5, 20, 1)})
		b, r := &lb.Balancer{}, rand.New(rand.NewPCG(9, 10))
		first := map[string]int{}
		for range 3000 {
			is := s.balance(b, at)
			b.Order(s.View(), &is, r)
			first[is.Chosen[0].Host.Name]++
			if p == "least-load" && !slices.Equal(strings.Fields(names(is.Chosen)), []string{"b", "a", "c"}) {
				t.Fatal(names(is.Chosen))
			}
		}
		if p == "two-choices" && (first["c"] != 0 || first["b"] < 1800 || first["a"] < 800) {
			t.Errorf("%v", first)
		}
	}
}
