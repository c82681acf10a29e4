package lb

import (
	"time"

	"covey/catalog"
)

// Ask is what one wants balanced.
type Ask struct {
	Query
	Now     time.Time
	TTL     time.Duration // for how long the answer is going to be used
	Client  uint64        // who asks, if not a process on the agent's own host: 0 for one of these
	Records uint16        // the type of DNS record that is asked for; each takes turns of its own
	Explain bool          // fill LeftOut and Choice.Why
}

// Balanced is a service's instances as they are to be answered at one moment.
type Balanced struct {
	Known    bool // the service exists, whether or not anything was chosen
	Settings catalog.Balancing
	Chosen   []Choice // in the catalogue's order
	LeftOut  []Omission
	Panic    bool // health was ignored, since too little is healthy

	// Until is when Chosen is out of date even if the service does not change; zero for
	// never. OfHosts says that it also hangs on which hosts there are, and ByClient that it
	// does on who asks.
	Until    time.Time
	OfHosts  bool
	ByClient bool

	question question
}

// balancing is one Balanced in the making.
type balancing struct {
	*Balancer
	Balanced
	ask     *Ask
	view    *catalog.View
	service *catalog.Service
	reports []Report // of Chosen, if any is needed
}

// Balance decides who is to be answered, at which level and with which weight.
func (b *Balancer) Balance(v *catalog.View, a Ask) Balanced {
	s := v.Service(a.Service)
	if s == nil {
		b.forgetPanic(a.Service)
		return Balanced{}
	}
	x := balancing{Balancer: b, ask: &a, view: v, service: s}
	x.Known, x.Settings, x.question = true, b.settings(s), questionOf(&a)
	if a.Explain {
		sel := Select(v, a.Query)
		x.Chosen, x.LeftOut = sel.Chosen, sel.LeftOut
	} else {
		x.Chosen, _ = Eligible(make([]Choice, 0, len(s.Endpoints)), v, a.Query)
	}
	x.ignoreHealth()
	if !x.Panic {
		x.leaveOutliers()
	}
	x.explainRegistered()
	x.weigh()
	x.place()
	x.limit()
	return x.Balanced
}

// expire notes that the result holds for so long at most.
func (x *balancing) expire(d time.Duration) {
	if at := x.ask.Now.Add(d); x.Until.IsZero() || at.Before(x.Until) {
		x.Until = at
	}
}

// keep leaves out of Chosen, and of what goes with it, all that is not kept.
func (x *balancing) keep(kept func(i int) bool, why func(e *catalog.Endpoint) string) {
	n := 0
	for i, c := range x.Chosen {
		if !kept(i) {
			x.leaveOut(c.Endpoint, why)
			continue
		}
		x.Chosen[n] = c
		if x.reports != nil {
			x.reports[n] = x.reports[i]
		}
		n++
	}
	x.Chosen = x.Chosen[:n]
	if x.reports != nil {
		x.reports = x.reports[:n]
	}
}

func (x *balancing) leaveOut(e *catalog.Endpoint, why func(e *catalog.Endpoint) string) {
	if x.ask.Explain {
		x.LeftOut = append(x.LeftOut, Omission{e, why(e)})
	}
}

// leaveOutliers leaves out who was reported to fail.
func (x *balancing) leaveOutliers() {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.services[lower(x.service.Name)]
	if m == nil || len(m.outliers.reported) == 0 {
		return
	}
	all := make([]Instance, len(x.Chosen))
	for i, c := range x.Chosen {
		all[i] = identity(c.Endpoint)
	}
	out, next := m.outliers.Out(x.ask.Now, all)
	if len(out) == 0 {
		m.outliers.Sweep(x.ask.Now)
		return
	}
	x.expire(next.Sub(x.ask.Now))
	gone := make(map[Instance]bool, len(out))
	for _, i := range out {
		gone[i] = true
	}
	x.keep(func(i int) bool { return !gone[all[i]] }, func(*catalog.Endpoint) string {
		return "ejected: calls of it fail, as callers on this host report"
	})
}

func (x *balancing) explainRegistered() {
	if !x.ask.Explain {
		return
	}
	for i := range x.Chosen {
		x.Chosen[i].Why = &Factors{Registered: x.Chosen[i].Weight, SlowStart: 1, Load: 1, Place: 1, Cut: 1}
	}
}

// factor multiplies a weight and notes by what.
func (c *Choice) factor(f float64, note func(*Factors) *float64) {
	c.Weight *= f
	if c.Why != nil {
		*note(c.Why) *= f
	}
}

func (x *balancing) weights() []float64 {
	w := make([]float64, len(x.Chosen))
	for i := range x.Chosen {
		w[i] = x.Chosen[i].Weight
	}
	return w
}

// limit applies the maximum share. A subset is limited as a whole service is: it is what
// this host sends to.
func (x *balancing) limit() {
	if x.Settings.MaxShare <= 0 || x.Settings.MaxShare >= 1 {
		return
	}
	w := x.weights()
	limitShare(w, x.Settings.MaxShare)
	for i := range x.Chosen {
		if c := &x.Chosen[i]; c.Weight > 0 {
			c.factor(w[i]/c.Weight, func(f *Factors) *float64 { return &f.Cut })
		}
	}
}
