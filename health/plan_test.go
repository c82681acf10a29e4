package health

import (
	"context"
	"errors"
	"testing"
	"time"

	"covey/catalog"
	"covey/internal/bubble"
	"covey/internal/fault"
)

func TestACheckCanBeRunAtOnce(t *testing.T) {
	in(t, Config{}, func(t *testing.T, b *bench) {
		s, def := b.service("web", time.Hour, passes)
		s.takes = 3 * time.Second
		b.Set(def, catalog.Critical, "")
		pass(time.Minute)
		b.taken()
		first := b.Plans()["web"]
		if first.Took != 3*time.Second || first.Next.Before(time.Now()) || time.Until(first.Next) > 2*time.Hour {
			t.Errorf("the plan is %+v", first)
		}
		s.set(fails)
		begin := time.Now()
		if err := b.RunNow(t.Context(), "web"); err != nil {
			t.Fatal(err)
		}
		wantReports(t, b.taken(), found("web", catalog.Critical, "broken"))
		p := b.Plans()["web"]
		if took := time.Since(begin); took != 3*time.Second || !p.Ran.Equal(time.Now()) || !p.Next.Equal(first.Next) {
			t.Errorf("it took %v, and the plan is %+v", took, p)
		}
	})
}

// What a run under way finds may be from before somebody asked.
func TestARunThatIsUnderWayIsNotTheOneAskedFor(t *testing.T) {
	in(t, Config{}, func(t *testing.T, b *bench) {
		s, def := b.service("web", time.Hour, passes)
		s.takes = 10 * time.Second
		b.Set(def, catalog.Critical, "")
		pass(5 * time.Second)
		done := make(chan error, 2)
		for range 2 {
			go func() { done <- b.RunNow(t.Context(), "web") }()
		}
		pass(10 * time.Second)
		if len(done) > 0 || len(s.times()) != 2 {
			t.Fatalf("%d answers, %d runs", len(done), len(s.times()))
		}
		pass(10 * time.Second)
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if n := len(s.times()); n != 2 {
			t.Errorf("%d runs", n)
		}
	})
}

func TestWhatCannotBeRunSaysWhy(t *testing.T) {
	in(t, Config{}, func(t *testing.T, b *bench) {
		b.Set(ttl("job", time.Hour), catalog.Passing, "")
		s, def := b.service("web", time.Hour, passes)
		s.takes = time.Minute
		b.Set(def, catalog.Passing, "")
		for id, kind := range map[string]fault.Kind{"job": fault.Invalid, "none": fault.NotFound} {
			if err := b.RunNow(t.Context(), id); fault.KindOf(err) != kind {
				t.Errorf("%s: %v", id, err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.RunNow(ctx, "web"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		removed, closed := make(chan error), make(chan error)
		go func() { removed <- b.RunNow(t.Context(), "web") }()
		bubble.Wait()
		b.Remove("web")
		if err := <-removed; fault.KindOf(err) != fault.NotFound {
			t.Error(err)
		}
		b.Set(def, catalog.Passing, "")
		pass(time.Second)
		go func() { closed <- b.RunNow(t.Context(), "web") }()
		bubble.Wait()
		b.Close()
		if err := <-closed; fault.KindOf(err) != fault.Unavailable {
			t.Error(err)
		}
		if err := b.RunNow(t.Context(), "web"); fault.KindOf(err) != fault.Unavailable {
			t.Error(err)
		}
	})
}
