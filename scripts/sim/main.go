// Command sim simulates replication among many nodes and prints what it measured as
// one table: how fast a change reaches everyone, what it costs, and what is missed,
// with good views of the membership and with bad ones. After each run the faults end, and
// all nodes must come to hold the same. A run in which a fault that a row asks for never
// happened fails. Then come trials, in each of which every fault happens.
//
// Every row says its seeds; a run with the same flags prints the same table.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

func main() {
	nodes := flag.Int("nodes", 10_000, "nodes")
	seeds := flag.Int("seeds", 20, "worlds for each row, with seeds from 1")
	loss := flag.Float64("loss", 0.01, "part of the frames that are lost, in the rows that do not say another")
	only := flag.Int("only", 0, "the one row to run, counted from 1; 0 for all")
	rings := flag.Int("rings", 0, "successors that a change is passed on to; 0 for as many as suit the nodes")
	at := flag.Int("parallel", runtime.GOMAXPROCS(0), "worlds at once")
	tries := flag.Int("trials", 10, "random histories with every fault in each")
	trialNodes := flag.Int("trial-nodes", 60, "nodes that each of them begins with")
	flag.Parse()
	if *nodes < 200 || *seeds < 1 || *at < 1 || *trialNodes < 4 {
		fmt.Fprintln(os.Stderr, "sim: 200 nodes, one seed and one world at once are the least, and 4 nodes in a trial")
		os.Exit(2)
	}

	fmt.Printf("%d nodes, seeds 1 to %d a row, change of 150 bytes, %d rings (0: by size); links of 0.5 to 1 ms unless the row says otherwise.\n\n", *nodes, *seeds, *rings)
	fmt.Println("| members and links | p50 | p99 | last of all seeds | not within 1 s | payloads, bytes a node | frames that met a fault |")
	fmt.Println("|---|---|---|---|---|---|---|")
	for i, s := range scenarios(*loss) {
		if *only != 0 && *only != i+1 {
			continue
		}
		r := newRow(&s, *nodes, *seeds, *rings, *at)
		fmt.Println(r)
		if r.err != nil {
			fmt.Fprintf(os.Stderr, "sim: row %d: %v\n", i+1, r.err)
			os.Exit(1)
		}
	}
	if *only != 0 || *tries < 1 {
		return
	}
	if err := trials(*tries, *trialNodes); err != nil {
		fmt.Fprintf(os.Stderr, "sim: %v\n", err)
		os.Exit(1)
	}
}

// row is one scenario over all seeds.
type row struct {
	name            string
	p50, p99        []time.Duration // by world
	last            time.Duration
	payloads, bytes float64 // a node
	late, total     int
	faults          map[string]int
	err             error
}

// newRow runs a scenario once a seed, some worlds at a time.
func newRow(s *scenario, nodes, seeds, rings, at int) *row {
	r := &row{name: s.name, faults: map[string]int{}}
	var mu sync.Mutex // guards r
	var wg sync.WaitGroup
	next := make(chan uint64)
	for range min(at, seeds) {
		wg.Go(func() {
			for seed := range next {
				m := s.measure(seed, nodes, rings)
				mu.Lock()
				r.add(&m)
				mu.Unlock()
			}
		})
	}
	for seed := range seeds {
		next <- uint64(seed) + 1
	}
	close(next)
	wg.Wait()
	r.payloads, r.bytes = r.payloads/float64(seeds), r.bytes/float64(seeds)
	for _, fault := range s.faults {
		if r.faults[fault] == 0 && r.err == nil {
			r.err = fmt.Errorf("no frame was %s, though %q asks for it: the run proves nothing", fault, s.name)
		}
	}
	return r
}

// add takes one world's results, in any order.
func (r *row) add(m *measured) {
	if m.err != nil {
		r.err = m.err
		return
	}
	r.p50, r.p99 = append(r.p50, m.spread.Percentile(0.5)), append(r.p99, m.spread.Percentile(0.99))
	r.last = max(r.last, m.spread.Percentile(1))
	r.payloads, r.bytes = r.payloads+m.spread.Payloads, r.bytes+m.spread.Bytes
	r.late, r.total = r.late+m.spread.Missed, r.total+m.spread.Nodes
	for name, n := range m.faults.ByName() {
		r.faults[name] += n
	}
}

// String is the row of the table.
func (r *row) String() string {
	var faults []string
	for name, n := range r.faults {
		if n > 0 {
			faults = append(faults, fmt.Sprintf("%d %s", n, name))
		}
	}
	slices.Sort(faults)
	return fmt.Sprintf("| %s | %s | %s | %s | %d of %d | %.2f, %.0f | %s |", r.name, ms(median(r.p50)), ms(median(r.p99)), ms(r.last),
		r.late, r.total, r.payloads, r.bytes, strings.Join(faults, ", "))
}

func median(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)/2]
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }
