package agent

import (
	"testing"
	"time"
)

func TestSimulatedJoinStorm(t *testing.T) {
	simulate(t, 50, func(s *simulation) {
		s.startAll()
		each(s.up(), func(a *simAgent) { a.register(); a.register() })
		s.settle("all joined at once", time.Minute)
		s.quiet()
	})
}
