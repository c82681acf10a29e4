package lb

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Unix(1_700_000_000, 0)

func instances(n int) (all []Instance) {
	for i := range n {
		all = append(all, Instance{fmt.Sprint("n", i), "web"})
	}
	return all
}

// fail reports failures until the instance is ejected, at most so many.
func fail(o *Outliers, i Instance, now time.Time, all []Instance) bool {
	for range failuresInRow {
		if o.Report(i, false, now, all) {
			return true
		}
	}
	return false
}

func TestFiveFailuresInARowEject(t *testing.T) {
	var o Outliers
	all := instances(4)
	for range 4 {
		if o.Report(all[0], false, start, all) {
			t.Fatal("ejected early")
		}
	}
	o.Report(all[0], true, start, all)
	if !fail(&o, all[0], start, all) {
		t.Fatal("five in a row do not eject")
	}
	out, next := o.Out(start, all)
	if len(out) != 1 || out[0] != all[0] || !next.Equal(start.Add(30*time.Second)) {
		t.Errorf("%v until %v", out, next)
	}
	if out, _ := o.Out(start.Add(30*time.Second), all); len(out) != 0 {
		t.Errorf("%v is out for more than 30 s", out)
	}
}

func TestEjectionsGrowToFiveMinutesAndAreLivedDown(t *testing.T) {
	var o Outliers
	all := instances(4)
	now := start
	for n := 1; n <= 14; n++ {
		if !fail(&o, all[0], now, all) {
			t.Fatalf("not ejected the %d. time", n)
		}
		_, next := o.Out(now, all)
		if want := min(30*time.Second*time.Duration(n), 300*time.Second); next.Sub(now) != want {
			t.Fatalf("the %d. ejection lasts %v, want %v", n, next.Sub(now), want)
		}
		now = next
	}
	now = now.Add(14 * 30 * time.Second)
	fail(&o, all[0], now, all)
	if _, next := o.Out(now, all); next.Sub(now) != 30*time.Second {
		t.Errorf("after a long while it is out for %v", next.Sub(now))
	}
}

func TestATenthIsOutAtMostButOne(t *testing.T) {
	for n, most := range map[int]int{1: 0, 2: 1, 9: 1, 20: 2, 35: 3} {
		var o Outliers
		all := instances(n)
		for _, i := range all {
			fail(&o, i, start, all)
		}
		if out, _ := o.Out(start, all); len(out) != most {
			t.Errorf("of %d, %d are out, want %d", n, len(out), most)
		}
	}
	// With fewer left, fewer may be out.
	var o Outliers
	all := instances(20)
	fail(&o, all[0], start, all)
	fail(&o, all[1], start.Add(time.Second), all)
	out, _ := o.Out(start.Add(time.Second), all[:5])
	if len(out) != 1 || out[0] != all[1] {
		t.Errorf("%v is out of five", out)
	}
	if out, _ := o.Out(start.Add(time.Second), all[1:2]); len(out) != 0 {
		t.Error("the only one is out")
	}
}

// Whatever is reported, and however the clock jumps, somebody is left, and nobody is out
// for longer than five minutes.
func TestOutliersStayWithinTheirLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o Outliers
		all := instances(rapid.IntRange(1, 25).Draw(t, "n"))
		now := start
		for range 300 {
			now = now.Add(time.Duration(rapid.IntRange(-400, 400).Draw(t, "seconds")) * time.Second / 4)
			i := all[rapid.IntRange(0, len(all)-1).Draw(t, "which")]
			if rapid.Bool().Draw(t, "bursts") {
				fail(&o, i, now, all)
			} else {
				o.Report(i, rapid.Bool().Draw(t, "ok"), now, all)
			}
			out, next := o.Out(now, all)
			if len(out) > max(1, len(all)/10) || len(out) >= len(all) {
				t.Fatalf("%d of %d are out", len(out), len(all))
			}
			if len(out) > 0 && (next.Sub(now) > ejectAtMost || !next.After(now)) {
				t.Fatalf("out until %v from now", next.Sub(now))
			}
		}
	})
}

func TestReportsOfStrangersAreNotKept(t *testing.T) {
	var o Outliers
	o.Report(Instance{"x", "y"}, false, start, instances(3))
	if len(o.reported) != 0 {
		t.Error("a report of nobody is kept")
	}
	o.Report(instances(3)[0], false, start, instances(3))
	if o.Sweep(start.Add(time.Minute)) || !o.Sweep(start.Add(2*forgottenAfter)) {
		t.Error("what is old is not forgotten, or what is new is")
	}
}

// An ejection from before the clock went back has passed, and is in no new one's way.
func TestAClockThatWentBackKeepsNobodyFromBeingEjected(t *testing.T) {
	var o Outliers
	all := instances(4)
	fail(&o, all[0], start, all)
	earlier := start.Add(-time.Hour)
	if !fail(&o, all[0], earlier, all) {
		t.Error("not ejected though it fails")
	}
	if out, _ := o.Out(earlier, all); len(out) != 1 {
		t.Errorf("%v is out", out)
	}
}
