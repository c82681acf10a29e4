package main

import (
	"errors"
	"fmt"
	"slices"

	"covey/e2e/rig"
)

// crowd measures what instances that are there already cost those that register: an agent
// with many and one with none take the same registrations in turn. It does so with
// instances that are all of one service, of some, and each of its own.
func (b *bench) crowd() error {
	for _, spread := range []struct {
		services int
		what     string
	}{
		{1, "one service"},
		{b.services, fmt.Sprintf("%d services", b.services)},
		{1 << 30, "a service each"},
	} {
		empty, full, err := b.beside(spread.services)
		if err != nil {
			return err
		}
		row(fmt.Sprintf("%d registrations by %d clients, %s, nothing there", b.options.registrations, b.clients, spread.what),
			"%.0f/s (median of %d, %.0f to %.0f), %.0f us of processor time each", median(empty.rates), b.rounds,
			empty.rates[0], empty.rates[b.rounds-1], median(empty.costs))
		row(fmt.Sprintf("the same with %d instances there", b.there),
			"%.0f/s (%.0f to %.0f): %.0f %%; %.0f us", median(full.rates), full.rates[0], full.rates[b.rounds-1],
			100*median(full.rates)/median(empty.rates), median(full.costs))
	}
	return nil
}

func median(sorted []float64) float64 { return sorted[len(sorted)/2] }

// rounds are what an agent did in each: registrations a second, and microseconds of its
// processor time for one.
type rounds struct{ rates, costs []float64 }

// add measures one round more.
func (r *rounds) add(b *bench, a *rig.Agent, first, services int) error {
	before, err := cpuTime(a.PID())
	if err != nil {
		return err
	}
	l, err := send(a, b.clients, first, b.options.registrations, services)
	if err != nil {
		return err
	}
	after, err := cpuTime(a.PID())
	if err != nil {
		return err
	}
	r.rates = append(r.rates, l.rate())
	r.costs = append(r.costs, float64((after-before).Microseconds())/float64(l.sent))
	slices.Sort(r.rates)
	slices.Sort(r.costs)
	return nil
}

// beside returns what agents that are new for each round did, and one that has many
// instances before the first.
func (b *bench) beside(services int) (empty, full rounds, err error) {
	crowded, err := b.started()
	if err != nil {
		return empty, full, err
	}
	defer crowded.Kill()
	if _, err := send(crowded, b.clients, 0, b.there, services); err != nil {
		return empty, full, err
	}
	for round := range b.rounds {
		fresh, err := b.started()
		if err != nil {
			return empty, full, err
		}
		err = errors.Join(empty.add(b, fresh, 0, services), fresh.Kill())
		if err == nil {
			err = full.add(b, crowded, b.there+round*b.options.registrations, services)
		}
		if err != nil {
			return empty, full, err
		}
	}
	return empty, full, nil
}

func (b *bench) started() (*rig.Agent, error) {
	a, err := b.agent()
	if err != nil {
		return nil, err
	}
	return a, a.Start()
}
