package agent

import (
	"context"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"covey/catalog"
)

// loads are what checks read of the load of their services, smoothed, and when that is
// told. It is safe for concurrent use.
type loads struct {
	wake chan struct{} // has room for one

	mu     sync.Mutex // guards what follows
	checks map[string]*series
	serial uint32 // of the last report
}

// series is what one check read.
type series struct {
	mean  catalog.Reading // smoothed; what is asked for is as it was last read
	read  time.Time       // when the last reading came
	said  catalog.Reading // as it was last told
	at    time.Time       // when that was; zero for never
	wants bool            // there is something to tell, or gone to be told
	gone  bool            // its check reads no more
}

const (
	// smoothing is the time constant of the means: after so long 63 % of a step has
	// arrived. Checks run every ten seconds.
	smoothing = 10 * time.Second

	// A load is told at most once a second; if it moved by a sixteenth, or by a hundredth of
	// what can be used, one request or one a second; else once a minute, so that others, who
	// forget it after three, do not.
	tellAtMost  = time.Second
	tellAtLeast = time.Minute

	// All of an agent's are told at most tellTogether at a time and a hundred a second, which
	// keeps six thousand instances from being forgotten.
	tellTogether = 25
	pause        = 250 * time.Millisecond

	// stale is how old a reading may become.
	stale = 3 * time.Minute
)

func newLoads() *loads {
	// Others may know the last report from before a restart.
	return &loads{wake: make(chan struct{}, 1), checks: map[string]*series{}, serial: rand.Uint32()}
}

// take takes a reading, or with nil that there will be none.
func (l *loads) take(checkID string, r *catalog.Reading, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.checks[checkID]
	switch {
	case r == nil && (s == nil || s.gone):
		return
	case r == nil:
		s.gone, s.wants = true, true
	default:
		if s == nil {
			s = &series{}
			l.checks[checkID] = s
		}
		back := s.gone
		s.add(r, now)
		s.wants = s.wants || back || s.moved() || now.Sub(s.at) >= tellAtLeast
	}
	if s.wants {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// add smooths: each reading counts 1 - exp(-t/T) against all before it, t after the last
// (the exponential average for samples at irregular times, as the load average of Unix).
// The first stands for itself, and so does what is asked for, which was decided and not
// measured.
func (s *series) add(r *catalog.Reading, now time.Time) {
	weight := -math.Expm1(-max(0, now.Sub(s.read).Seconds()) / smoothing.Seconds())
	if s.gone || now.Sub(s.read) > stale || !r.Measured() {
		weight = 1
	}
	s.read, s.gone = now, false
	s.mean.Share, s.mean.Weight = r.Share, r.Weight
	for _, m := range []struct {
		mean *float64
		x    float64
	}{{&s.mean.Rate, r.Rate}, {&s.mean.Utilisation, r.Utilisation}, {&s.mean.Queue, r.Queue}} {
		*m.mean += weight * (m.x - *m.mean)
	}
}

// moved reports whether the mean is more than a step from what was told, or something else
// is asked for.
func (s *series) moved() bool {
	was, now := s.said, s.mean
	return was.Share != now.Share || was.Weight != now.Weight ||
		stepped(was.Rate, now.Rate, 1) || stepped(was.Utilisation, now.Utilisation, .01) || stepped(was.Queue, now.Queue, 1)
}

// stepped reports whether b is more than a sixteenth of a, and least, from a.
func stepped(a, b, least float64) bool { return math.Abs(a-b) > max(least, a/16) }

// telling is what is to be told of one check.
type telling struct {
	checkID string
	mean    catalog.Reading
	serial  uint32 // 0 takes back what was told
}

// load is what is told, of an instance with that registered weight: rounded to 3 %, but for
// what is asked for. It is plausible, being between readings that are.
func (t *telling) load(weight uint16) catalog.Load {
	if t.serial == 0 {
		return catalog.Load{}
	}
	l, _ := t.mean.Load(weight, t.serial)
	l.Rate = min(quantised(l.Rate), catalog.MaxRate*10)
	l.Utilisation = min(quantised(l.Utilisation), catalog.MaxUtilisation*1000)
	l.Queue = min(quantised(l.Queue), catalog.MaxQueue*10)
	return l
}

// quantised rounds to five significant bits.
func quantised(n uint32) uint32 {
	drop := max(0, bits.Len32(n)-5)
	half := uint32(1) << drop >> 1
	return (n + half) >> drop << drop
}

// due returns what is to be told now, those first that waited longest, and how long nothing
// else is.
func (l *loads) due(now time.Time) (list []telling, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	wait = tellAtLeast
	var ids []string
	for id, s := range l.checks {
		if old := now.Sub(s.read) > stale; old && s.gone && !s.wants {
			delete(l.checks, id)
		} else if old && !s.gone {
			s.gone, s.wants = true, true
		}
		if !s.wants {
			continue
		}
		if rest := tellAtMost - now.Sub(s.at); rest > 0 {
			wait = min(wait, rest)
		} else {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return l.checks[a].at.Compare(l.checks[b].at) })
	if len(ids) > tellTogether {
		ids, wait = ids[:tellTogether], pause
	}
	for _, id := range ids {
		list = append(list, l.tell(id, now))
	}
	return list, wait
}

func (l *loads) tell(id string, now time.Time) telling {
	s := l.checks[id]
	s.at, s.wants, s.said = now, false, catalog.Reading{}
	if s.gone {
		return telling{checkID: id}
	}
	s.said = s.mean
	l.serial = max(1, l.serial+1)
	return telling{id, s.mean, l.serial}
}

// follow tells what is due until ctx ends.
func (l *loads) follow(ctx context.Context, tell func([]telling)) {
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-alarm.C:
		case <-l.wake:
		}
		list, wait := l.due(time.Now())
		if len(list) > 0 {
			tell(list)
		}
		// What is read meanwhile is told together.
		alarm.Reset(pause)
		select {
		case <-ctx.Done():
			return
		case <-alarm.C:
		}
		alarm.Reset(wait)
	}
}

// takeLoad takes what a check read of its service's load, with nil that it reads none any
// more.
func (a *Agent) takeLoad(checkID string, r *catalog.Reading) {
	now := time.Now()
	if a.cfg.LB.HostPressure {
		r = a.pressure.floor(r, now)
	}
	a.loads.take(checkID, r, now)
}

// tellLoads has the services tell what their checks read.
func (a *Agent) tellLoads(list []telling) {
	err := a.commits.find(context.Background(), func(b *batch) error {
		for i := range list {
			b.setLoad(&list[i])
		}
		return nil
	})
	if err != nil {
		a.log.Debug("loads were not told", "error", err)
	}
}

// setLoad notes the load that a check read. It is not kept on disk: what was true before a
// restart is not after it. A check of the node says nothing of an instance.
func (b *batch) setLoad(t *telling) {
	c := b.checks[t.checkID]
	if c == nil || c.serviceID == "" || c.told.serial == t.serial {
		return
	}
	next := *c
	next.told = *t
	s := b.services[c.serviceID]
	was := s.load(b.checksOf(c.serviceID))
	b.undo = append(b.undo, func() { b.put(t.checkID, c) })
	b.put(t.checkID, &next)
	if s.load(b.checksOf(c.serviceID)) != was {
		b.touched[c.serviceID] = struct{}{}
	}
}

// load is what is known of the load of an instance. Of several checks that measured it the
// first by ID counts, and so does the first of those by which it asks for a share.
func (s *service) load(checks []*check) (l catalog.Load) {
	var measured, asked string
	var share catalog.Load
	for _, c := range checks {
		id := c.state.ID
		if c.told.serial == 0 {
			continue
		}
		said := c.told.load(s.definition.Instance().Weights.Passing)
		if said.Measured() && (measured == "" || id < measured) {
			measured, l = id, said
		}
		if said.Share > 0 && (asked == "" || id < asked) {
			asked, share = id, said
		}
	}
	if asked == "" || asked == measured {
		return l
	}
	l.Share = share.Share
	l.Serial = max(1, l.Serial+share.Serial) // another one whenever either is
	return l
}
