package replica

import "time"

// lag is for how long every root that peers sent has differed from ours. While changes
// are under way roots differ for a moment; one that lasts is a repair that fails.
type lag struct {
	since time.Time // of the first of those that differ, zero if the last was equal
	heard time.Time // when the last one came
}

// lagFor is how long the last root counts: who hears none knows nothing of a difference.
const lagFor = 10 * time.Second

func (l *lag) hear(now time.Time, equal bool) {
	l.heard = now
	switch {
	case equal:
		l.since = time.Time{}
	case l.since.IsZero():
		l.since = now
	}
}

// Lag returns for how long no peer that sent a digest has held what is held here, 0 if
// the last that did so held the same, or if none has done so for a while.
func (c *Core) Lag(now time.Time) time.Duration {
	if c.lag.since.IsZero() || now.Sub(c.lag.heard) > lagFor {
		return 0
	}
	return now.Sub(c.lag.since)
}
