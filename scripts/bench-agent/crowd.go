package main

import (
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
			"%.0f/s (median of %d, %.0f to %.0f)", median(empty), b.rounds, empty[0], empty[len(empty)-1])
		row(fmt.Sprintf("the same with %d instances there", b.there),
			"%.0f/s (%.0f to %.0f): %.0f %%", median(full), full[0], full[len(full)-1], 100*median(full)/median(empty))
	}
	return nil
}

func median(sorted []float64) float64 { return sorted[len(sorted)/2] }

// beside returns the rates of all rounds, sorted: of agents that are new for each round,
// and of one that has many instances before the first.
func (b *bench) beside(services int) (empty, full []float64, err error) {
	crowded, err := b.started()
	if err != nil {
		return nil, nil, err
	}
	defer crowded.Kill()
	if _, err := send(crowded, b.clients, 0, b.there, services); err != nil {
		return nil, nil, err
	}
	for round := range b.rounds {
		fresh, err := b.started()
		if err != nil {
			return nil, nil, err
		}
		one, err := send(fresh, b.clients, 0, b.options.registrations, services)
		if err := fresh.Kill(); err != nil {
			return nil, nil, err
		}
		if err != nil {
			return nil, nil, err
		}
		many, err := send(crowded, b.clients, b.there+round*b.options.registrations, b.options.registrations, services)
		if err != nil {
			return nil, nil, err
		}
		empty, full = append(empty, one.rate()), append(full, many.rate())
	}
	slices.Sort(empty)
	slices.Sort(full)
	return empty, full, nil
}

func (b *bench) started() (*rig.Agent, error) {
	a, err := b.agent()
	if err != nil {
		return nil, err
	}
	return a, a.Start()
}
