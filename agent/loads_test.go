package agent

import (
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/internal/fault"
)

// dial is a series of readings at a virtual time.
type dial struct {
	*loads
	now time.Time
}

func newDial() *dial { return &dial{newLoads(), time.Unix(1e9, 0)} }

func (d *dial) read(after time.Duration, r catalog.Reading) []telling {
	d.now = d.now.Add(after)
	d.take("c", &r, d.now)
	list, _ := d.due(d.now)
	return list
}

func TestALoadIsToldWhenItMovesAndAtMostOnceASecond(t *testing.T) {
	d := newDial()
	low, high := catalog.Reading{Rate: 100, Utilisation: 0.5}, catalog.Reading{Rate: 400, Utilisation: 0.9}
	first := d.read(0, low)
	if len(first) != 1 || first[0].load(1).PerSecond() != 99.2 || first[0].load(1).Used() != 0.496 {
		t.Fatalf("the first reading is told as %+v", first)
	}
	for range 50 {
		if list := d.read(time.Second, low); len(list) > 0 {
			t.Fatalf("what did not move is told again: %+v", list)
		}
	}
	again := d.read(10*time.Second, low)
	if len(again) != 1 || again[0].serial == first[0].serial {
		t.Fatalf("after a minute it is told as %+v, want with another serial than %+v", again, first)
	}
	told := 0
	for n := range 1000 { // a hundred a second, up and down for ten seconds
		r := low
		if n/100%2 == 0 {
			r = high
		}
		told += len(d.read(10*time.Millisecond, r))
	}
	if told < 2 || told > 10 {
		t.Errorf("in ten seconds it was told %d times", told)
	}
	d.read(time.Minute, low)
	d.take("c", &high, d.now.Add(500*time.Millisecond))
	if list, _ := d.due(d.now); len(list) > 0 {
		t.Errorf("told twice within a second: %+v", list)
	}
}

func TestALoadIsSmoothedByTheTimeBetweenReadings(t *testing.T) {
	d := newDial()
	d.read(0, catalog.Reading{Rate: 100, Utilisation: 0.2, Queue: 4})
	d.read(smoothing, catalog.Reading{Rate: 200, Utilisation: 0.4, Queue: 8})
	want := 100 + 100*(1-1/math.E)
	if got := d.checks["c"].mean; math.Abs(got.Rate-want) > 1e-6 || math.Abs(got.Utilisation-want/500) > 1e-9 || math.Abs(got.Queue-want/25) > 1e-6 {
		t.Errorf("the mean is %+v, want a rate of %v", got, want)
	}
	d.read(2*stale, catalog.Reading{Rate: 7})
	if got := d.checks["c"].mean.Rate; got != 7 {
		t.Errorf("after a long silence the mean is %v, want the reading", got)
	}
	d.read(time.Second, catalog.Reading{Share: .5})
	if told := d.read(time.Second, catalog.Reading{Share: .51}); len(told) != 1 || told[0].load(1).Part() != .51 {
		t.Errorf("a share that was decided is told as %+v", told)
	}
}

func TestALoadThatIsReadNoMoreIsTakenBack(t *testing.T) {
	for claim, end := range map[string]func(*dial){
		"an answer without one":   func(d *dial) { d.take("c", nil, d.now); d.now = d.now.Add(tellAtMost) },
		"no answer for too long":  func(d *dial) { d.now = d.now.Add(stale + time.Second) },
		"both, and another after": func(d *dial) { d.take("c", nil, d.now); d.now = d.now.Add(2 * stale) },
	} {
		d := newDial()
		d.read(0, catalog.Reading{Rate: 10, Utilisation: 1})
		end(d)
		list, _ := d.due(d.now)
		if len(list) != 1 || list[0].load(1).Reported() {
			t.Errorf("%s: told %+v", claim, list)
		}
		d.now = d.now.Add(2 * stale)
		if list, _ := d.due(d.now); len(list) > 0 || len(d.checks) > 0 {
			t.Errorf("%s: later told %+v, and remembers %d", claim, list, len(d.checks))
		}
		if list := d.read(time.Second, catalog.Reading{Rate: 10, Utilisation: 1}); len(list) != 1 {
			t.Errorf("%s: when it comes back, told %+v", claim, list)
		}
	}
}

// A check that is taken away and comes back within the second has lost what was told.
func TestALoadThatComesBackIsToldThoughItIsTheSame(t *testing.T) {
	d := newDial()
	r := catalog.Reading{Rate: 10, Utilisation: 1}
	d.read(0, r)
	d.take("c", nil, d.now)
	if list := d.read(100*time.Millisecond, r); len(list) > 0 {
		t.Errorf("told twice within a second: %+v", list)
	}
	d.now = d.now.Add(tellAtMost)
	if list, _ := d.due(d.now); len(list) != 1 || !list[0].load(1).Reported() {
		t.Errorf("told %+v", list)
	}
}

func FuzzWhatIsToldIsPlausible(f *testing.F) {
	f.Add(1.0, 0.5, 3.0, int64(time.Second))
	f.Add(float64(catalog.MaxRate), float64(catalog.MaxUtilisation), float64(catalog.MaxQueue), int64(0))
	f.Add(1e-320, 1e-9, 0.04, int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, rate, used, queue float64, after int64) {
		r := catalog.Reading{Rate: rate, Utilisation: used, Queue: queue}
		if r.Check() != nil {
			t.Skip("it would have been refused where it was read")
		}
		d := newDial()
		for range 3 {
			for _, told := range d.read(time.Duration(max(0, after)/8), r) {
				l := told.load(1)
				if _, err := catalog.NewLoad(l.PerSecond(), l.Used(), l.InHand(), l.Serial); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func TestManyLoadsAreToldInTurn(t *testing.T) {
	d := newDial()
	for n := range 60 {
		d.take(strconv.Itoa(n), &catalog.Reading{Rate: 1}, d.now)
	}
	told := map[string]int{}
	for range 3 {
		list, wait := d.due(d.now)
		if len(list) > tellTogether || wait > pause && len(told) < 50 {
			t.Errorf("%d are told together, and the next %v later", len(list), wait)
		}
		for _, l := range list {
			told[l.checkID]++
		}
		d.now = d.now.Add(pause)
	}
	if len(told) != 60 {
		t.Errorf("%d of 60 were told", len(told))
	}
}

func TestALoadIsPartOfTheInstanceAndNotOfTheJournal(t *testing.T) {
	cfg := testConfig(t.TempDir())
	x := startAgent(t, cfg, Options{})
	ctx := t.Context()
	if err := x.RegisterService(ctx, web(80, ttl("a", catalog.Passing), ttl("b", catalog.Passing)), false); err != nil {
		t.Fatal(err)
	}
	update := func(id string, r *catalog.Reading) {
		t.Helper()
		if err := x.UpdateTTL(ctx, id, catalog.Passing, "", r); err != nil {
			t.Fatal(err)
		}
	}
	update("b", &catalog.Reading{Rate: 16, Utilisation: 1, Share: .5})
	x.wantLoad(t, "of its one check", 16, .5)
	update("a", &catalog.Reading{Rate: 8, Utilisation: .5})
	x.wantLoad(t, "measured by the first by ID, with the share that one asks for", 8, .5)
	update("b", &catalog.Reading{Weight: 6})
	x.wantLoad(t, "a weight of 6 instead of 3", 8, 2)
	service := web(80)
	service.Weights.Passing = 4
	if err := x.RegisterService(ctx, service, false); err != nil {
		t.Fatal(err)
	}
	x.wantLoad(t, "a weight of 6 instead of 4", 8, 1.5)
	update("a", nil)
	x.wantLoad(t, "after an update that does not speak of it", 8, 1.5)
	if err := x.DeregisterCheck(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	x.wantLoad(t, "without the check that measured", 0, 1.5)
	if err := x.RegisterCheck(ctx, definition.Check{ID: "b", Name: "b", ServiceID: "web-80", TTL: time.Minute}); err != nil {
		t.Fatal(err)
	}
	x.wantLoad(t, "when its check was replaced", 0, 0)
	update("b", &catalog.Reading{Rate: 3, Utilisation: 1})
	x.wantLoad(t, "of the new check", 3, 0)
	x.kill(t)
	y := startAgent(t, cfg, Options{})
	y.wantLoad(t, "after a restart", 0, 0)
}

func TestANodeHasNoLoad(t *testing.T) {
	x := startAgent(t, testConfig(t.TempDir()), Options{})
	if err := x.RegisterCheck(t.Context(), ttl("n", catalog.Passing)); err != nil {
		t.Fatal(err)
	}
	err := x.UpdateTTL(t.Context(), "n", catalog.Warning, "", &catalog.Reading{Rate: 1})
	if fault.KindOf(err) != fault.Invalid || x.Local().Checks[0].Status != catalog.Passing {
		t.Errorf("an update of the node's check with a load: %v", err)
	}
}

// wantLoad waits until the instance has that load.
func (x *testAgent) wantLoad(t *testing.T, claim string, rate, share float64) {
	t.Helper()
	x.waitFor(t, fmt.Sprintf("%s: a rate of %v and a share of %v", claim, rate, share), func() bool {
		e := x.endpoint("web-80")
		return e != nil && e.Load().PerSecond() == rate && e.Load().Part() == share
	})
}
