// Command bench-agent measures one agent as its host's operator would: how many
// registrations a second are durable before they are answered, what an idle agent
// costs, and how soon after its start it answers DNS.
//
//	go run ./scripts/bench-agent [-n 5000] [-services 100] [-clients 64] [-there 50000] [-rounds 5]
//	    [-idle 30s] [-starts 20] [-dir DIR] [-parts registrations,crowd,starts,idle]
//
// It prints a table in Markdown together with the machine's shape. The peer of the
// registrations is measured in the same run and directory: one write and one fsync per
// registration, which is what group commit is there to beat. It judges nothing but
// loss: a registration that was acknowledged and is not there after kill -9 is an error.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

// options are the flags.
type options struct {
	registrations int
	services      int // that the instances are spread over
	clients       int
	there         int // instances that are registered before, for the part crowd
	rounds        int // of that part
	idle          time.Duration
	starts        int
	parts         string
	dir           string // where data directories are made; its disk is what is measured
}

func main() {
	var o options
	flag.IntVar(&o.registrations, "n", 5000, "registrations a run")
	flag.IntVar(&o.services, "services", 100, "services that the instances are spread over")
	flag.IntVar(&o.clients, "clients", 64, "HTTP clients, each with one connection")
	flag.IntVar(&o.there, "there", 50000, "instances that are there already, for the part crowd")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of that part, of which the median counts")
	flag.StringVar(&o.parts, "parts", "registrations,crowd,starts,idle", "what to measure")
	flag.DurationVar(&o.idle, "idle", 30*time.Second, "how long to watch an idle agent")
	flag.IntVar(&o.starts, "starts", 20, "starts to time")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "where the data directories are made: the disk that is measured")
	flag.Parse()
	if err := measureAll(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-agent:", err)
		os.Exit(1)
	}
}

func measureAll(o options) error {
	if o.registrations < 1 || o.services < 1 || o.clients < 1 || o.there < 1 || o.rounds < 1 || o.starts < 1 || o.idle < time.Second {
		return fmt.Errorf("-n, -services, -clients, -there, -rounds and -starts must be at least 1, -idle at least 1s")
	}
	dir, err := os.MkdirTemp(o.dir, "covey-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary, err := rig.Build(dir, false)
	if err != nil {
		return err
	}
	b := bench{options: o, binary: binary, dir: dir}
	fmt.Println(measure.Machine("bench", dir))
	fmt.Println()
	fmt.Println("| what | figure |")
	fmt.Println("|---|---|")
	parts := map[string]func() error{"registrations": b.registrations, "crowd": b.crowd, "starts": b.startTimes, "idle": b.idleCosts}
	for name := range strings.SplitSeq(o.parts, ",") {
		part := parts[name]
		if part == nil {
			return fmt.Errorf("-parts: there is no part %q", name)
		}
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// bench is one run of the program.
type bench struct {
	options
	binary rig.Binary
	dir    string
	agents int
}

// row prints one line of the table as soon as it is known.
func row(what, format string, args ...any) {
	fmt.Printf("| %s | %s |\n", what, fmt.Sprintf(format, args...))
}

// agent returns an agent with a data directory of its own.
func (b *bench) agent(env ...string) (*rig.Agent, error) {
	place, err := rig.FindPlace()
	if err != nil {
		return nil, err
	}
	b.agents++
	node := fmt.Sprintf("bench-%d", b.agents)
	return &rig.Agent{
		Binary:  b.binary,
		Node:    node,
		Place:   place,
		DataDir: filepath.Join(b.dir, node),
		Args:    []string{"--insecure-gossip", "--log-level", "warn"},
		Env:     env,
	}, nil
}
