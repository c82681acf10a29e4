package lb

import "covey/catalog"

// ignoreHealth answers all there are where less of them is healthy than the service's
// threshold (Envoy's panic threshold, 50 %): the rest would break down under the whole
// load, and so many do not fail of themselves at once. Instances whose hosts failed count
// and are answered as well; those in maintenance neither count nor are answered, since
// that is a decision, and no more are those that lack a tag.
func (x *balancing) ignoreHealth() {
	if x.Settings.Panic <= 0 {
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
	x.mu.Lock()
	x.memory(x.view, x.service.Name).panics = x.Panic
	x.mu.Unlock()
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

// counts reports whether an instance that may not be answered is there at all.
func (x *balancing) counts(e *catalog.Endpoint) bool {
	if e.Host.Liveness == catalog.Unknown || !e.HasTags(x.ask.Tags...) {
		return false
	}
	for _, list := range [][]catalog.Check{e.Checks(), e.Host.Checks} {
		for i := range list {
			if list[i].Status == catalog.Critical && list[i].Maintains() {
				return false
			}
		}
	}
	return true
}
