package catalog

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func externalNode(name string, written uint64) *External {
	n := &Node{ID: ExternalNodeID(name), Name: name, Address: "db.example", Datacenter: "dc1"}
	return &External{Host: name, Written: written, Node: n}
}

func externalService(node, id string, written uint64) *External {
	return &External{Host: node, Written: written, Instance: &Instance{ID: id, Service: "pg", Port: 5432, Weights: DefaultWeights}}
}

func externalCheck(node, id, service string, s Status, written uint64) *External {
	return &External{Host: node, Written: written, Check: &Check{ID: id, Name: id, Status: s}, ServiceID: service}
}

func gone(x *External, written uint64) *External {
	g := *x
	g.Gone, g.Written = true, written
	return &g
}

func TestAnExternalSurvivesItsWireForm(t *testing.T) {
	for _, x := range []*External{
		externalNode("db", 1), externalService("db", "pg-1", 2), externalCheck("DB", "up", "pg-1", Warning, 3),
		{Host: "db", Written: 4, Gone: true, Node: &Node{Name: "db"}},
		gone(externalService("db", "pg-1", 2), 5), gone(externalCheck("db", "up", "", Passing, 3), 6),
	} {
		got, err := Decode(x.Key(), Encode(x))
		if err != nil || !reflect.DeepEqual(got, x) {
			t.Errorf("%+v came back as %+v, %v", x, got, err)
		}
	}
	for name, x := range map[string]*External{
		"no host":           {Written: 1, Node: &Node{}},
		"no time":           {Host: "db", Node: externalNode("db", 1).Node},
		"nothing":           {Host: "db", Written: 1},
		"two things":        {Host: "db", Written: 1, Node: externalNode("db", 1).Node, Check: &Check{ID: "c"}},
		"another's node":    {Host: "other", Written: 1, Node: externalNode("db", 1).Node},
		"no address":        {Host: "db", Written: 1, Node: &Node{ID: NodeID{1}, Name: "db", Datacenter: "dc1"}},
		"an address of 0":   {Host: "db", Written: 1, Node: &Node{ID: NodeID{1}, Name: "db", Datacenter: "dc1", Address: "0.0.0.0"}},
		"a service's check": {Host: "db", Written: 1, Instance: &Instance{ID: "a", Service: "a", Checks: []Check{{ID: "c"}}}},
		"too long a key":    externalService(strings.Repeat("a", 60), strings.Repeat("b", 250), 1),
		"years ahead":       externalNode("db", 1<<63),
	} {
		if _, err := Decode(x.Key(), Encode(x)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// Agents learn what others state in any order, and come to the same.
func TestStatementsOfExternalNodesConverge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		written := map[string]bool{}
		var updates []Update
		for range rapid.IntRange(1, 25).Draw(t, "statements") {
			by := rapid.IntRange(1, 3).Draw(t, "by")
			at := uint64(rapid.IntRange(1, 8).Draw(t, "written"))
			x := []*External{
				externalNode("db", at), externalService("db", "a", at), externalService("db", "b", at),
				externalCheck("db", "up", "a", Status(rapid.IntRange(0, 2).Draw(t, "status")), at), externalCheck("db", "disk", "", Passing, at),
			}[rapid.IntRange(0, 4).Draw(t, "what")]
			if rapid.Bool().Draw(t, "gone") {
				x.Gone = true
			} else {
				x.Cleared = uint64(rapid.IntRange(0, int(at)-1).Draw(t, "cleared"))
			}
			// One owner states one thing at one time: else order would matter.
			if key := fmt.Sprint(by, x.Key()); !written[key] {
				written[key] = true
				updates = append(updates, Update{Owner: NodeID{byte(by)}, Put: []Record{x}})
			}
		}
		show := func(order []int) string {
			s := NewStore(0)
			for i := range 3 {
				s.SetLiveness(NodeID{byte(i + 1)}, []Liveness{Alive, Failed, Presumed}[i])
			}
			for _, i := range order {
				s.Apply(updates[i])
			}
			return shownOf(s)
		}
		order := make([]int, len(updates))
		for i := range order {
			order[i] = i
		}
		first := show(order)
		rng := rand.New(rand.NewPCG(uint64(len(updates)), rapid.Uint64().Draw(t, "seed")))
		for range 3 {
			rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			if other := show(order); other != first {
				t.Fatalf("in one order\n%sin another\n%s", first, other)
			}
		}
	})
}

// shownOf writes down what a view has of db.
func shownOf(s *Store) string {
	var b bytes.Buffer
	v := s.View()
	if h := v.Host("db"); h != nil {
		fmt.Fprintln(&b, h.Name, h.Liveness, h.Checks)
	}
	for e := range v.On("db") {
		fmt.Fprintln(&b, e.ID(), e.Checks(), e.Status())
	}
	for svc := range v.Services() {
		for e := range svc.All() {
			fmt.Fprintln(&b, svc.Name, e.ID())
		}
	}
	return b.String()
}

func TestTheLastWriteOfAnExternalNodeCounts(t *testing.T) {
	a, b := NodeID{1}, NodeID{2}
	s := NewStore(0)
	s.SetLiveness(a, Alive)
	s.SetLiveness(b, Alive)
	put := func(by NodeID, list ...Record) { s.Apply(Update{Owner: by, Put: list}) }
	is := func(when, want string) {
		t.Helper()
		if got := strings.ReplaceAll(strings.TrimSpace(shownOf(s)), "\n", "; "); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	put(a, externalService("db", "pg-1", 10))
	is("a service without its node", "")
	put(b, externalNode("db", 11))
	is("with it, from another", "db external []; pg-1 [] passing; pg pg-1")
	put(b, externalCheck("db", "up", "pg-1", Critical, 12))
	is("a check", "db external []; pg-1 [{up up critical    false}] critical; pg pg-1")
	put(a, externalCheck("db", "up", "pg-1", Passing, 13))
	is("a later one of another", "db external []; pg-1 [{up up passing    false}] passing; pg pg-1")
	if got := s.Outdated(b); !slices.Equal(got, []string{"x/db/c/up"}) {
		t.Errorf("outdated of b: %v", got)
	}
	if got := s.ExternalWritten("DB"); got != 13 {
		t.Errorf("written last at %d", got)
	}
	s.SetLiveness(a, Failed)
	is("one of them failed", "db external []; pg-1 [{up up passing    false}] passing; pg pg-1")
	put(b, gone(externalNode("db", 1), 20))
	is("the node is gone", "")
	if got := s.Outdated(a); !slices.Equal(got, []string{"x/db/c/up", "x/db/s/pg-1"}) {
		t.Errorf("outdated of a: %v", got)
	}
	if got := s.Outdated(b); len(got) != 1 {
		t.Errorf("outdated of b: %v", got)
	}
	put(a, externalNode("db", 21))
	is("registered anew", "db external []")
	anew := externalNode("db", 22)
	anew.Cleared = s.ExternalCleared("db", "n")
	put(b, anew)
	is("registered anew by the one that took it away", "db external []")
	s.Drop(a)
	is("one owner left", "db external []")
	s.Drop(b)
	is("the other left too", "")
	if len(s.externals) != 0 {
		t.Errorf("%d external nodes are kept of nobody", len(s.externals))
	}
}

// What changes of one service on an external node concerns nobody who watches another.
func TestAnExternalNodesServicesAreWatchedApart(t *testing.T) {
	a := NodeID{1}
	s := NewStore(0)
	s.SetLiveness(a, Alive)
	other := externalService("db", "mq-1", 1)
	other.Instance.Service = "mq"
	s.Apply(Update{Owner: a, Put: []Record{externalNode("db", 1), externalService("db", "pg-1", 1), other}})
	v := s.View()
	s.Apply(Update{Owner: a, Put: []Record{externalCheck("db", "up", "pg-1", Warning, 2)}})
	closed := func(ch <-chan struct{}) bool {
		select {
		case <-ch:
			return true
		default:
			return false
		}
	}
	if !closed(v.WatchService("pg")) || closed(v.WatchService("mq")) || closed(v.WatchNodes()) {
		t.Errorf("woken: pg %v, mq %v, nodes %v", closed(v.WatchService("pg")), closed(v.WatchService("mq")), closed(v.WatchNodes()))
	}
}

// An agent that bears an external node's name is shown in its place.
func TestAnAgentComesBeforeAnExternalNodeOfItsName(t *testing.T) {
	a, b := NodeID{1}, NodeID{2}
	s := NewStore(0)
	s.SetLiveness(a, Alive)
	s.Apply(Update{Owner: a, Put: []Record{externalNode("db", 1)}})
	s.Apply(Update{Owner: b, Put: []Record{&Node{ID: b, Name: "db", Address: "10.0.0.2", Datacenter: "dc1"}}})
	if h := s.View().Host("db"); h.Liveness != Outside {
		t.Errorf("an agent never met is shown: %v", h.Liveness)
	}
	s.SetLiveness(b, Alive)
	if h := s.View().Host("db"); h.Liveness != Alive || h.ID != b {
		t.Errorf("shown: %v %v", h.Liveness, h.ID)
	}
}
