package simnet

import "time"

// signal wakes all that wait for a change. The network's lock guards it.
type signal struct{ changed chan struct{} }

// wait returns a channel that the next broadcast closes.
func (s *signal) wait() <-chan struct{} {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

func (s *signal) broadcast() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// await waits for a change, or until a moment unless that is zero.
func await(a, b <-chan struct{}, until time.Time) {
	if until.IsZero() {
		select {
		case <-a:
		case <-b:
		}
		return
	}
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-a:
	case <-b:
	case <-t.C:
	}
}

// earliest returns the first of the moments that are not zero.
func earliest(moments ...time.Time) (first time.Time) {
	for _, t := range moments {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// passed reports whether a deadline, zero for none, is over.
func passed(deadline, now time.Time) bool { return !deadline.IsZero() && !now.Before(deadline) }
