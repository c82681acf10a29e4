package lb_test

import (
	"fmt"
	"slices"
	"testing"

	"covey/catalog"
	"covey/lb"
)

func TestPanicIgnoresHealthButNotMaintenance(t *testing.T) {
	s := newSite(catalog.MetaPanic, "50")
	b := &lb.Balancer{}
	s.put("a", host{weight: 1})
	s.put("b", host{weight: 1, status: catalog.Critical})
	if is := s.balance(b, at); is.Panic || len(is.Chosen) != 1 || b.Panicking(s.View(), at) != 0 {
		t.Errorf("half is healthy: %+v", is)
	}
	s.put("c", host{weight: 1, failed: true})
	s.put("d", host{weight: 1, status: catalog.Critical, checkID: catalog.ServiceMaintenancePrefix + "web"})
	is := s.balance(b, at)
	want(t, shares(is), map[string]float64{"a": 1. / 3, "b": 1. / 3, "c": 1. / 3})
	if !is.Panic || b.Panicking(s.View(), at) != 1 || len(is.LeftOut) != 1 {
		t.Errorf("a third is healthy: %+v", is)
	}
	s.put("b", host{weight: 1})
	if is := s.balance(b, at); is.Panic || b.Panicking(s.View(), at) != 0 {
		t.Errorf("two thirds are healthy: %+v", is)
	}
	s.put("a", host{weight: 1, status: catalog.Critical})
	s.put("b", host{weight: 1, status: catalog.Critical})
	if is := s.balance(b, at); !is.Panic || len(is.Chosen) != 3 {
		t.Errorf("none is healthy: %+v", is)
	}
}

// Who drains by its own word is as good as not there: it is not answered, and its going is no
// reason for panic.
func TestPanicLeavesThoseAloneWhoWantToBeOut(t *testing.T) {
	s := newSite(catalog.MetaPanic, "50")
	b := &lb.Balancer{}
	s.put("a", host{weight: 1})
	for _, name := range []string{"b", "c", "d"} {
		s.put(name, host{weight: 1, status: catalog.Critical, withdrawn: true})
	}
	if is := s.balance(b, at); is.Panic || len(is.Chosen) != 1 {
		t.Errorf("three of four drain: %+v", is)
	}
	s.put("e", host{weight: 1, status: catalog.Critical})
	s.put("f", host{weight: 1, status: catalog.Critical})
	s.put("d", host{weight: 1, status: catalog.Critical, withdrawn: true, failed: true}) // it did as it said
	is := s.balance(b, at)
	want(t, shares(is), map[string]float64{"a": 1. / 3, "e": 1. / 3, "f": 1. / 3})
	if !is.Panic || len(is.LeftOut) != 3 {
		t.Errorf("of three that want traffic two fail: %+v", is)
	}
	s.put("c", host{weight: 1, withdrawn: true}) // a word that means nothing while it passes
	if is := s.balance(b, at); is.Panic || len(is.Chosen) != 2 {
		t.Errorf("half of four is well: %+v", is)
	}
	for _, o := range is.LeftOut {
		if o.Host.Name == "b" && o.Reason != "critical: check service:web, by its own wish" {
			t.Errorf("b is left out since %q", o.Reason)
		}
	}
}

// The count is right though nobody asks any more, and changes are told once.
func TestPanicEndsWithoutQuestions(t *testing.T) {
	s := newSite(catalog.MetaPanic, "50")
	var told []string
	b := &lb.Balancer{OnPanic: func(service string, begins bool) { told = append(told, fmt.Sprint(service, " ", begins)) }}
	panicking := func(want int) {
		t.Helper()
		if got := b.Panicking(s.View(), at); got != want {
			t.Errorf("%d services panic, want %d", got, want)
		}
	}
	s.put("a", host{weight: 1, status: catalog.Critical})
	panicking(0) // nobody has asked
	s.balance(b, at)
	s.balance(b, at)
	panicking(1)
	s.put("a", host{weight: 1})
	panicking(0)
	s.put("a", host{weight: 1, status: catalog.Critical})
	s.balance(b, at)
	s.put("a", host{weight: 1, status: catalog.Critical, meta: map[string]string{"x": "y"}})
	panicking(0) // the service no longer wants it
	s.put("a", host{weight: 1, status: catalog.Critical})
	s.balance(b, at)
	s.remove("a")
	panicking(0)
	if want := []string{"web true", "web false", "web true", "web false", "web true", "web false"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

func TestNoneHealthyWithoutPanicIsNobody(t *testing.T) {
	s := newSite()
	s.put("a", host{weight: 1, status: catalog.Critical})
	if is := s.balance(&lb.Balancer{}, at); !is.Known || len(is.Chosen) != 0 || is.Panic {
		t.Errorf("%+v", is)
	}
}
