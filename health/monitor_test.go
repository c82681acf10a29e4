package health

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"covey/catalog"
	"covey/internal/bubble"
	"covey/internal/fault"
)

func TestReportsComeWhenStatusOrOutputChangedAndNeverElse(t *testing.T) {
	in(t, Config{}, func(t *testing.T, b *bench) {
		s, def := b.service("web", time.Second, passes)
		b.Set(def, catalog.Passing, "fine")
		pass(time.Minute)
		wantReports(t, b.taken())

		for _, v := range []verdict{fails, {status: catalog.Critical, output: "burnt down"}, passes} {
			s.set(v)
			pass(10 * time.Second)
			wantReports(t, b.taken(), found("web", v.status, v.output))
		}
	})
}

func TestThresholdsCountRunsInARow(t *testing.T) {
	for _, c := range []struct {
		passing, warning, critical int
		runs, want                 string // p passes, w warns, c is critical
	}{
		{0, 0, 0, "pcpwc", "pcpwc"},
		{1, 1, 1, "pcpwc", "pcpwc"},
		{3, 0, 0, "pppcpppwww", "ccpcccpwww"},
		{3, 0, 0, "ppcppwp", "cccccwp"},
		{0, 0, 3, "pccpcccc", "ppppppcc"},
		{0, 2, 4, "pcccccp", "ppwwccp"},
		{2, 1, 2, "pcppcpp", "cwwpwwp"},
		{0, 1, 3, "cccpw", "wwcpw"},
	} {
		def := checkNamed("x")
		def.SuccessBeforePassing, def.FailuresBeforeWarning, def.FailuresBeforeCritical = c.passing, c.warning, c.critical
		k := newCheck(&def, &stub{})
		k.begin(catalog.Critical, "")
		got := ""
		for _, run := range c.runs {
			k.judge(map[rune]verdict{'p': passes, 'w': warns, 'c': fails}[run])
			got += k.status.String()[:1]
		}
		if got != c.want {
			t.Errorf("passing %d, warning %d, critical %d: runs %s gave %s, want %s",
				c.passing, c.warning, c.critical, c.runs, got, c.want)
		}
	}
}

func TestATTLExpiresUnlessItIsUpdated(t *testing.T) {
	in(t, Config{}, func(t *testing.T, b *bench) {
		b.Set(ttl("job", 10*time.Second), catalog.Passing, "started")
		pass(9 * time.Second)
		if err := b.Beat("job", catalog.Warning, "half full"); err != nil {
			t.Fatal(err)
		}
		pass(9 * time.Second)
		wantReports(t, b.taken(), found("job", catalog.Warning, "half full"))
		pass(time.Second)
		wantReports(t, b.taken(), found("job", catalog.Critical,
			"TTL expired: no update for 10s; the last one said: half full"))
		pass(time.Hour)
		wantReports(t, b.taken())

		if err := b.Beat("job", catalog.Passing, "back\x00\n\xff"); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Second)
		wantReports(t, b.taken(), found("job", catalog.Passing, "back\uFFFD \uFFFD"),
			found("job", catalog.Critical, "TTL expired: no update for 10s; the last one said: back\uFFFD \uFFFD"))

		b.Set(ttl("job", 10*time.Second), catalog.Passing, "registered again")
		pass(9 * time.Second)
		b.Set(ttl("job", 10*time.Second), catalog.Passing, "and again")
		pass(9 * time.Second)
		wantReports(t, b.taken())
		pass(time.Second)
		wantReports(t, b.taken(), found("job", catalog.Critical, "TTL expired: no update for 10s; the last one said: and again"))
	})
}

func TestAnUpdateThatCannotBeSaysWhy(t *testing.T) {
	in(t, Config{}, func(t *testing.T, b *bench) {
		_, def := b.service("web", time.Second, passes)
		b.Set(def, catalog.Passing, "")
		for id, kind := range map[string]fault.Kind{"web": fault.Invalid, "none": fault.NotFound} {
			if err := b.Beat(id, catalog.Passing, ""); fault.KindOf(err) != kind || !strings.Contains(err.Error(), id) {
				t.Errorf("Beat(%s): %v", id, err)
			}
		}
	})
}

func TestWhatARunOfAReplacedCheckFindsIsDropped(t *testing.T) {
	in(t, Config{}, func(t *testing.T, b *bench) {
		s, def := b.service("web", 10*time.Second, fails)
		s.takes, s.deaf = 5*time.Second, true
		b.Set(def, catalog.Passing, "")
		pass(time.Second)
		def.TCP = "elsewhere"
		b.stubs["elsewhere"] = &stub{answer: passes}
		b.Set(def, catalog.Passing, "fine")
		pass(30 * time.Second)
		wantReports(t, b.taken())

		_, def = b.service("gone", 10*time.Second, fails)
		b.stubs["gone"].takes = 5 * time.Second
		b.Set(def, catalog.Passing, "")
		pass(time.Second)
		b.Remove("gone")
		b.Remove("gone")
		bubble.Wait()
		if under := b.stubs["gone"].under; under > 0 {
			t.Error("the run of a removed check goes on")
		}
		pass(time.Minute)
		wantReports(t, b.taken())
	})
}

func TestSettingTheSameDefinitionAgainDisturbsNothing(t *testing.T) {
	in(t, Config{}, func(t *testing.T, b *bench) {
		s, def := b.service("web", 10*time.Second, fails)
		s.takes = 3 * time.Second
		for range 120 { // a service that registers itself each second
			b.Set(def, catalog.Passing, "")
			pass(time.Second)
		}
		if n := len(s.times()); n < 11 || n > 14 {
			t.Errorf("%d runs in 12 intervals", n)
		}
		if n := len(b.taken()); n < 11 {
			t.Errorf("%d reports of a failing check that is said to pass again and again", n)
		}
	})
}

func TestNoMoreRunsAtOnceThanAllowed(t *testing.T) {
	in(t, Config{MaxConcurrent: 8}, func(t *testing.T, b *bench) {
		s, def := b.service("hang", 10*time.Second, passes)
		s.takes = time.Hour
		for i := range 100 {
			def.ID = fmt.Sprint(i)
			b.Set(def, catalog.Passing, "")
		}
		pass(5 * time.Minute)
		if s.most > 8 {
			t.Errorf("%d runs at once", s.most)
		}
		if n := len(s.times()); n < 100 {
			t.Errorf("%d runs in five minutes", n)
		}
	})
}

func TestServicesThatHangDoNotHoldUpTheOthers(t *testing.T) {
	in(t, Config{MaxConcurrent: 8}, func(t *testing.T, b *bench) {
		hang, def := b.service("hang", 10*time.Second, passes)
		hang.takes = time.Hour
		for i := range 100 {
			def.ID = fmt.Sprint("hang", i)
			b.Set(def, catalog.Passing, "")
		}
		pass(3 * time.Minute) // all have hung once
		quick, def := b.service("quick", 10*time.Second, passes)
		b.Set(def, catalog.Critical, "")
		pass(10 * time.Minute)
		if n := len(quick.times()); n < 59 {
			t.Errorf("%d runs in 60 intervals", n)
		}
		hung := len(hang.times())
		pass(10 * time.Minute)
		if n := len(hang.times()) - hung; n < 200 { // four of them at 10 s each make 240
			t.Errorf("those that hang had %d runs in ten minutes", n)
		}
	})
}

func TestARunThatLastsLongerThanAnIntervalIsNotDoubled(t *testing.T) {
	in(t, Config{}, func(t *testing.T, b *bench) {
		s, def := b.service("web", time.Second, passes)
		s.takes, def.Timeout = 2500*time.Millisecond, 5*time.Second
		b.Set(def, catalog.Passing, "fine")
		pass(time.Minute)
		if s.most > 1 {
			t.Errorf("%d runs at once", s.most)
		}
		if n := len(s.times()); n < 18 || n > 25 {
			t.Errorf("%d runs in a minute, each 2.5 s", n)
		}
	})
}

func TestTheAgentsOwnTroubleSaysNothingAboutAService(t *testing.T) {
	var log bytes.Buffer
	in(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, func(t *testing.T, b *bench) {
		s, def := b.service("web", time.Second, verdict{status: catalog.Critical, spoilt: syscall.EMFILE})
		b.Set(def, catalog.Passing, "fine")
		pass(3*time.Minute + 30*time.Second)
		if n := strings.Count(log.String(), "raise its limit of open files"); n != 4 {
			t.Errorf("logged %d times in three and a half minutes:\n%s", n, log.String())
		}

		// This one claims to fail, but only because its process stood still: no run
		// lasts beyond its timeout else.
		s.set(fails)
		s.mu.Lock()
		s.takes, s.deaf = time.Minute, true
		s.mu.Unlock()
		pass(5 * time.Minute)
		wantReports(t, b.taken())
	})
}

func TestASlowReceiverGetsTheLastReportsAndTheyAreFew(t *testing.T) {
	in(t, Config{}, func(t *testing.T, b *bench) {
		hold := make(chan struct{})
		b.mu.Lock()
		b.hold = hold
		b.mu.Unlock()
		b.Set(ttl("a", time.Hour), catalog.Passing, "")
		b.Set(ttl("b", time.Hour), catalog.Passing, "")
		for i := range 1000 {
			b.Beat("a", catalog.Passing, fmt.Sprint("a", i))
			b.Beat("b", catalog.Passing, fmt.Sprint("b", i))
			if i == 0 {
				bubble.Wait() // a's first report is held
			}
		}
		close(hold)
		bubble.Wait()
		wantReports(t, b.taken(), found("a", catalog.Passing, "a0"),
			found("b", catalog.Passing, "b999"), found("a", catalog.Passing, "a999"))
	})
}

// A report on its way while the check is replaced may be taken for the new check's.
func TestACheckReplacedDuringAReportIsReportedAsItStands(t *testing.T) {
	for _, replaced := range []bool{true, false} {
		in(t, Config{}, func(t *testing.T, b *bench) {
			hold := make(chan struct{})
			b.mu.Lock()
			b.hold = hold
			b.mu.Unlock()
			b.Set(ttl("job", time.Hour), catalog.Passing, "")
			b.Beat("job", catalog.Critical, "broken")
			bubble.Wait()
			if replaced {
				b.Remove("job")
				b.Set(ttl("job", time.Minute), catalog.Passing, "new")
			} else {
				b.Set(ttl("job", time.Hour), catalog.Passing, "new")
			}
			close(hold)
			bubble.Wait()
			wantReports(t, b.taken(), found("job", catalog.Critical, "broken"), found("job", catalog.Passing, "new"))
		})
	}
}

func TestReportMayCallTheMonitor(t *testing.T) {
	var b *bench
	removed := false
	in(t, Config{Report: func(r Report) {
		b.Remove(r.CheckID)
		b.Set(ttl("other", time.Minute), catalog.Passing, "")
		removed = true
	}}, func(t *testing.T, it *bench) {
		b = it
		b.Set(ttl("job", time.Second), catalog.Passing, "")
		pass(time.Second)
		if err := b.Beat("job", catalog.Passing, ""); !removed || fault.KindOf(err) != fault.NotFound {
			t.Errorf("removed %v, then Beat: %v", removed, err)
		}
	})
}

func TestFlushReturnsWhenWhatCameBeforeIsReported(t *testing.T) {
	in(t, Config{}, func(t *testing.T, b *bench) {
		b.Set(ttl("job", time.Hour), catalog.Critical, "")
		b.Beat("job", catalog.Passing, "up")
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantReports(t, b.taken(), found("job", catalog.Passing, "up"))

		hold := make(chan struct{})
		b.mu.Lock()
		b.hold = hold
		b.mu.Unlock()
		b.Beat("job", catalog.Passing, "still up")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Flush with a slow receiver: %v", err)
		}
		close(hold)
	})
}

func TestBeforeRunNothingHappensAndAfterCloseNeither(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b := newBench(Config{})
		s, def := b.service("web", time.Second, fails)
		s.takes = time.Hour
		b.Set(def, catalog.Passing, "")
		b.Set(ttl("job", 10*time.Second), catalog.Passing, "")
		pass(time.Hour)
		if len(s.times()) > 0 || len(b.taken()) > 0 {
			t.Error("something ran before Run")
		}
		ran := make(chan error)
		go func() { ran <- b.Run(context.Background()) }()
		pass(9 * time.Second)
		wantReports(t, b.taken(), found("web", catalog.Critical, "hangs"))
		if err := b.Run(context.Background()); err == nil {
			t.Error("a second Run began")
		}

		b.Beat("job", catalog.Warning, "last words")
		begin := time.Now()
		b.Close()
		b.Close()
		if err := <-ran; err != nil || time.Since(begin) > 0 {
			t.Errorf("Run returned %v after %v", err, time.Since(begin))
		}
		wantReports(t, b.taken(), found("job", catalog.Warning, "last words"))

		b.Set(ttl("late", time.Second), catalog.Passing, "")
		b.Remove("web")
		for _, err := range []error{b.Beat("job", catalog.Passing, ""), b.Flush(t.Context())} {
			if fault.KindOf(err) != fault.Unavailable {
				t.Errorf("after Close: %v", err)
			}
		}
		pass(time.Hour)
		wantReports(t, b.taken())
	})
}

func TestAMonitorClosedBeforeRunDoesNotRun(t *testing.T) {
	b := newBench(Config{})
	b.Close()
	if err := b.Run(context.Background()); err != nil {
		t.Error(err)
	}
	if err := b.Flush(context.Background()); fault.KindOf(err) != fault.Unavailable {
		t.Error(err)
	}
}

func TestTheEndOfItsContextEndsRun(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		b := newBench(Config{})
		s, def := b.service("web", time.Second, fails)
		s.takes = time.Hour
		b.Set(def, catalog.Passing, "fine")
		ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
		defer cancel()
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
		wantReports(t, b.taken()) // a run that was cut short says nothing
	})
}
