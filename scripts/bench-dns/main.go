// Command bench-dns measures what an answer costs: the CPU time of the server for each
// question, of a Covey agent and, in the same run and in turn with it, of NSD and Knot
// DNS, which serve the same records as static zones.
//
//	go run ./scripts/bench-dns [-runs 5] [-time 4s] [-instances 10] [-churn 200] ...
//
// dnsperf asks, over loopback, with as many questions outstanding as keeps a server
// busy. Since it shares the machine with the server, questions a second say little; CPU
// time a question, read from /proc, says what a server costs its host. Each figure is
// the median of the runs, beside it the least and the greatest.
//
// dnsperf, nsd and knot are installed with apt-get where it is there and they are not;
// a peer that cannot be had is left out. The benchmark judges nothing but loss: a
// question without an answer is an error.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

// options are the flags.
type options struct {
	runs        int
	time        time.Duration // of each run
	instances   int           // of the service that is asked for
	outstanding int           // questions that dnsperf keeps outstanding
	services    int           // of the large catalogue
	each        int           // instances of each of those
	churn       int           // changes of health a second there
	portable    bool          // measure the portable loop, too
}

func main() {
	var o options
	flag.IntVar(&o.runs, "runs", 5, "runs of each server and question")
	flag.DurationVar(&o.time, "time", 4*time.Second, "how long a run takes")
	flag.IntVar(&o.instances, "instances", 10, "instances of the service asked for")
	flag.IntVar(&o.outstanding, "outstanding", 100, "questions outstanding")
	flag.IntVar(&o.services, "services", 1000, "services of the large catalogue")
	flag.IntVar(&o.each, "each", 20, "instances of each of them")
	flag.IntVar(&o.churn, "churn", 200, "changes of health a second in the large catalogue")
	flag.BoolVar(&o.portable, "portable", true, "measure the portable loop, too")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-dns:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	if o.runs < 1 || o.time < time.Second || o.instances < 1 || o.outstanding < 1 || o.services < 1 || o.each < 1 || o.churn < 1 {
		return fmt.Errorf("all numbers must be at least 1, -time at least 1s")
	}
	if err := install("dnsperf", "nsd", "knotd"); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "covey-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := rig.Build(dir, false)
	if err != nil {
		return err
	}
	b := &bench{options: o, binary: binary, dir: dir}
	defer b.stopAll()
	fmt.Println(measure.Machine("bench-dns", dir))
	fmt.Println()
	fmt.Println("| question | server | CPU a question, median (least, greatest) | against NSD | questions/s |")
	fmt.Println("|---|---|---|---|---|")
	if err := b.small(); err != nil {
		return err
	}
	b.stopAll()
	return b.large()
}

// bench is one run of the program.
type bench struct {
	options
	binary  rig.Binary
	dir     string
	servers []server
}

func (b *bench) stopAll() {
	for _, s := range b.servers {
		s.stop()
	}
	b.servers = nil
}

// small asks every server for one service.
func (b *bench) small() error {
	if err := b.startServers(); err != nil {
		return err
	}
	for _, qtype := range []string{"SRV", "A"} {
		file := filepath.Join(b.dir, "questions-"+qtype)
		if err := os.WriteFile(file, []byte(serviceName+" "+qtype+"\n"), 0o600); err != nil {
			return err
		}
		if err := b.compare(fmt.Sprintf("%s, %d instances, EDNS", qtype, b.instances), file); err != nil {
			return err
		}
	}
	return nil
}

// compare runs all servers in turn, so that what else the machine does meets all alike.
func (b *bench) compare(what, file string) error {
	costs := make([]costs, len(b.servers))
	for range b.runs {
		for i, s := range b.servers {
			c, err := b.load(s, file, 0)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", what, s.name, err)
			}
			costs[i] = append(costs[i], c)
		}
	}
	for i, s := range b.servers {
		against := "-"
		for k, peer := range b.servers {
			if peer.name == nsdName && k != i {
				against = fmt.Sprintf("%.2f", costs[i].cpu()/costs[k].cpu())
			}
		}
		fmt.Printf("| %s | %s | %s | %s | %.0f |\n", what, s.name, costs[i], against, costs[i].rate())
	}
	return nil
}
