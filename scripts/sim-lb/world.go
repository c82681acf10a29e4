package main

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// scenario is what happens to a policy.
type scenario struct {
	name    string
	servers int
	rho     float64 // work that comes, of what all servers can do at their full speeds
	speed   func(server int) float64
	slowed  int     // so many servers at a time run at a part of their speed,
	part    float64 // this one,
	spell   float64 // for so long on average, then others do
	closed  bool    // clients wait for their answer, then think; else requests come at random
	ttl     float64 // for how long a client uses the answer it got
	every   float64 // between two reports of a server
	n       int     // requests
}

const (
	clients   = 400 // that resolve on their own
	agents    = 8
	think     = 20. // of a client in a closed scenario, on average
	smoothing = 30. // time constant of what servers report of rate and utilisation
	warmUp    = .1  // part of the requests that does not count
)

// outcome is what requests took, in service times.
type outcome struct{ mean, p99 float64 }

// server is a queue in order of arrival.
type server struct {
	waiting []request // the first is being served
	factor  float64   // of its speed, when it is slowed
	done    float64   // since the last report
	busy    float64   // time likewise
	since   float64   // when the one being served began, or the last report was
	rate    float64   // smoothed, a service time
	used    float64   // likewise, 0..1
	reports int
}

type request struct {
	came   float64
	client int
}

// client uses an answer for a while.
type client struct {
	server int
	until  float64
}

type event struct {
	at     float64
	kind   kind
	server int
	client int
}

type kind uint8

const (
	arrival kind = iota
	departure
	report
	spell
)

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	*e = (*e)[:last]
	return x
}

// world is one run of a scenario with a policy.
type world struct {
	*scenario
	fleet   *fleet
	rand    *rand.Rand
	servers []server
	clients []client
	events  events
	now     float64
	took    []float64
}

// weight is registered by the speed a server has when nothing ails it.
func (s *scenario) weight(i int) uint16 { return uint16(math.Round(s.speed(i) * 100)) }

// run plays the scenario. The same seed brings the same requests at the same times to
// every policy of an open scenario.
func (s *scenario) run(policy string, seed uint64) (outcome, error) {
	w := &world{scenario: s, rand: source(seed, 'w'), servers: make([]server, s.servers), clients: make([]client, clients)}
	w.fleet = newFleet(policy, s.servers, agents, s.weight, time.Duration(s.ttl*float64(serviceTime)), seed)
	for i := range w.servers {
		w.servers[i].factor = 1
		w.push(event{at: w.rand.Float64() * s.every, kind: report, server: i})
	}
	if s.slowed > 0 {
		w.push(event{at: 0, kind: spell})
	}
	if s.closed {
		for c := range s.crowd() {
			w.push(event{at: w.rand.ExpFloat64() * think, kind: arrival, client: c})
		}
	} else {
		w.push(event{kind: arrival})
	}
	for len(w.took) < s.n {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		if err := w.handle(e, policy); err != nil {
			return outcome{}, err
		}
	}
	counted := slices.Clone(w.took[int(warmUp*float64(s.n)):])
	slices.Sort(counted)
	sum := 0.0
	for _, x := range counted {
		sum += x
	}
	return outcome{sum / float64(len(counted)), counted[len(counted)*99/100]}, nil
}

// capacity is the work that all can do in a service time.
func (s *scenario) capacity() (sum float64) {
	for i := range s.servers {
		sum += s.speed(i)
	}
	return sum
}

// crowd is how many clients of a closed scenario make up its load, if an answer takes a
// few service times.
func (s *scenario) crowd() int { return min(clients, int(s.rho*s.capacity()*(think+3))) }

func (w *world) push(e event) { heap.Push(&w.events, e) }

func (w *world) handle(e event, policy string) error {
	switch e.kind {
	case arrival:
		if !w.closed {
			w.push(event{at: w.now + w.rand.ExpFloat64()/(w.rho*w.capacity()), kind: arrival})
			e.client = w.rand.IntN(clients)
		}
		w.send(e.client)
	case departure:
		w.finish(e.server)
	case report:
		w.push(event{at: w.now + w.every, kind: report, server: e.server})
		return w.report(e.server)
	case spell:
		for i := range w.servers {
			w.servers[i].factor = 1
		}
		for _, i := range w.rand.Perm(len(w.servers))[:w.slowed] {
			w.servers[i].factor = w.part
		}
		w.push(event{at: w.now + w.spell, kind: spell})
	}
	return nil
}

func (w *world) send(c int) {
	x := &w.clients[c]
	if w.now >= x.until {
		x.server, x.until = w.fleet.ask(c%agents, w.now), w.now+w.ttl
	}
	s := &w.servers[x.server]
	s.waiting = append(s.waiting, request{w.now, c})
	if len(s.waiting) == 1 {
		w.serve(x.server)
	}
}

func (w *world) serve(i int) {
	s := &w.servers[i]
	s.since = w.now
	w.push(event{at: w.now + w.rand.ExpFloat64()/(w.speed(i)*s.factor), kind: departure, server: i})
}

func (w *world) finish(i int) {
	s := &w.servers[i]
	r := s.waiting[0]
	s.waiting = s.waiting[1:]
	s.busy += w.now - s.since
	s.done++
	w.took = append(w.took, w.now-r.came)
	if w.closed {
		w.push(event{at: w.now + w.rand.ExpFloat64()*think, kind: arrival, client: r.client})
	}
	if len(s.waiting) > 0 {
		w.serve(i)
	}
}

// report smooths what a server did since the last time and tells it.
func (w *world) report(i int) error {
	s := &w.servers[i]
	if len(s.waiting) > 0 {
		s.busy += w.now - s.since
		s.since = w.now
	}
	keep := math.Exp(-w.every / smoothing)
	if s.reports++; s.reports == 1 {
		keep = 0
	}
	s.rate = keep*s.rate + (1-keep)*s.done/w.every
	s.used = keep*s.used + (1-keep)*min(1, s.busy/w.every)
	s.done, s.busy = 0, 0
	return w.fleet.report(i, w.weight(i), s.rate/serviceTime.Seconds(), s.used, float64(len(s.waiting)))
}
