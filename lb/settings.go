package lb

import (
	"cmp"
	"fmt"

	"covey/catalog"
)

// SettingsOf is how a service is to be balanced by what its instances say. Where they
// differ, as while a change is rolled out, most decide, and of as many the lesser by their
// text, so that all agents decide alike.
func SettingsOf(s *catalog.Service) catalog.Balancing {
	var counts map[catalog.Balancing]int
	var first catalog.Balancing
	n := 0
	for e := range s.All() {
		said := e.Balancing()
		said.Priority = 0 // the instance's own
		switch {
		case n == 0:
			first = said
		case counts == nil && said != first:
			counts = map[catalog.Balancing]int{first: n}
		}
		if n++; counts != nil {
			counts[said]++
		}
	}
	best, most := first, 0
	for said, n := range counts {
		if c := cmp.Or(cmp.Compare(n, most), cmp.Compare(fmt.Sprint(best), fmt.Sprint(said))); c > 0 {
			best, most = said, n
		}
	}
	return best
}

// settings is that, with what the agent's configuration says.
func (b *Balancer) settings(s *catalog.Service) catalog.Balancing {
	set := SettingsOf(s)
	if b.Configured != nil {
		set, _ = set.With(b.Configured(s.Name)) // which was checked when it was read
	}
	if b.NoSlowStart {
		set.SlowStart = 0
	}
	if b.NoLoad {
		set.Load = false
		switch set.Policy {
		case catalog.Capacity, catalog.LeastLoad, catalog.TwoChoices:
			set.Policy = catalog.Weighted
		}
	}
	if b.NoPlace {
		switch set.Policy {
		case catalog.Local, catalog.Nearest:
			set.Policy = catalog.Weighted
		}
	}
	return set
}
