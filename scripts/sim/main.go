// Command sim simulates replication among many nodes and prints what it measured as
// one table: how fast a change reaches everyone, what it costs, and what is missed,
// with good views of the membership and with bad ones.
//
// Every row says its seeds; a run with the same flags prints the same table.
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"covey/gossip/replica"
	"covey/gossip/replicasim"
)

// scenario is one row: how the world is bent before the change is made.
type scenario struct {
	name string
	loss float64
	bend func(w *replicasim.World, nodes int)
}

func main() {
	nodes := flag.Int("nodes", 10_000, "nodes")
	seeds := flag.Int("seeds", 20, "worlds for each row, with seeds from 1")
	loss := flag.Float64("loss", 0.01, "part of the frames that are lost, in the rows that do not say another")
	only := flag.Int("only", 0, "the one row to run, counted from 1; 0 for all")
	rings := flag.Int("rings", 0, "successors that a change is passed on to; 0 for as many as suit the nodes")
	flag.Parse()

	fmt.Printf("%d nodes, links of 0.5 to 1 ms, %d seeds a row, change of 150 bytes, %d rings (0: by size).\n\n", *nodes, *seeds, *rings)
	fmt.Println("| members and links | p50 | p99 | last of all seeds | not within 1 s | payloads, bytes a node | frames lost, to dead nodes |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for i, s := range scenarios(*loss) {
		if *only != 0 && *only != i+1 {
			continue
		}
		if err := row(s, *nodes, *seeds, *rings); err != nil {
			fmt.Fprintln(os.Stderr, "sim:", err)
			os.Exit(1)
		}
	}
}

func scenarios(loss float64) []scenario {
	return []scenario{
		{fmt.Sprintf("all see all, %.0f %% loss", 100*loss), loss, nil},
		{"all see all, no loss", 0, nil},
		{"all see all, 10 % loss", 0.1, nil},
		{fmt.Sprintf("1 %% dead and not yet noticed, %.0f %% loss", 100*loss), loss, func(w *replicasim.World, n int) {
			for i := 7; i < n; i += 100 {
				w.Kill(i)
			}
		}},
		{fmt.Sprintf("5 %% dead and not yet noticed, %.0f %% loss", 100*loss), loss, func(w *replicasim.World, n int) {
			for i := 7; i < n; i += 20 {
				w.Kill(i)
			}
		}},
		{fmt.Sprintf("1 %% new and known to half, %.0f %% loss", 100*loss), loss, func(w *replicasim.World, n int) {
			for newcomer := 7; newcomer < n; newcomer += 100 {
				for i := range n {
					if (i+newcomer)%2 == 0 && i != newcomer {
						w.Node(i).Hide(newcomer)
					}
				}
			}
		}},
		{fmt.Sprintf("5 %% stalled for 200 ms, %.0f %% loss", 100*loss), loss, func(w *replicasim.World, n int) {
			for i := 7; i < n; i += 20 {
				w.Stall(i, 200*time.Millisecond)
			}
		}},
	}
}

// row runs one scenario over all seeds and prints it.
func row(s scenario, nodes, seeds, rings int) error {
	var delays []time.Duration
	var last time.Duration
	var payloads, bytes float64
	var late, total int
	var faults replicasim.Faults
	for seed := 1; seed <= seeds; seed++ {
		w, err := replicasim.New(replicasim.Config{
			Seed: uint64(seed), Nodes: nodes, Core: replica.Config{Rings: rings},
			MinDelay: 500 * time.Microsecond, MaxDelay: time.Millisecond, Loss: s.loss,
		})
		if err != nil {
			return err
		}
		if s.bend != nil {
			s.bend(w, nodes)
		}
		m := w.Update(0, time.Second)
		delays = append(delays, m.Percentile(0.5), m.Percentile(0.99))
		last = max(last, m.Percentile(1))
		payloads, bytes = payloads+m.Payloads, bytes+m.Bytes
		late, total = late+m.Missed, total+m.Nodes
		faults.Lost += w.Faults.Lost
		faults.ToDead += w.Faults.ToDead
	}
	p50, p99 := every(delays, 0), every(delays, 1)
	fmt.Printf("| %s | %s | %s | %s | %d of %d | %.2f, %.0f | %d, %d |\n", s.name, ms(median(p50)), ms(median(p99)), ms(last),
		late, total, payloads/float64(seeds), bytes/float64(seeds), faults.Lost, faults.ToDead)
	return nil
}

// every returns the elements of pairs at offset.
func every(pairs []time.Duration, offset int) []time.Duration {
	var out []time.Duration
	for i := offset; i < len(pairs); i += 2 {
		out = append(out, pairs[i])
	}
	return out
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }
