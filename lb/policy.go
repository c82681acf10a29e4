package lb

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"covey/catalog"
)

// place applies what the policy has to say before an order is drawn: levels, zones,
// subsets.
func (x *balancing) place() {
	if len(x.Chosen) == 0 {
		return
	}
	switch x.Settings.Policy {
	case catalog.Priority:
		for i := range x.Chosen {
			x.Chosen[i].Level = uint16(x.Chosen[i].Balancing().Priority)
		}
	case catalog.Nearest:
		x.nearest()
	case catalog.Local:
		x.local()
	case catalog.SubsetOf:
		x.subset()
	}
}

// coordinatesHold is how long distances are kept: they change slowly.
const coordinatesHold = 5 * time.Second

func (x *balancing) nearest() {
	if x.Distance == nil {
		return
	}
	rtts := make([]time.Duration, len(x.Chosen))
	shortest := time.Duration(0)
	for i, c := range x.Chosen {
		if rtts[i] = x.Distance(c.Host.Name); strings.EqualFold(c.Host.Name, x.Node) {
			rtts[i] = 1 // this very host
		}
		if rtts[i] > 0 && (shortest == 0 || rtts[i] < shortest) {
			shortest = rtts[i]
		}
	}
	x.expire(coordinatesHold)
	if shortest == 0 {
		return
	}
	for i := range x.Chosen {
		x.Chosen[i].Level = Band(rtts[i], shortest)
	}
}

// local keeps the traffic near, by Spill over the zone, the region and the rest. What is
// there counts with its registered weight, healthy or not. Levels that carry nothing are
// left out.
func (x *balancing) local() {
	var up, total [levels]float64
	weight := func(e *catalog.Endpoint) float64 { return max(float64(e.Weights.Passing), 1) }
	for e := range x.service.All() {
		if e.Host.Liveness != catalog.Unknown && e.HasTags(x.ask.Tags...) {
			total[x.level(e)] += weight(e)
		}
	}
	var sum [levels]float64 // of the weights
	all := 0.0
	for _, c := range x.Chosen {
		up[x.level(c.Endpoint)] += weight(c.Endpoint)
		sum[x.level(c.Endpoint)] += c.Weight
		all += c.Weight
	}
	for l := range sum {
		if sum[l] == 0 && all > 0 {
			up[l] = 0 // nothing there is to get any traffic
		}
	}
	parts := Spill(up[:], total[:])
	for i := range x.Chosen {
		c := &x.Chosen[i]
		if l := x.level(c.Endpoint); sum[l] > 0 {
			c.factor(parts[l]*all/sum[l], func(f *Factors) *float64 { return &f.Place })
		}
	}
	x.keep(func(i int) bool { return parts[x.level(x.Chosen[i].Endpoint)] > 0 }, func(e *catalog.Endpoint) string {
		switch {
		case e.Weight() == 0 && sum[x.level(e)] == 0:
			return "of weight 0, as all in its place, and others can carry the traffic"
		case x.level(e) == inRegion:
			return "in another zone, and this one can carry the traffic"
		}
		return "in another region, and this one can carry the traffic"
	})
}

func (x *balancing) level(e *catalog.Endpoint) int {
	return x.Here.distance(Place{e.Host.Zone, e.Host.Region})
}

// ownSubset is what Subset last found for this host, which takes a while to find. What is
// another client's is found in no time, and not kept.
type ownSubset struct {
	service, nodes uint64 // the indexes it was found at
	key            string // and what else it hangs on
	own            []int
}

// subset leaves out what is not the client's own. Ejections and slow start change nothing
// of who that is, only their weight.
func (x *balancing) subset() {
	x.OfHosts, x.ByClient = true, true
	if len(x.Chosen) <= x.Settings.Subset {
		return
	}
	registered := make([]float64, len(x.Chosen))
	for i, c := range x.Chosen {
		registered[i] = float64(c.Endpoint.Weight())
	}
	own := x.own(registered)
	within := withinSubset(own, registered, x.Settings.Subset)
	is := make([]float64, len(x.Chosen))
	mine := make([]bool, len(x.Chosen))
	for n, i := range own {
		mine[i] = true
		if registered[i] > 0 {
			is[i] = within[n] / registered[i]
		}
	}
	for i := range x.Chosen {
		if mine[i] {
			x.Chosen[i].factor(is[i], func(f *Factors) *float64 { return &f.Place })
		}
	}
	x.keep(func(i int) bool { return mine[i] }, func(*catalog.Endpoint) string {
		return fmt.Sprintf("not of the %d that this host is given", x.Settings.Subset)
	})
}

// own is who of Chosen is the client's.
func (x *balancing) own(weights []float64) []int {
	if x.ask.Client != 0 {
		return Subset(-1, x.ask.Client, nil, x.endpoints(), weights, x.Settings.Subset)
	}
	key := fmt.Sprint(x.ask.Tags, x.ask.OnlyPassing, len(x.Chosen), x.Settings.Subset, x.Panic, x.Ejections())
	x.mu.Lock()
	m := &x.memory(x.view, x.service.Name).subset
	if m.service == x.service.ModifyIndex && m.nodes == x.view.NodesIndex() && m.key == key {
		defer x.mu.Unlock()
		return m.own
	}
	x.mu.Unlock()
	self, client, hosts := x.hosts()
	own := Subset(self, client, hosts, x.endpoints(), weights, x.Settings.Subset)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.memory(x.view, x.service.Name).subset = ownSubset{x.service.ModifyIndex, x.view.NodesIndex(), key, own}
	return own
}

// endpoints are what identifies who is chosen.
func (x *balancing) endpoints() []uint64 {
	all := make([]uint64, len(x.Chosen))
	for i, c := range x.Chosen {
		all[i] = c.hash()
	}
	return all
}

// hosts is those that ask, which have an agent, and which of them is this one; id is its
// own even if it is not among them.
func (x *balancing) hosts() (self int, id uint64, hosts []uint64) {
	self = -1
	if h := x.view.Host(x.Node); h != nil {
		id = hashOf(h.ID[:])
	}
	for h := range x.view.Hosts() {
		if !h.Liveness.Up() || h.Liveness == catalog.Outside {
			continue
		}
		if strings.EqualFold(h.Name, x.Node) {
			self = len(hosts)
		}
		hosts = append(hosts, hashOf(h.ID[:]))
	}
	return self, id, hosts
}

func (c *Choice) hash() uint64 { return hashOf(c.Host.ID[:], []byte(c.ID())) }

func hashOf(parts ...[]byte) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum64()
}

func lower(name string) string { return strings.ToLower(name) }

// Order puts what Balance chose into the order of one answer.
func (b *Balancer) Order(v *catalog.View, is *Balanced, r *rand.Rand) {
	c := is.Chosen
	Shuffle(c, r)
	switch is.Settings.Policy {
	case catalog.RoundRobin:
		if len(c) == 0 {
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.memory(v, c[0].Service).turnsOf(is.question).order(c, r)
	case catalog.LeastLoad:
		// Of those alike the shuffle has the word.
		slices.SortStableFunc(c, func(x, y Choice) int { return compareLoad(&x, &y) })
	case catalog.TwoChoices:
		if len(c) > 1 && c[1].Weight > 0 && compareLoad(&c[1], &c[0]) < 0 {
			c[0], c[1] = c[1], c[0]
		}
	}
}

// InTurn reports whether the order needs more than levels and weights.
func (is *Balanced) InTurn() bool {
	switch is.Settings.Policy {
	case catalog.RoundRobin, catalog.LeastLoad, catalog.TwoChoices:
		return true
	}
	return false
}
