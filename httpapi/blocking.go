package httpapi

import (
	"context"
	"math/rand/v2"
	"time"

	"covey/catalog"
	"covey/internal/fault"
)

// block returns the catalogue as soon as it is due, or as it stands after wait and
// its jitter, or when the server closes. In between it sleeps on the channel that
// watch gives for each view it has seen.
func (s *Server) block(ctx context.Context, wait time.Duration, due func(*catalog.View) bool, watch func(*catalog.View) <-chan struct{}) (*catalog.View, error) {
	v := s.cfg.Catalog.View()
	if due(v) {
		return v, nil
	}
	defer s.count.waiting.Add(-1)
	if s.count.waiting.Add(1) > int64(s.cfg.MaxWaiting) {
		s.count.waitsRefused.Add(1)
		return nil, fault.New(fault.Unavailable, "this agent has %d blocking reads under way, as many as it takes; try again later", s.cfg.MaxWaiting)
	}
	timer := time.NewTimer(wait + rand.N(wait/jitterShare+1))
	defer timer.Stop()
	for {
		select {
		case <-watch(v):
		case <-timer.C:
			return s.cfg.Catalog.View(), nil
		case <-s.stopping:
			return s.cfg.Catalog.View(), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if v = s.cfg.Catalog.View(); due(v) {
			return v, nil
		}
	}
}
