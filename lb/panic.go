package lb

import (
	"slices"
	"strings"

	"covey/catalog"
)

// ignoreHealth answers all there are where less of them is healthy than the service's
// threshold (Envoy's panic threshold, 50 %): the rest would break down under the whole
// load, and so many do not fail of themselves at once. Instances whose hosts failed count
// and are answered as well; those in maintenance, and those that drain by their own word,
// neither count nor are answered, since that is a decision, and no more are those that lack
// a tag.
func (x *balancing) ignoreHealth() {
	if x.Settings.Panic <= 0 {
		x.notePanic()
		return
	}
	var sick []Choice
	for e := range x.service.All() {
		if verdict := judge(e, &x.ask.Query); (verdict == critical || verdict == warned || verdict == unreachable) && x.counts(e) {
			sick = append(sick, Choice{Endpoint: e, Weight: float64(e.Weights.Passing)})
		}
	}
	all := len(x.Chosen) + len(sick)
	x.Panic = float64(len(x.Chosen)) < x.Settings.Panic*float64(all)
	x.notePanic()
	if !x.Panic {
		return
	}
	x.Chosen = append(x.Chosen, sick...)
	answered := make(map[*catalog.Endpoint]bool, len(sick))
	for _, c := range sick {
		answered[c.Endpoint] = true
	}
	left := x.LeftOut[:0]
	for _, o := range x.LeftOut {
		if !answered[o.Endpoint] {
			left = append(left, o)
		}
	}
	x.LeftOut = left
}

// notePanic remembers whether this service panics, and tells who wants to know of changes.
func (x *balancing) notePanic() {
	if x.noted(x.Panic) && x.OnPanic != nil {
		x.OnPanic(x.service.Name, x.Panic)
	}
}

// noted reports whether what is remembered of a service's panic has changed to this. Only
// the question that began it ends it: another, about a tag say, may well be answered by
// health all the while.
func (x *balancing) noted(panics bool) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.services[lower(x.service.Name)]
	if (m != nil && m.panic != nil) == panics {
		return false
	}
	if !panics && !m.panic.same(&x.ask.Query) {
		return false
	}
	if !panics {
		m.panic = nil
		return true
	}
	q := x.ask.Query
	q.Tags = slices.Clone(q.Tags)
	x.memory(x.view, x.service.Name).panic = &q
	return true
}

// same reports whether both ask for the same of one service.
func (q *Query) same(as *Query) bool {
	return q.OnlyPassing == as.OnlyPassing && slices.EqualFunc(q.Tags, as.Tags, strings.EqualFold)
}

// forgetPanic takes note that a service is gone.
func (b *Balancer) forgetPanic(service string) {
	b.mu.Lock()
	m := b.services[lower(service)]
	ends := m != nil && m.panic != nil
	if ends {
		m.panic = nil
	}
	b.mu.Unlock()
	if ends && b.OnPanic != nil {
		b.OnPanic(service, false)
	}
}

// counts reports whether an instance that may not be answered is there at all.
func (x *balancing) counts(e *catalog.Endpoint) bool {
	if e.Host.Liveness == catalog.Unknown || !e.HasTags(x.ask.Tags...) {
		return false
	}
	for _, list := range [][]catalog.Check{e.Checks(), e.Host.Checks} {
		for i := range list {
			if list[i].Decided() {
				return false
			}
		}
	}
	return true
}
