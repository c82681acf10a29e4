package health

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/internal/bubble"
)

func TestANewCheckIsRunSoon(t *testing.T) {
	in(t, Config{}, func(t *testing.T, b *bench) {
		_, slow := b.service("slow", time.Hour, passes)
		_, quick := b.service("quick", 20*time.Millisecond, passes)
		b.Set(slow, catalog.Critical, "")
		b.Set(quick, catalog.Critical, "")
		pass(20 * time.Millisecond)
		if status := b.status("quick"); status != catalog.Passing {
			t.Errorf("after one interval the quick one is %v", status)
		}
		pass(firstRuns)
		if status := b.status("slow"); status != catalog.Passing {
			t.Errorf("after %v the one with a long interval is %v", firstRuns, status)
		}
	})
}

func TestRunsAreOneIntervalApartWithoutDrift(t *testing.T) {
	const interval, runs = 10 * time.Second, 1000
	in(t, Config{}, func(t *testing.T, b *bench) {
		s, def := b.service("web", interval, passes)
		s.takes = 3 * time.Second
		b.Set(def, catalog.Critical, "")
		pass(runs * interval)
		times := s.times()
		if n := len(times); n < runs || n > runs+2 {
			t.Fatalf("%d runs in %d intervals", n, runs)
		}
		distinct := map[time.Duration]bool{}
		for i := 2; i < len(times); i++ {
			gap := times[i].Sub(times[i-1])
			distinct[gap] = true
			if gap < interval*95/100 || gap > interval*105/100 {
				t.Fatalf("run %d came %v after the one before", i, gap)
			}
		}
		span := times[len(times)-1].Sub(times[1])
		if drift := span - time.Duration(len(times)-2)*interval; drift.Abs() > interval/10 {
			t.Errorf("drifted by %v", drift)
		}
		if len(distinct) < 100 {
			t.Errorf("only %d different gaps: no jitter", len(distinct))
		}
	})
}

// busiest returns the most runs in any step of the time after begin.
func busiest(times []time.Time, begin time.Time, step time.Duration) int {
	count, most := map[time.Duration]int{}, 0
	for _, at := range times {
		n := at.Sub(begin) / step
		count[n]++
		most = max(most, count[n])
	}
	return most
}

func TestThousandsOfChecksDoNotRunAtOnce(t *testing.T) {
	const checks, interval = 5000, 10 * time.Second
	bubble.Test(t, func(t *testing.T) {
		b := newBench(Config{MaxConcurrent: checks})
		all, def := b.service("web", interval, passes)
		for i := range checks {
			def.ID = fmt.Sprint(i)
			b.Set(def, catalog.Critical, "")
		}
		go b.Run(t.Context())
		begin := time.Now()
		pass(interval)
		if n := len(all.times()); n < checks {
			t.Errorf("%d of %d had their first run within an interval", n, checks)
		}
		pass(5 * interval)
		// 50 in 100 ms is the average, twice that where the last first runs meet second
		// ones, which come early; chance adds some.
		if most := busiest(all.times(), begin, 100*time.Millisecond); most > 160 {
			t.Errorf("%d runs within 100 ms", most)
		}
		if all.most > 1 {
			t.Errorf("%d at the same instant", all.most)
		}
		b.Close()
	})
}

// plan is an agenda with n checks that have all run once, and the time.
func plan(n int, def definition.Check) (*agenda, time.Time) {
	a := &agenda{rand: rand.New(rand.NewPCG(1, 2))}
	now := time.Now()
	for range n {
		c := newCheck(&def, &stub{})
		if def.TTL > 0 {
			c = newCheck(&def, nil)
		}
		a.add(c, now)
	}
	return a, now
}

// until advances the agenda as a punctual caller does, and counts what was due.
func (a *agenda) until(now, end time.Time) (due int, last time.Time) {
	for {
		due += len(a.advance(now))
		wait, any := a.wait(now)
		if !any || now.Add(wait).After(end) {
			return due, now
		}
		now = now.Add(wait)
	}
}

func TestMissedRunsAreNotMadeUp(t *testing.T) {
	const checks, interval = 1000, 10 * time.Second
	a, begin := plan(checks, definition.Check{TCP: "x", Interval: interval})
	_, now := a.until(begin, begin.Add(time.Minute))

	for _, stop := range []time.Duration{5 * time.Second, time.Minute, 24 * time.Hour} {
		now = now.Add(stop) // the process stood still
		if n := len(a.advance(now)); n > checks/100 {
			t.Errorf("after %v %d of %d checks run at once", stop, n, checks)
		}
		most, total := 0, 0
		resumed := now
		for now.Before(resumed.Add(interval)) {
			var n int
			n, now = a.until(now, now.Add(tick))
			most, total = max(most, n), total+n
			wait, _ := a.wait(now)
			now = now.Add(wait)
		}
		if most > 3*checks/10 {
			t.Errorf("after %v %d of %d checks run within a second", stop, most, checks)
		}
		if total < checks*9/10 || total > checks*12/10 {
			t.Errorf("after %v %d runs of %d checks within an interval", stop, total, checks)
		}
	}
}

func TestATTLDoesNotRunWhileTheProcessStandsStill(t *testing.T) {
	const ttl = 10 * time.Second
	a, begin := plan(1, definition.Check{TTL: ttl})
	_, now := a.until(begin, begin.Add(7*time.Second))

	now = now.Add(time.Hour)
	if n := len(a.advance(now)); n > 0 {
		t.Fatal("expired while nobody could be heard")
	}
	if n, _ := a.until(now, now.Add(2*time.Second)); n > 0 {
		t.Error("expired before the rest of its time was over")
	}
	if n, _ := a.until(now, now.Add(4*time.Second)); n != 1 {
		t.Error("did not expire when the rest of its time was over")
	}
}

func TestABeatRightAfterAStandstillIsNotGivenItsTimeTwice(t *testing.T) {
	const ttl = 10 * time.Second
	a, begin := plan(1, definition.Check{TTL: ttl})
	c := a.queue[0]
	_, now := a.until(begin, begin.Add(7*time.Second))
	now = now.Add(time.Hour)
	a.renew(c, now) // before the agenda was asked
	a.advance(now)
	if left := c.slot.due.Sub(now); left != ttl {
		t.Errorf("%v left of %v", left, ttl)
	}
}

func TestAnAgendaNeverHandsOutTheSameCheckTwiceAtOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	a, now := plan(50, definition.Check{TCP: "x", Interval: 10 * time.Millisecond})
	for range 20_000 {
		seen := map[*check]bool{}
		for _, c := range a.advance(now) {
			if seen[c] {
				t.Fatal("twice")
			}
			seen[c] = true
		}
		now = now.Add(time.Duration(r.Int64N(int64(15 * time.Millisecond))))
		if r.IntN(100) == 0 {
			now = now.Add(time.Minute)
		}
		if c := a.queue[r.IntN(len(a.queue))]; r.IntN(10) == 0 {
			a.remove(c)
			a.add(c, now)
		}
	}
}
