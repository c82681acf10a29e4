// Command bench-gossip measures how fast a change is everywhere: with the real binary,
// one process an agent, over loopback, and beside it in the same run serf's own user
// events among as many serf nodes.
//
//	go run ./scripts/bench-gossip [-parts small,large,burst,serf,lostdisk,newcomer] [-dir DIR] ...
//
// The parts are
//
//   - small, large: one instance is changed over HTTP on one agent after another, and
//     all agents are asked by DNS until each answers with the change;
//   - burst: distinct instances are registered within a second, on one agent and then
//     spread over several; every few of them are looked for by DNS on all agents, and in
//     the end all agents must have all;
//   - serf: the same single update and the same burst as user events;
//   - lostdisk: agents are killed and started again without their data directories; what
//     they had registered must be gone from all others;
//   - newcomer: an agent without a past joins agents that hold many instances.
//
// It prints a table in Markdown together with the machine's shape. All processes share
// the machine's cores with the observer, so figures are too high rather than too low;
// how late the observer may have been is printed beside them. It judges nothing but
// loss: what was acknowledged and does not arrive is an error.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	parts   string
	small   int // agents
	large   int // agents, of the burst too
	updates int // one at a time, among small; large has 3 of 10 of them
	burst   int
	spread  int // agents that the second burst is spread over
	every   int // each how many updates of a burst one is looked for
	clients int // HTTP connections that bursts and bulk registrations use

	serfNodes   int
	serfUpdates int
	serfLimit   time.Duration

	owners    int
	instances int // of each owner

	dir   string // where data directories are made
	limit time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.parts, "parts", "small,large,burst,serf,lostdisk,newcomer", "what to measure")
	flag.IntVar(&o.small, "small", 5, "agents of the small cluster")
	flag.IntVar(&o.large, "large", 50, "agents of the large cluster, which takes the bursts too")
	flag.IntVar(&o.updates, "updates", 200, "single updates in the small cluster; the large one has 3 of 10 of them")
	flag.IntVar(&o.burst, "burst", 2000, "updates within one second")
	flag.IntVar(&o.spread, "spread", 10, "agents that the second burst is spread over")
	flag.IntVar(&o.every, "every", 40, "look by DNS for each so many of a burst's updates")
	flag.IntVar(&o.clients, "clients", 64, "HTTP clients of bursts and bulk registrations, each with one connection")
	flag.IntVar(&o.serfNodes, "serf-nodes", 50, "serf nodes")
	flag.IntVar(&o.serfUpdates, "serf-updates", 20, "single user events")
	flag.DurationVar(&o.serfLimit, "serf-limit", 90*time.Second, "how long to wait for serf's burst")
	flag.IntVar(&o.owners, "owners", 10, "agents that a newcomer joins, and among which disks are lost")
	flag.IntVar(&o.instances, "instances", 10000, "instances on each of them")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "where the data directories are made")
	flag.DurationVar(&o.limit, "limit", 10*time.Minute, "give up after so long")
	flag.Parse()
	if err := o.bounded(); err != nil {
		fmt.Fprintln(os.Stderr, "bench-gossip:", err)
		os.Exit(1)
	}
}

// partNames are in the order in which they run: bursts want the large cluster.
var partNames = []string{"small", "large", "burst", "serf", "lostdisk", "newcomer"}

func (o options) check() error {
	for name := range strings.SplitSeq(o.parts, ",") {
		if !slices.Contains(partNames, name) {
			return fmt.Errorf("-parts: %q is not one of %s", name, strings.Join(partNames, ", "))
		}
	}
	numbers := []int{o.updates, o.burst, o.spread, o.every, o.clients, o.serfUpdates, o.owners, o.instances}
	if slices.Min(numbers) < 1 || min(o.small, o.large, o.serfNodes) < 2 {
		return errors.New("all numbers must be at least 1, clusters at least 2")
	}
	if o.spread > o.large || o.spread > o.clients {
		return errors.New("-spread must not be above -large or -clients")
	}
	if max(o.small, o.large, o.serfNodes, o.owners) > 250 || max(o.updates, o.burst, o.owners*o.instances) >= 1<<24 {
		return errors.New("at most 250 agents, and 2^24 updates or instances")
	}
	return nil
}

// bounded runs all parts, and leaves neither processes nor files behind whatever ends
// it.
func (o options) bounded() error {
	if err := o.check(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "covey-bench-")
	if err != nil {
		return err
	}
	b := &bench{options: o, dir: dir}
	defer os.RemoveAll(dir)
	defer b.killAll()

	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- b.run() }()
	select {
	case err := <-done:
		return err
	case s := <-interrupted:
		return fmt.Errorf("ended by %v", s)
	case <-time.After(o.limit):
		return fmt.Errorf("not done within %v", o.limit)
	}
}

func (o options) wants(part string) bool {
	return slices.Contains(strings.Split(o.parts, ","), part)
}

// row prints one line of the table as soon as it is known.
func row(what, format string, args ...any) {
	fmt.Printf("| %s | %s |\n", what, fmt.Sprintf(format, args...))
}
