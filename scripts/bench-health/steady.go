//go:build unix

package main

import (
	"fmt"
	"slices"
	"time"

	"covey/scripts/measure"
)

// steady watches an agent that checks services which are well.
func (b *bench) steady() error {
	s, err := serve(b.checks, false)
	if err != nil {
		return err
	}
	defer s.close()
	a, err := b.start()
	if err != nil {
		return err
	}
	defer a.Kill()
	if err := s.register(a, b.interval); err != nil {
		return err
	}
	// The first runs come soon after registration, and the second ones shift to spread.
	time.Sleep(2*b.interval + time.Second)
	s.forget()
	before, err := measure.CPUTime(a.PID())
	if err != nil {
		return err
	}
	began := time.Now()
	time.Sleep(b.over)
	after, err := measure.CPUTime(a.PID())
	if err != nil {
		return err
	}
	took := time.Since(began)
	resident, err := measure.ResidentKB(a.PID())
	if err != nil {
		return err
	}
	row(fmt.Sprintf("%d checks (half HTTP, half TCP) every %v, for %v", b.checks, b.interval, b.over),
		"%.1f %% of a core, %.0f MB resident", percent(after-before, took), float64(resident)*1024/1e6)
	s.printPunctuality(b.interval, began.Add(took))
	return nil
}

// printPunctuality prints how far the time between two runs of one check was off.
func (s *services) printPunctuality(interval time.Duration, end time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var off []time.Duration
	late, missing := 0, 0
	for _, times := range s.runs {
		for i := 1; i < len(times); i++ {
			d := (times[i].Sub(times[i-1]) - interval).Abs()
			off = append(off, d)
			if d > interval/20 {
				late++
			}
		}
		if len(times) == 0 || end.Sub(times[len(times)-1]) > interval+interval/20 {
			missing++
		}
	}
	slices.Sort(off)
	at := func(share float64) time.Duration {
		if len(off) == 0 {
			return 0
		}
		return off[int(share*float64(len(off)-1))].Round(time.Millisecond)
	}
	row(fmt.Sprintf("%d runs: how far each came from %v after the one before", len(off), interval),
		"p50 %v, p99 %v, max %v (2 %% of it are jitter); %d more than 5 %% off, %d checks missing at the end",
		at(0.5), at(0.99), at(1), late, missing)
}
