package lb

import "covey/catalog"

// LastKnown is what Eligible would choose if the hosts that failed were alive and what
// was last heard from them still held. It is for when it is not they that are gone.
func LastKnown(v *catalog.View, q Query) (chosen []Choice) {
	s := v.Service(q.Service)
	if s == nil {
		return nil
	}
	for _, e := range s.Unreachable {
		status := e.Reported()
		if e.Host.Liveness != catalog.Failed || !e.HasTags(q.Tags...) ||
			status == catalog.Critical || status == catalog.Warning && q.OnlyPassing {
			continue
		}
		chosen = append(chosen, Choice{Endpoint: e, Weight: float64(e.Weights.For(status))})
	}
	return chosen
}
