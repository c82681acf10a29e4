package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"covey/catalog"
	"covey/lb"
)

// serviceTime is what a request takes on average at a server of speed 1. All figures are in
// units of it; only reports, which expire by the clock, need its length.
const serviceTime = 10 * time.Millisecond

// fleet is the servers as the agents know them: in a catalogue, with reports, balanced by
// the agents' own code.
type fleet struct {
	store  *catalog.Store
	meta   map[string]string
	agents []*agent
	rand   *rand.Rand
	serial uint32
	ttl    time.Duration
}

// source is a stream of random numbers of its own.
func source(seed uint64, what byte) *rand.Rand {
	return rand.New(rand.NewChaCha8([32]byte{what, byte(seed), byte(seed >> 8)}))
}

// agent is one host that asks.
type agent struct {
	balancer lb.Balancer
	balanced lb.Balanced
	at       uint64 // index of the view that it is of
}

// evenly is the yardstick: any of them, whatever they say.
const evenly = "random"

func newFleet(policy string, servers, agents int, weight func(int) uint16, ttl time.Duration, seed uint64) *fleet {
	f := &fleet{store: catalog.NewStore(0), rand: source(seed, 'f'), ttl: ttl}
	if policy != evenly {
		f.meta = map[string]string{catalog.MetaPolicy: policy}
		if policy == "load" { // the weights alone, without what waits
			f.meta = map[string]string{catalog.MetaLoad: "true"}
		}
	}
	for i := range servers {
		id := nodeID(i)
		w := weight(i)
		if policy == evenly {
			w = 1
		}
		f.store.Apply(catalog.Update{Owner: id, Put: []catalog.Record{
			&catalog.Node{ID: id, Name: fmt.Sprint("n", i), Address: "10.0.0.1", Datacenter: "dc1"}, f.instance(i, w, catalog.Load{}),
		}})
		f.store.SetLiveness(id, catalog.Alive)
	}
	for range agents {
		f.agents = append(f.agents, &agent{})
	}
	return f
}

func nodeID(i int) catalog.NodeID { return catalog.NodeID{1, byte(i), byte(i >> 8)} }

func (f *fleet) instance(i int, weight uint16, l catalog.Load) *catalog.Instance {
	return &catalog.Instance{ID: "web", Service: "web", Port: uint16(i), Meta: f.meta, Load: l,
		Weights: catalog.Weights{Passing: weight, Warning: weight}}
}

// report tells all agents of a server's load.
func (f *fleet) report(i int, weight uint16, rate, utilisation, queue float64) error {
	f.serial++
	l, err := catalog.NewLoad(rate, utilisation, queue, f.serial)
	if err != nil {
		return err
	}
	f.store.Apply(catalog.Update{Owner: nodeID(i), Put: []catalog.Record{f.instance(i, weight, l)}})
	return nil
}

// ask is an agent's answer: the server that comes first.
func (f *fleet) ask(which int, now float64) int {
	a, v := f.agents[which], f.store.View()
	at := time.Unix(1_700_000_000, 0).Add(time.Duration(now * float64(serviceTime)))
	if a.at != v.Index() || !a.balanced.Until.IsZero() && !at.Before(a.balanced.Until) {
		a.balanced = a.balancer.Balance(v, lb.Ask{Query: lb.Query{Service: "web"}, Now: at, TTL: f.ttl})
		a.at = v.Index()
	}
	a.balancer.Order(v, &a.balanced, f.rand)
	return int(a.balanced.Chosen[0].Port)
}
