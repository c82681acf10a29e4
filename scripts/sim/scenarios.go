package main

import (
	"fmt"
	"time"

	"covey/gossip/replica"
	"covey/gossip/replicasim"
)

// scenario is one row: how the world is bent before the change is made, and which
// faults must come of it.
type scenario struct {
	name    string
	loss    float64
	double  float64
	latency replicasim.Latency
	bend    func(w *replicasim.World, nodes int)
	faults  []string // as replicasim.Faults names them
}

// lan is the links of one data centre.
var lan = replicasim.Uniform(500*time.Microsecond, time.Millisecond)

func scenarios(loss float64) []scenario {
	with := fmt.Sprintf(", %g %% loss", 100*loss)
	lost := []string{"lost"}
	if loss == 0 {
		lost = nil
	}
	also := func(more string) []string { return append(append([]string(nil), lost...), more) }
	return []scenario{
		{"all see all" + with, loss, 0, lan, nil, lost},
		{"all see all, no loss", 0, 0, lan, nil, nil},
		{"all see all, 10 % loss", 0.1, 0, lan, nil, []string{"lost"}},
		{"links log-normal, median 0.7 ms, sigma 0.8" + with, loss, 0, replicasim.LogNormal(700*time.Microsecond, 0.8), nil, lost},
		{"links with a long tail, 0.4 to 200 ms, alpha 1.2" + with, loss, 0, replicasim.LongTail(400*time.Microsecond, 200*time.Millisecond, 1.2), nil, lost},
		{"1 % dead and not yet noticed" + with, loss, 0, lan, dead(100), also("sent to the dead")},
		{"5 % dead and not yet noticed" + with, loss, 0, lan, dead(20), also("sent to the dead")},
		{"1 % new and known to half" + with, loss, 0, lan, hidden, lost},
		{"5 % stalled for 200 ms" + with, loss, 0, lan, stalled, also("held up")},
		{"10 % doubled" + with, loss, 0.1, lan, nil, also("doubled")},
		{"of 1 % nothing is heard by any other" + with, loss, 0, lan, mute, also("cut off")},
		{"parted in halves for 300 ms" + with, loss, 0, lan, parted, also("cut off")},
		{"log-normal, 5 % doubled, 1 % dead, 1 % not heard, 5 % stalled" + with, loss, 0.05, replicasim.LogNormal(700*time.Microsecond, 0.8), together(dead(100), stalled, mute),
			append(also("doubled"), "sent to the dead", "held up", "cut off")},
	}
}

func dead(every int) func(w *replicasim.World, n int) {
	return func(w *replicasim.World, n int) {
		for i := 7; i < n; i += every {
			w.Kill(i)
		}
	}
}

func hidden(w *replicasim.World, n int) {
	for newcomer := 7; newcomer < n; newcomer += 100 {
		for i := range n {
			if (i+newcomer)%2 == 0 && i != newcomer {
				w.Node(i).Hide(newcomer)
			}
		}
	}
}

func stalled(w *replicasim.World, n int) {
	for i := 7; i < n; i += 20 {
		w.Stall(i, 200*time.Millisecond)
	}
}

func together(bends ...func(*replicasim.World, int)) func(*replicasim.World, int) {
	return func(w *replicasim.World, n int) {
		for _, bend := range bends {
			bend(w, n)
		}
	}
}

// mute has nodes hear the others and not be heard: links that fail one way.
func mute(w *replicasim.World, _ int) {
	w.Cut(func(from, _ int) bool { return from%100 == 13 })
}

func parted(w *replicasim.World, n int) {
	w.Cut(func(from, to int) bool { return from < n/2 != (to < n/2) })
	w.After(300*time.Millisecond, func() { w.Cut(nil) })
}

// measured is what one world showed.
type measured struct {
	spread replicasim.Spread
	faults replicasim.Faults
	err    error
}

// quiet is how long after its faults have ended a world may take to be equal everywhere.
const quiet = 15 * time.Second

// measure has one change spread in a world of its own, and holds it to the promises.
func (s *scenario) measure(seed uint64, nodes, rings int) measured {
	w, err := replicasim.New(replicasim.Config{
		Seed: seed, Nodes: nodes, Core: replica.Config{Rings: rings},
		Latency: s.latency, Loss: s.loss, Duplicate: s.double,
	})
	if err != nil {
		return measured{err: err}
	}
	check := replicasim.Check(w)
	if s.bend != nil {
		s.bend(w, nodes)
	}
	m := measured{spread: w.Update(0, time.Second)}
	m.faults = w.Faults
	w.EndFaults()
	if err := check.Rest(quiet); err != nil {
		m.err = fmt.Errorf("seed %d: %w", seed, err)
	}
	return m
}
