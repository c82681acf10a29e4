package httpapi

import (
	"math/rand/v2"
	"time"

	"covey/internal/fault"
)

// block returns as soon as look says that an answer is due, or after wait and its jitter,
// or when the server closes. In between it sleeps on the channel that look returned, which
// is closed when it is worth looking again.
func (s *Server) block(r *request, wait time.Duration, look func() (due bool, changed <-chan struct{})) error {
	due, changed := look()
	if due {
		return nil
	}
	defer s.count.waiting.Add(-1)
	if s.count.waiting.Add(1) > int64(s.cfg.MaxWaiting) {
		s.count.waitsRefused.Add(1)
		return fault.New(fault.Unavailable, "this agent has %d blocking reads under way, as many as it takes; try again later", s.cfg.MaxWaiting)
	}
	timer := time.NewTimer(wait + rand.N(wait/jitterShare+1))
	defer timer.Stop()
	defer r.waits()()
	for {
		select {
		case <-changed:
		case <-timer.C:
			look()
			return nil
		case <-s.stopping:
			look()
			return nil
		case <-r.Context().Done():
			return r.Context().Err()
		}
		if due, changed = look(); due {
			return nil
		}
	}
}
