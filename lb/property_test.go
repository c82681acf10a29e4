package lb_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"covey/catalog"
	"covey/lb"
	"pgregory.net/rapid"
)

// Who is answered is checked against the words of docs/balancing.md, whatever the instances
// are like: without panic those who are well, in panic all but those whom somebody wants to be
// out, and of shares none is above the limit that can be kept.
func TestWhoIsAnsweredIsAsDocumented(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		threshold := rapid.IntRange(0, 100).Draw(t, "panic")
		limit := rapid.SampledFrom([]int{0, 10, 25, 40, 100}).Draw(t, "max share")
		policy := rapid.SampledFrom([]string{"weighted", "capacity", "least-load", "two-choices", "single", "round-robin"}).Draw(t, "policy")
		s := newSite(catalog.MetaPanic, fmt.Sprint(threshold), catalog.MetaMaxShare, fmt.Sprint(limit), catalog.MetaPolicy, policy)
		var well, sick []string
		weights := map[string]float64{}
		for i := range rapid.IntRange(1, 8).Draw(t, "instances") {
			h := drawHost(t)
			name := fmt.Sprint("n", i)
			s.put(name, h)
			weights[name] = float64(h.weight)
			switch out := h.status == catalog.Critical && (h.withdrawn || h.checkID != ""); {
			case h.status != catalog.Critical && !h.failed:
				well = append(well, name)
			case !out:
				sick = append(sick, name)
			}
		}
		is := s.balance(&lb.Balancer{}, at)
		want := slices.Clone(well)
		if panics := 100*len(well) < threshold*(len(well)+len(sick)); panics != is.Panic {
			t.Fatalf("of %d that want traffic %d are well, at %d %% that is panic: %v", len(well)+len(sick), len(well), threshold, is.Panic)
		} else if panics {
			want = append(want, sick...)
		}
		slices.Sort(want)
		var got []string
		sum, some := 0., 0
		for _, c := range is.Chosen {
			got = append(got, c.Host.Name)
			if !(c.Weight >= 0) || math.IsInf(c.Weight, 0) || c.Weight > 0 && weights[c.Host.Name] == 0 {
				t.Errorf("%s has weight %g", c.Host.Name, c.Weight)
			}
			if sum += c.Weight; c.Weight > 0 {
				some++
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%v are answered, want %v", got, want)
		}
		if part := max(float64(limit)/100, 1/float64(max(some, 1))); limit > 0 {
			for _, c := range is.Chosen {
				if c.Weight > sum*part*(1+1e-9) {
					t.Errorf("%s has %g of %g, more than %g", c.Host.Name, c.Weight, sum, part)
				}
			}
		}
	})
}

func drawHost(t *rapid.T) host {
	h := host{
		weight:    rapid.SampledFrom([]uint16{0, 1, 2, 7, 65535}).Draw(t, "weight"),
		status:    catalog.Status(rapid.IntRange(0, 2).Draw(t, "status")),
		withdrawn: rapid.Bool().Draw(t, "withdrawn"),
		failed:    rapid.IntRange(0, 3).Draw(t, "failed") == 0,
	}
	if rapid.IntRange(0, 4).Draw(t, "maintained") == 0 {
		h.checkID = catalog.ServiceMaintenancePrefix + "web"
	}
	if rapid.Bool().Draw(t, "reports") {
		h.load = catalog.Load{
			Rate:        rapid.Uint32Range(0, catalog.MaxRate*10).Draw(t, "rate"),
			Utilisation: rapid.Uint32Range(0, catalog.MaxUtilisation*1000).Draw(t, "utilisation"),
			Queue:       rapid.Uint32Range(0, catalog.MaxQueue*10).Draw(t, "queue"),
			Share:       rapid.SampledFrom([]uint32{0, 1, 500, 1000, catalog.MaxShare * 1000}).Draw(t, "share"),
			Serial:      1,
		}
	}
	return h
}
