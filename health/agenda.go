package health

import (
	"container/heap"
	"math/rand/v2"
	"time"
)

// agenda says when each check is due. It is a heap of times, without a clock or a
// goroutine: the caller tells it the time and does what is due.
//
// A check that repeats has a phase, a time of its own within its interval, found by
// chance when it is added; so thousands of checks spread evenly and stay so. Its runs
// are one interval apart, give or take the jitter, however long the agent lives: lateness
// does not add up. Runs that were missed are not made up.
type agenda struct {
	rand  *rand.Rand
	queue slots
	fresh int // checks whose first run is to come

	last time.Time // when advance was called
	// expected is when it should be called next at the latest; zero if nothing is planned.
	// If it is called much later, this process stood still.
	expected time.Time
	due      []*check // memory for advance's result
}

// slot is a check's place in the agenda.
type slot struct {
	period time.Duration
	once   bool      // due one period after it was renewed, and then no more (TTL)
	fresh  bool      // due for the first time
	phase  time.Time // of the run that is due, without jitter
	due    time.Time
	at     int // index in the heap, or nowhere
}

const nowhere = -1

const (
	// firstRuns is how soon a new check is run, if there are few: soon enough for who
	// registered it to find it in DNS. Many are spread further, to firstRunPace each.
	firstRuns    = 500 * time.Millisecond
	firstRunPace = 2 * time.Millisecond

	// Two runs are at most 2 % further apart than the interval, or closer.
	jitterShare = 100
	maxJitter   = time.Second

	// tick is how long the agenda sleeps at most, and so how well it knows for how long
	// the process stood still: stopped by a signal, or with its whole machine. Lateness
	// up to stallAfter is the daily lot of a busy host.
	tick       = time.Second
	stallAfter = time.Second
)

// begin says that time counts from now on: what was added so far begins at now.
func (a *agenda) begin(now time.Time) {
	for _, c := range a.queue {
		a.first(c, now)
	}
	heap.Init(&a.queue)
}

// add plans a check that is not planned.
func (a *agenda) add(c *check, now time.Time) {
	a.first(c, now)
	heap.Push(&a.queue, c)
}

// first sets when a check is due that begins now.
func (a *agenda) first(c *check, now time.Time) {
	s := &c.slot
	if s.once {
		s.due = now.Add(s.period)
		return
	}
	if !s.fresh {
		s.fresh = true
		a.fresh++
	}
	window := min(s.period, max(firstRuns, time.Duration(a.fresh)*firstRunPace))
	s.phase = now.Add(a.random(window))
	s.due = s.phase
}

func (a *agenda) remove(c *check) {
	if c.slot.at != nowhere {
		heap.Remove(&a.queue, c.slot.at)
	}
	if c.slot.fresh {
		c.slot.fresh = false
		a.fresh--
	}
}

// renew begins the period of a check that is due but once, and leaves others alone.
func (a *agenda) renew(c *check, now time.Time) {
	if !c.slot.once {
		return
	}
	c.slot.due = now.Add(c.slot.period)
	if c.slot.at == nowhere {
		heap.Push(&a.queue, c)
	} else {
		heap.Fix(&a.queue, c.slot.at)
	}
}

// advance returns what is due by now, which is valid until the next call, and plans
// the next run of each.
func (a *agenda) advance(now time.Time) []*check {
	if !a.expected.IsZero() && now.Sub(a.expected) > stallAfter {
		a.resume(now)
	}
	a.last = now
	a.due = a.due[:0]
	for len(a.queue) > 0 && !a.queue[0].slot.due.After(now) {
		c := a.queue[0]
		a.due = append(a.due, c)
		if c.slot.once {
			heap.Pop(&a.queue)
		} else {
			a.again(c, now)
			heap.Fix(&a.queue, 0)
		}
	}
	a.expected = time.Time{}
	if len(a.queue) > 0 {
		a.expected = now.Add(tick)
		if next := a.queue[0].slot.due; next.Before(a.expected) {
			a.expected = next
		}
	}
	return a.due
}

// again plans the run after one that is due at now.
func (a *agenda) again(c *check, now time.Time) {
	s := &c.slot
	if s.fresh {
		// First runs come close together. Their phases are spread over half the interval
		// from here on.
		s.fresh = false
		a.fresh--
		s.phase = s.phase.Add(s.period/2 + a.random(s.period/2))
	} else {
		s.phase = s.phase.Add(s.period)
	}
	a.afterNow(s, now)
}

// afterNow moves the phase by whole periods beyond now, if it is not, and sets when
// the run is due.
func (a *agenda) afterNow(s *slot, now time.Time) {
	if behind := now.Sub(s.phase); behind >= 0 {
		s.phase = s.phase.Add((behind/s.period + 1) * s.period)
	}
	jitter := min(s.period/jitterShare, maxJitter)
	s.due = s.phase.Add(a.random(2*jitter) - jitter)
	if !s.due.After(now) {
		s.due = s.phase
	}
}

// resume carries on after the process stood still until now. What a service said in that
// time nobody could hear, so it does not count towards a TTL that was running; and what
// was missed waits for its next time, lest everything run at once.
func (a *agenda) resume(now time.Time) {
	still := now.Sub(a.last)
	for _, c := range a.queue {
		switch s := &c.slot; {
		case s.once:
			if renewed := s.due.Add(-s.period); !renewed.After(a.expected) {
				s.due = s.due.Add(still)
			}
		case s.due.After(now):
		case s.fresh:
			a.first(c, now)
		default:
			a.afterNow(s, now)
		}
	}
	heap.Init(&a.queue)
}

// wait returns how long the caller may sleep, false for until something is planned.
func (a *agenda) wait(now time.Time) (time.Duration, bool) {
	return max(0, a.expected.Sub(now)), !a.expected.IsZero()
}

// sleepsBeyond reports whether whoever sleeps as wait said comes too late for c.
func (a *agenda) sleepsBeyond(c *check) bool {
	return a.expected.IsZero() || c.slot.due.Before(a.expected)
}

func (a *agenda) random(below time.Duration) time.Duration {
	if below <= 0 {
		return 0
	}
	return time.Duration(a.rand.Int64N(int64(below)))
}

// slots implements heap.Interface by due time.
type slots []*check

func (q slots) Len() int           { return len(q) }
func (q slots) Less(i, j int) bool { return q[i].slot.due.Before(q[j].slot.due) }

func (q slots) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].slot.at, q[j].slot.at = i, j
}

// Push and Pop are heap's, not the agenda's.
func (q *slots) Push(c any) {
	c.(*check).slot.at = len(*q)
	*q = append(*q, c.(*check))
}

func (q *slots) Pop() any {
	last := len(*q) - 1
	c := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	c.slot.at = nowhere
	return c
}
