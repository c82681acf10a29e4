package lb

import (
	"slices"
	"time"

	"covey/catalog"
)

// renewal is how long weights that change with time are kept, for a change that takes d:
// fifty steps of it, none shorter than a tenth of a second or longer than one.
func renewal(d time.Duration) time.Duration {
	return min(max(d/50, 100*time.Millisecond), time.Second)
}

// loaded reports whether the reports of load count.
func (x *balancing) loaded() bool {
	switch x.Settings.Policy {
	case catalog.Capacity, catalog.LeastLoad, catalog.TwoChoices:
		return true
	}
	return x.Settings.Load
}

// asked reports whether an instance asks for a share of its weight. That is a decision and
// not a figure to reckon with, so it counts with every policy.
func (x *balancing) asked() bool {
	return !x.NoLoad && slices.ContainsFunc(x.Chosen, func(c Choice) bool { return c.Endpoint.Load().Share != 0 })
}

// weigh applies slow start and load.
func (x *balancing) weigh() {
	slow, loaded, asked := x.Settings.SlowStart > 0, x.loaded(), x.asked()
	if !slow && !loaded && !asked || len(x.Chosen) == 0 {
		return
	}
	x.mu.Lock()
	h := &x.memory(x.view, x.service.Name).history
	h.see(x.service, x.ask.Now)
	ages := make([]time.Duration, len(x.Chosen))
	if loaded || asked {
		x.reports = make([]Report, len(x.Chosen))
	}
	for i, c := range x.Chosen {
		ages[i] = h.age(identity(c.Endpoint), x.ask.Now)
		if loaded || asked {
			x.reports[i] = h.report(c.Endpoint, x.ask.Now)
		}
	}
	x.mu.Unlock()
	if loaded {
		x.byLoad()
	}
	if asked {
		x.byShare()
	}
	for i := range x.Chosen {
		if f := SlowStart(ages[i], x.Settings.SlowStart, x.Settings.Aggression); slow && f < 1 {
			x.Chosen[i].factor(f, func(f *Factors) *float64 { return &f.SlowStart })
			x.expire(renewal(x.Settings.SlowStart))
		}
	}
}

// byShare gives each instance the part of its weight that it asks for.
func (x *balancing) byShare() {
	for i := range x.reports {
		if r := &x.reports[i]; r.share() != 1 {
			x.Chosen[i].factor(r.share(), func(f *Factors) *float64 { return &f.Load })
			x.expire(reportExpiry - r.Age)
		}
	}
}

// byLoad weighs by measured capacity; with the policy of that name also by what waits.
func (x *balancing) byLoad() {
	w, capacities := x.weights(), make([]float64, len(x.Chosen))
	Capacities(capacities, w, x.reports)
	reported := false
	for i := range x.reports {
		if r := &x.reports[i]; r.Counts() {
			reported = true
			x.expire(reportExpiry - r.Age)
		}
	}
	if !reported {
		return
	}
	switch x.Settings.Policy {
	case catalog.LeastLoad, catalog.TwoChoices:
		x.fillQueues() // compared when the order is made
		return
	case catalog.Capacity:
		x.interpret(capacities)
	}
	sum, measured := 0.0, 0.0
	for i := range w {
		sum += w[i]
		measured += capacities[i]
	}
	for i := range x.Chosen {
		if w[i] > 0 && measured > 0 {
			x.Chosen[i].factor(capacities[i]/measured*sum/w[i], func(f *Factors) *float64 { return &f.Load })
		}
	}
}

// interpret replaces the capacities by the shares of what comes while the reports are
// believed, which is from one to the next (twice their age, on average), and the answer is
// used.
func (x *balancing) interpret(capacities []float64) {
	queues := make([]float64, len(capacities))
	rate, age, waiting, able, n := 0.0, time.Duration(0), 0.0, 0.0, 0
	for i := range x.reports {
		if r := &x.reports[i]; r.Counts() {
			rate += r.PerSecond()
			waiting += r.InHand()
			able += capacities[i]
			age += r.Age
			n++
		}
	}
	age /= time.Duration(max(n, 1))
	for i := range x.reports {
		if r := &x.reports[i]; r.Counts() {
			queues[i] = r.InHand()
		} else if able > 0 {
			queues[i] = waiting / able * capacities[i] // the usual
		}
	}
	rate *= float64(len(x.reports)) / float64(max(n, 1))
	shares := make([]float64, len(capacities))
	Interpret(shares, capacities, queues, rate*(2*age+x.ask.TTL).Seconds())
	copy(capacities, shares)
	x.expire(renewal(age * 10))
}
