package lb_test

import (
	"slices"
	"testing"

	"covey/catalog"
	"covey/lb"
)

var (
	alive   = catalog.NodeID{1}
	failed  = catalog.NodeID{2}
	unknown = catalog.NodeID{3}
	sick    = catalog.NodeID{4}
	closed  = catalog.NodeID{5}
)

func check(id string, s catalog.Status) []catalog.Check {
	return []catalog.Check{{ID: id, Status: s}}
}

// world is a catalogue with one instance for each thing that can be said of one.
func world() *catalog.View {
	s := catalog.NewStore(0)
	node := func(id catalog.NodeID, name string, l catalog.Liveness, checks []catalog.Check, instances ...*catalog.Instance) {
		u := catalog.Update{Owner: id, Put: []catalog.Record{&catalog.Node{ID: id, Name: name, Address: "10.0.0.1", Checks: checks}}}
		for _, i := range instances {
			i.Service = "Item-Service"
			if i.Weights == (catalog.Weights{}) {
				i.Weights = catalog.Weights{Passing: 10, Warning: 2}
			}
			u.Put = append(u.Put, i)
		}
		s.Apply(u)
		s.SetLiveness(id, l)
	}
	node(alive, "alive", catalog.Alive, nil,
		&catalog.Instance{ID: "bad", Tags: []string{"v1"}, Checks: check("bad:http", catalog.Critical)},
		&catalog.Instance{ID: "good", Tags: []string{"v1", "Blue"}, Checks: check("good:http", catalog.Passing)},
		&catalog.Instance{ID: "held", Tags: []string{"v1"}, Checks: check("_service_maintenance:held", catalog.Critical)},
		&catalog.Instance{ID: "old", Tags: []string{"v0"}},
		&catalog.Instance{ID: "warm", Tags: []string{"V1"}, Checks: check("warm:ttl", catalog.Warning)},
	)
	node(failed, "failed", catalog.Failed, nil, &catalog.Instance{ID: "lost", Tags: []string{"v1"}})
	node(unknown, "unknown", catalog.Unknown, nil, &catalog.Instance{ID: "early", Tags: []string{"v1"}})
	node(sick, "sick", catalog.Alive, check("disk", catalog.Critical), &catalog.Instance{ID: "full", Tags: []string{"v1"}})
	node(closed, "closed", catalog.Alive, check(catalog.NodeMaintenance, catalog.Critical), &catalog.Instance{ID: "shut", Tags: []string{"v1"}})
	return s.View()
}

func TestSelectPartsInstancesAndSaysWhy(t *testing.T) {
	both := map[string]string{
		"bad": "critical: check bad:http", "held": "critical: in maintenance",
		"lost": "host failed", "early": "host not seen alive yet",
		"full": "critical: node check disk", "shut": "critical: node in maintenance",
	}
	with := func(extra ...string) map[string]string {
		out := map[string]string{}
		for id, why := range both {
			out[id] = why
		}
		for i := 0; i < len(extra); i += 2 {
			out[extra[i]] = extra[i+1]
		}
		return out
	}
	for name, c := range map[string]struct {
		query   lb.Query
		known   bool
		chosen  map[string]uint16
		leftOut map[string]string
	}{
		"everything that is not critical": {
			lb.Query{Service: "item-service"}, true,
			map[string]uint16{"good": 10, "old": 10, "warm": 2}, both,
		},
		"the name is compared without case": {
			lb.Query{Service: "ITEM-service"}, true,
			map[string]uint16{"good": 10, "old": 10, "warm": 2}, both,
		},
		"only passing": {
			lb.Query{Service: "item-service", OnlyPassing: true}, true,
			map[string]uint16{"good": 10, "old": 10},
			with("warm", "warning, and only passing ones are wanted: check warm:ttl"),
		},
		"a tag is compared without case": {
			lb.Query{Service: "item-service", Tags: []string{"v1"}}, true,
			map[string]uint16{"good": 10, "warm": 2}, with("old", "tag v1 missing"),
		},
		"all tags must be there": {
			lb.Query{Service: "item-service", Tags: []string{"v1", "blue"}}, true,
			map[string]uint16{"good": 10},
			with("old", "tag v1 missing", "warm", "tag blue missing", "bad", "tag blue missing",
				"held", "tag blue missing", "full", "tag blue missing", "shut", "tag blue missing"),
		},
		"unknown service": {lb.Query{Service: "nothing"}, false, map[string]uint16{}, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			sel := lb.Select(world(), c.query)
			if sel.Known != c.known {
				t.Errorf("Known = %v", sel.Known)
			}
			if len(sel.Chosen) != len(c.chosen) || len(sel.LeftOut) != len(c.leftOut) {
				t.Errorf("chose %d and left out %d, want %d and %d", len(sel.Chosen), len(sel.LeftOut), len(c.chosen), len(c.leftOut))
			}
			for _, choice := range sel.Chosen {
				if w, ok := c.chosen[choice.ID()]; !ok || float64(w) != choice.Weight {
					t.Errorf("chose %s with weight %g, want %v", choice.ID(), choice.Weight, c.chosen)
				}
			}
			for _, o := range sel.LeftOut {
				if o.Reason != c.leftOut[o.ID()] {
					t.Errorf("left out %s because %q, want %q", o.ID(), o.Reason, c.leftOut[o.ID()])
				}
			}
		})
	}
}

func TestEligibleIsWhatSelectChooses(t *testing.T) {
	v := world()
	for _, q := range []lb.Query{
		{Service: "item-service"},
		{Service: "item-service", OnlyPassing: true},
		{Service: "item-service", Tags: []string{"v1"}},
		{Service: "item-service", Tags: []string{"none"}},
		{Service: "nothing"},
	} {
		sel := lb.Select(v, q)
		chosen, known := lb.Eligible(nil, v, q)
		if known != sel.Known || !slices.Equal(chosen, sel.Chosen) {
			t.Errorf("%+v: Eligible = %v, %v; Select = %v, %v", q, chosen, known, sel.Chosen, sel.Known)
		}
	}
}

func TestEligibleAppends(t *testing.T) {
	first := lb.Choice{Weight: 7}
	got, _ := lb.Eligible([]lb.Choice{first}, world(), lb.Query{Service: "item-service"})
	if len(got) != 4 || got[0] != first {
		t.Errorf("got %v", got)
	}
}

func BenchmarkEligible20(b *testing.B) {
	v := crowd(20)
	dst := make([]lb.Choice, 0, 20)
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = lb.Eligible(dst[:0], v, lb.Query{Service: "web", Tags: []string{"v1"}})
	}
	if len(dst) != 20 {
		b.Fatal(len(dst))
	}
}
