package catalog

import (
	"fmt"
	"testing"
)

// Services that come and go under ever new names cost bounded memory, and no index of a
// name that is gone goes back when it is forgotten on its own.
func TestNamesThatVanishAreForgottenAndNoIndexGoesBack(t *testing.T) {
	s := NewStore(1)
	owner := NodeID{1}
	s.Apply(Update{Owner: owner, Put: []Record{&Node{ID: owner, Name: "n1", Address: "10.0.0.1"}}})
	s.SetLiveness(owner, Alive)
	register := func(name string) {
		s.Apply(Update{Owner: owner, Put: []Record{&Instance{ID: name, Service: name, Weights: DefaultWeights}}})
	}
	remove := func(name string) { s.Apply(Update{Owner: owner, Remove: []string{InstanceKeyPrefix + name}}) }
	register("first")
	remove("first")
	went, never := s.View().ServiceIndex("first"), s.View().ServiceIndex("never")
	forgotten := false
	for i := range 2 * maxVanished {
		name := fmt.Sprintf("run-%d", i)
		register(name)
		if i%3 == 0 { // it comes back once
			remove(name)
			register(name)
		}
		was := s.View().ServiceIndex(name)
		remove(name)
		v := s.View()
		if at := v.ServiceIndex(name); at <= was {
			t.Fatalf("the index of %s went from %d to %d as it vanished", name, was, at)
		}
		first, other := v.ServiceIndex("first"), v.ServiceIndex("never")
		if first < went || other < never {
			t.Fatalf("indexes went back: %d to %d, %d to %d", went, first, never, other)
		}
		forgotten = forgotten || first > went
		if n := v.removed.at.Len(); n > maxVanished {
			t.Fatalf("%d names that are gone are kept", n)
		}
		went, never = first, other
	}
	if !forgotten {
		t.Error("nothing was ever forgotten: the bound was not reached")
	}
}
