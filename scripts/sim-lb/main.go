// Command sim-lb simulates balancing: requests to servers of which agents know what they
// last reported, answered by the agents' own code, for every policy beside random. It
// prints mean and 99th percentile of the response, in service times, and with -svg draws
// them over the age of the reports.
//
// Requests come at random, or from clients that wait and think; servers are equal,
// unequal, or some run slow for a while; clients use an answer for its TTL and resolve
// each at a time of their own. The same flags print the same figures.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
)

// policies are what is compared: "load" is weighted with the factor load.
var policies = []string{evenly, "round-robin", "weighted", "least-load", "two-choices", "load", "capacity"}

// periods are the times between reports, in service times.
var periods = []float64{1, 5, 20, 100}

func scenarios(n int) []scenario {
	equal := func(int) float64 { return 1 }
	unequal := func(i int) float64 { return []float64{.5, 1, 1, 2}[i%4] }
	return []scenario{
		{name: "equal servers, load 0.8", servers: 20, rho: .8, speed: equal, n: n},
		{name: "4 of 20 slowed to 0.4, load 0.6", servers: 20, rho: .6, speed: equal, slowed: 4, part: .4, spell: 400, n: n},
		{name: "unequal servers, load 0.8", servers: 20, rho: .8, speed: unequal, n: n},
		{name: "4 of 20 slowed, clients wait and think", servers: 20, rho: .6, speed: equal, slowed: 4, part: .4, spell: 400, closed: true, n: n},
		{name: "4 of 20 slowed, answers used for 10 service times", servers: 20, rho: .6, speed: equal, slowed: 4, part: .4, spell: 400, ttl: 10, n: n},
	}
}

func main() {
	n := flag.Int("requests", 60_000, "requests in each run")
	seeds := flag.Int("seeds", 3, "runs for each figure, which is their mean")
	only := flag.Int("only", 0, "the one scenario to run, counted from 1; 0 for all")
	which := flag.String("policies", strings.Join(policies, ","), "what to compare, separated by commas")
	dir := flag.String("svg", "", "directory to draw the curves into; none are drawn without")
	flag.Parse()
	policies = strings.Split(*which, ",")
	if *n < 1000 || *seeds < 1 {
		fmt.Fprintln(os.Stderr, "sim-lb: 1000 requests and one seed are the least")
		os.Exit(2)
	}
	if err := simulate(*n, *seeds, *only, *dir); err != nil {
		fmt.Fprintf(os.Stderr, "sim-lb: %v\n", err)
		os.Exit(1)
	}
}

func simulate(n, seeds, only int, dir string) error {
	for i, s := range scenarios(n) {
		if only != 0 && only != i+1 {
			continue
		}
		figures, err := s.measure(seeds)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Printf("%s: mean / p99 of the response in service times, by service times between reports\n\n", s.name)
		fmt.Print(table(figures))
		if dir != "" {
			for what, of := range map[string]func(outcome) float64{
				"mean": func(o outcome) float64 { return o.mean }, "p99": func(o outcome) float64 { return o.p99 },
			} {
				if err := draw(dir, fmt.Sprintf("balancing-%d-%s", i+1, what), s.name+", "+what, figures, of); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// measure is the outcome of each policy at each period.
func (s *scenario) measure(seeds int) (figures [][]outcome, err error) {
	figures = make([][]outcome, len(policies))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var all sync.WaitGroup
	var mu sync.Mutex // guards figures and err
	for p, policy := range policies {
		figures[p] = make([]outcome, len(periods))
		for t, every := range periods {
			for seed := range seeds {
				all.Add(1)
				slots <- struct{}{}
				go func() {
					defer func() { <-slots; all.Done() }()
					run := *s
					run.every = every
					o, failed := run.run(policy, uint64(seed+1))
					mu.Lock()
					defer mu.Unlock()
					err = errors.Join(err, failed)
					figures[p][t].mean += o.mean / float64(seeds)
					figures[p][t].p99 += o.p99 / float64(seeds)
				}()
			}
		}
	}
	all.Wait()
	return figures, err
}

func table(figures [][]outcome) string {
	var b strings.Builder
	b.WriteString("| policy |")
	for _, every := range periods {
		fmt.Fprintf(&b, " T=%g |", every)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(periods)) + "\n")
	for p, policy := range policies {
		fmt.Fprintf(&b, "| %s |", policy)
		for _, o := range figures[p] {
			fmt.Fprintf(&b, " %.1f / %.1f |", o.mean, o.p99)
		}
		b.WriteString("\n")
	}
	return b.String() + "\n"
}
