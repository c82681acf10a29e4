package lb

import (
	"cmp"
	"slices"
	"time"
)

// Outliers are the instances of one service that callers on this host report to fail, and
// which are left out of answers for a while. It is a state machine: time comes with each
// call, and one that goes back counts as none passed. The limits are Envoy's
// (config.cluster.v3 OutlierDetection). The zero value is ready; it is not safe for
// concurrent use.
//
//	counted --5 failures in a row--> ejected --30 s x how often--> counted again
type Outliers struct {
	reported map[Instance]*outlier
}

// Instance identifies an instance for as long as it is registered.
type Instance struct{ Node, ID string }

// outlier is what was reported of one instance.
type outlier struct {
	failures int       // in a row
	times    int       // it was ejected, less what it has lived down since
	until    time.Time // it is ejected; before that it is not
	heard    time.Time // when something was last reported, or the ejection ended
}

const (
	failuresInRow  = 5
	ejectFor       = 30 * time.Second // times how often it was
	ejectAtMost    = 300 * time.Second
	liveDown       = 30 * time.Second // without an ejection: one less is remembered
	ejectedPart    = 0.1              // of all instances, but one at least
	outliersOfAll  = 10_000           // a service's instances that are kept track of
	forgottenAfter = time.Hour
)

// Report notes what a caller met. all are the instances that could be answered now; what is
// not among them is not kept. It reports whether the instance is ejected by this.
func (o *Outliers) Report(of Instance, ok bool, now time.Time, all []Instance) (ejected bool) {
	if !slices.Contains(all, of) || len(o.reported) >= outliersOfAll && o.reported[of] == nil {
		return false
	}
	if o.reported == nil {
		o.reported = map[Instance]*outlier{}
	}
	x := o.reported[of]
	if x == nil {
		x = &outlier{}
		o.reported[of] = x
	}
	x.age(now)
	if x.heard = now; ok {
		x.failures = 0
		return false
	}
	if o.ejected(of, now) {
		return false // callers that had it already: it is out
	}
	if x.failures++; x.failures < failuresInRow || !o.mayEject(now, all) {
		return false
	}
	x.failures = 0
	x.times++
	x.until = now.Add(min(ejectFor*time.Duration(x.times), ejectAtMost))
	return true
}

// age lives down an ejection for each while that passed without one.
func (x *outlier) age(now time.Time) {
	if since := now.Sub(x.heard); since > 0 && !x.until.After(now) {
		x.times = max(0, x.times-int(now.Sub(later(x.until, x.heard))/liveDown))
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// mayEject reports whether one more may be ejected: a tenth of all at most, but one, and
// never the last.
func (o *Outliers) mayEject(now time.Time, all []Instance) bool {
	out := 0
	for _, i := range all {
		if o.ejected(i, now) {
			out++
		}
	}
	return len(all) > out+1 && (out == 0 || float64(out+1) <= ejectedPart*float64(len(all)))
}

// ejected reports whether the instance is to be left out now. An end that lies further
// ahead than any ejection lasts was set before the clock went back: it has passed.
func (o *Outliers) ejected(i Instance, now time.Time) bool {
	x := o.reported[i]
	return x != nil && x.until.After(now) && x.until.Sub(now) <= ejectAtMost
}

// Out returns which of all are left out now, and when the first of them comes back. With
// fewer instances than when they were ejected the limits bind anew: those come back first
// who would soonest.
func (o *Outliers) Out(now time.Time, all []Instance) (out []Instance, next time.Time) {
	for _, i := range all {
		if o.ejected(i, now) {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, func(a, b Instance) int { return o.reported[b].until.Compare(o.reported[a].until) })
	if most := min(max(1, int(ejectedPart*float64(len(all)))), len(all)-1); len(out) > most {
		out = out[:max(most, 0)]
	}
	if len(out) > 0 {
		next = slices.MinFunc(out, func(a, b Instance) int {
			return cmp.Or(o.reported[a].until.Compare(o.reported[b].until), cmp.Compare(a.ID, b.ID))
		}).until(o)
	}
	return out, next
}

func (i Instance) until(o *Outliers) time.Time { return o.reported[i].until }

// Sweep forgets who has not been heard of for long, and tells whether anything is left.
func (o *Outliers) Sweep(now time.Time) (empty bool) {
	for i, x := range o.reported {
		if gone := now.Sub(later(x.heard, x.until)); gone > forgottenAfter || gone < -forgottenAfter {
			delete(o.reported, i)
		}
	}
	return len(o.reported) == 0
}
