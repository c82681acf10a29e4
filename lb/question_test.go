package lb_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"covey/catalog"
	"covey/lb"
)

// A host that asks for both kinds of addresses gets every instance for each of them.
func TestEachKindOfQuestionTakesTurnsOfItsOwn(t *testing.T) {
	s := newSite(catalog.MetaPolicy, "round-robin")
	s.put("a", host{weight: 3})
	s.put("b", host{weight: 1})
	b, r := &lb.Balancer{}, rand.New(rand.NewPCG(9, 10))
	asks := []lb.Ask{
		{Query: lb.Query{Service: "web"}, Now: at, Records: 1},
		{Query: lb.Query{Service: "web"}, Now: at, Records: 28},
		{Query: lb.Query{Service: "web", OnlyPassing: true}, Now: at, Records: 1},
	}
	first := make([]map[string]int, len(asks))
	for range 400 {
		for i, a := range asks {
			if first[i] == nil {
				first[i] = map[string]int{}
			}
			is := b.Balance(s.View(), a)
			b.Order(s.View(), &is, r)
			first[i][is.Chosen[0].Host.Name]++
		}
	}
	for i := range asks {
		if got := first[i]["b"]; got < 99 || got > 101 {
			t.Errorf("question %d: %v, want 300 and 100", i, first[i])
		}
	}
}

// Where nothing nearer has any weight, those further away carry the traffic.
func TestLocalGoesByWhereTheWeightIs(t *testing.T) {
	s := newSite(catalog.MetaPolicy, "local")
	s.put("a", host{zone: "z1", region: "r1"})
	s.put("b", host{zone: "z2", region: "r1", weight: 1})
	s.put("c", host{zone: "z2", region: "r1", weight: 3})
	is := s.balance(&lb.Balancer{Here: lb.Place{Zone: "z1", Region: "r1"}}, at)
	want(t, shares(is), map[string]float64{"b": .25, "c": .75})
	if len(is.LeftOut) != 1 || !strings.HasPrefix(is.LeftOut[0].Reason, "of weight 0") {
		t.Errorf("%+v", is.LeftOut)
	}
}

// Who asks for something else, of which enough is healthy, neither ends the panic nor
// begins another.
func TestPanicDoesNotFlapBetweenQuestions(t *testing.T) {
	s := newSite(catalog.MetaPanic, "60")
	var told []bool
	b := &lb.Balancer{OnPanic: func(_ string, begins bool) { told = append(told, begins) }}
	s.put("a", host{weight: 1})
	s.put("b", host{weight: 1, status: catalog.Critical})
	ask := func(tags ...string) bool {
		return b.Balance(s.View(), lb.Ask{Query: lb.Query{Service: "web", Tags: tags}, Now: at}).Panic
	}
	for range 5 {
		if !ask() || ask("nobody-has-it") {
			t.Fatal("half is healthy, of whom nobody has the tag")
		}
	}
	if got := b.Panicking(s.View(), at); got != 1 || !slices.Equal(told, []bool{true}) {
		t.Errorf("%d panic, told %v", got, told)
	}
	s.put("b", host{weight: 1})
	ask()
	if !slices.Equal(told, []bool{true, false}) {
		t.Errorf("told %v", told)
	}
}
