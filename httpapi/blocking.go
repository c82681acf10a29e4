package httpapi

import (
	"math/rand/v2"
	"time"

	"covey/internal/fault"
)

// block returns as soon as look says that an answer is due, or after wait and its jitter,
// or when the server closes. In between it sleeps on the channel that look returned, which
// is closed when it is worth looking again. If it returns errParked, the request will be
// read again when all that has come about, and block returns at once then.
func (s *Server) block(r *request, wait time.Duration, look func() (due bool, changed <-chan struct{})) error {
	due, changed := look()
	if due || afterWait(r.Request) {
		return nil
	}
	if s.count.waiting.Add(1) > int64(s.cfg.MaxWaiting) {
		s.count.waiting.Add(-1)
		s.count.waitsRefused.Add(1)
		return fault.New(fault.Unavailable, "this agent has %d blocking reads under way, as many as it takes; try again later", s.cfg.MaxWaiting)
	}
	n := &nap{time.NewTimer(wait + rand.N(wait/jitterShare+1)), changed, look}
	if s.park(r, n) {
		return errParked
	}
	defer s.count.waiting.Add(-1)
	defer r.waits()()
	if !n.sleep(s.stopping, r.Context().Done()) {
		return r.Context().Err()
	}
	return s.authorize(r, r.wants) // as who parked is, when read again
}

// nap is the wait of a blocked read.
type nap struct {
	end     *time.Timer
	changed <-chan struct{}
	look    func() (due bool, changed <-chan struct{})
}

// sleep returns when an answer is due, or reports false when something is heard of the
// client, after which it may be called again.
func (n *nap) sleep(stopping, heard <-chan struct{}) (due bool) {
	for {
		select {
		case <-n.changed:
			if due, n.changed = n.look(); due {
				n.end.Stop()
				return true
			}
		case <-n.end.C:
			return true
		case <-stopping:
			n.end.Stop()
			return true
		case <-heard:
			return false
		}
	}
}
