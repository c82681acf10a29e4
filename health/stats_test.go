package health

import (
	"testing"
	"time"

	"covey/catalog"
)

func TestLatenessIsCountedUpToItsBound(t *testing.T) {
	var l Lateness
	for _, d := range []time.Duration{-time.Second, 0, time.Millisecond, 2 * time.Millisecond, time.Second, 31 * time.Second} {
		l.add(d)
	}
	if want := [len(LatenessBounds) + 1]uint64{3, 1, 0, 0, 1, 0, 0, 1}; l.Count != want {
		t.Errorf("got %v, want %v", l.Count, want)
	}
	if l.Sum < 32.002 || l.Sum > 32.004 {
		t.Errorf("the sum is %v", l.Sum)
	}
}

func TestRunsThatWaitForOthersAreLate(t *testing.T) {
	in(t, Config{MaxConcurrent: 1}, func(t *testing.T, b *bench) {
		for _, id := range []string{"a", "b"} {
			s, def := b.service(id, 10*time.Second, passes)
			s.takes = 4 * time.Second
			b.Set(def, catalog.Critical, "")
		}
		pass(21 * time.Second)
		s := b.Stats()
		if late := s.Lateness.Count[5] + s.Lateness.Count[6]; s.Runs < 3 || late == 0 || late >= s.Runs {
			t.Errorf("%+v", s)
		}
	})
}

func TestARunThatOutlastsItsIntervalPassesTheNextOver(t *testing.T) {
	in(t, Config{}, func(t *testing.T, b *bench) {
		s, def := b.service("a", 2*time.Second, passes)
		def.Timeout = 5 * time.Second
		s.takes = time.Hour
		b.Set(def, catalog.Critical, "")
		pass(30 * time.Second)
		if s := b.Stats(); s.PassedOver < 5 || s.TimedOut < 3 || s.Runs < s.TimedOut || s.Running > 1 {
			t.Errorf("%+v", s)
		}
	})
}
