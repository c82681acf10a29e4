package health

import "slices"

// lanes hold the checks that are due until one of a bounded number of runs is free.
// Checks that timed out last time have a lane of their own, which gets half of the runs
// at most: a hundred services that hang cannot hold up those that answer.
type lanes struct {
	limit   int // runs at once
	running int
	slow    int // of running, from the slow lane
	waiting [2][]*check
}

const (
	quickLane = iota
	slowLane
)

func laneOf(c *check) int {
	if c.slow {
		return slowLane
	}
	return quickLane
}

func (l *lanes) push(c *check) {
	l.waiting[laneOf(c)] = append(l.waiting[laneOf(c)], c)
}

// pushFirst is push for a check of which something is known already.
func (l *lanes) pushFirst(c *check) {
	l.waiting[laneOf(c)] = slices.Insert(l.waiting[laneOf(c)], 0, c)
}

// take returns the check that may run and has waited longest, nil if none may. Each
// one taken is given back by done, before its slow changes.
func (l *lanes) take() *check {
	if l.running >= l.limit {
		return nil
	}
	c := l.head(quickLane)
	if l.slow < max(1, l.limit/2) {
		if s := l.head(slowLane); c == nil || s != nil && s.ready.Before(c.ready) {
			c = s
		}
	}
	if c == nil {
		return nil
	}
	lane := laneOf(c)
	l.waiting[lane][0] = nil
	l.waiting[lane] = l.waiting[lane][1:]
	l.running++
	if lane == slowLane {
		l.slow++
	}
	return c
}

// head returns the first of a lane who still is a check.
func (l *lanes) head(lane int) *check {
	for len(l.waiting[lane]) > 0 {
		if c := l.waiting[lane][0]; !c.gone {
			return c
		}
		l.waiting[lane][0] = nil
		l.waiting[lane] = l.waiting[lane][1:]
	}
	return nil
}

func (l *lanes) done(c *check) {
	l.running--
	if c.slow {
		l.slow--
	}
}
