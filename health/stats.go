package health

import "time"

// Stats says how the runs of checks came along since the start. A run that begins late is
// one that found all others busy, or a process that stood still.
type Stats struct {
	Runs       uint64 // begun, by checks that repeat and by those that saw something happen
	Spoilt     uint64 // that said nothing, since this agent lacked what they needed
	TimedOut   uint64
	PassedOver uint64 // not begun, since the one before was still under way
	Running    int    // now
	Waiting    int    // due, and waiting for another to end, now

	Lateness Lateness
}

// LatenessBounds are the upper bounds, in seconds, by which runs are told apart.
var LatenessBounds = [...]float64{0.001, 0.01, 0.1, 0.5, 1, 5, 30}

// Lateness is how long after they were due runs began.
type Lateness struct {
	Sum   float64                         // of seconds
	Count [len(LatenessBounds) + 1]uint64 // runs up to each bound and above the one before; the last for all others
}

func (l *Lateness) add(d time.Duration) {
	s := max(0, d.Seconds())
	l.Sum += s
	for i, bound := range LatenessBounds {
		if s <= bound {
			l.Count[i]++
			return
		}
	}
	l.Count[len(LatenessBounds)]++
}

// Stats returns the counts as they are now.
func (m *Monitor) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stats
	s.Running = m.lanes.running
	for _, lane := range m.lanes.waiting {
		s.Waiting += len(lane)
	}
	return s
}
