//go:build unix

// Command bench-health measures what health checks cost an agent, and how soon who is dead
// is out of all answers.
//
//	go run ./scripts/bench-health [-parts steady,flaps,kill,polled,crash,stall] [-dir DIR] ...
//
// The parts are
//
//   - steady: thousands of checks of services that are well;
//   - flaps: a thousand whose status changes with every run;
//   - kill: instances that are processes are killed, with a check that holds a connection
//     and with one that watches the process;
//   - polled: the same with a TCP check, from when its own agent answers without it;
//   - crash: agents are killed, one after another, and started again;
//   - stall: an agent is stopped by SIGSTOP, and goes on later.
//
// It starts the real agent and plays the services, and prints a table in Markdown together
// with the machine's shape. All agents are asked by DNS until none has the dead one. Whether a check is run on time is seen where it arrives: by
// the time between two runs of one check. It judges nothing.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

// options are the flags.
type options struct {
	parts    string
	checks   int
	interval time.Duration
	over     time.Duration
	flapping int
	flap     time.Duration
	agents   int
	rounds   int
	crashes  int
	stall    time.Duration
	dir      string
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == instanceArg {
		serveInstance()
		return
	}
	var o options
	flag.StringVar(&o.parts, "parts", strings.Join(partNames, ","), "what to measure")
	flag.IntVar(&o.checks, "checks", 5000, "checks, half HTTP and half TCP")
	flag.DurationVar(&o.interval, "interval", 10*time.Second, "their interval")
	flag.DurationVar(&o.over, "for", time.Minute, "how long to watch the agent, in each part")
	flag.IntVar(&o.flapping, "flapping", 1000, "checks whose status changes with each run")
	flag.DurationVar(&o.flap, "flap", time.Second, "their interval")
	flag.IntVar(&o.agents, "agents", 10, "agents that are asked where somebody dies")
	flag.IntVar(&o.rounds, "rounds", 40, "instances killed for each kind of check")
	flag.IntVar(&o.crashes, "crashes", 12, "agents killed")
	flag.DurationVar(&o.stall, "stall", 20*time.Second, "how long an agent is stopped")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "where the data directories are made")
	flag.Parse()
	if err := measureAll(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-health:", err)
		os.Exit(1)
	}
}

var partNames = []string{"steady", "flaps", "kill", "polled", "crash", "stall"}

func (o options) check() error {
	for name := range strings.SplitSeq(o.parts, ",") {
		if !slices.Contains(partNames, name) {
			return fmt.Errorf("-parts: %q is not one of %s", name, strings.Join(partNames, ", "))
		}
	}
	switch {
	case min(o.checks, o.flapping, o.rounds, o.crashes) < 1:
		return errors.New("-checks, -flapping, -rounds and -crashes must be at least 1")
	case min(o.interval, o.over, o.stall) < time.Second || o.flap < 100*time.Millisecond:
		return errors.New("-interval, -for and -stall must be at least 1s, -flap at least 100ms")
	case o.agents < 3 || o.agents > 30:
		return errors.New("-agents must be 3 to 30") // the addresses of all are to fit one answer
	}
	return nil
}

func measureAll(o options) error {
	if err := o.check(); err != nil {
		return err
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
	key, err := binary.Run(nil, "keygen")
	if err != nil {
		return err
	}
	b := bench{options: o, binary: binary, dir: dir, key: strings.TrimSpace(key.Stdout)}
	fmt.Println(measure.Machine("bench-health", dir))
	fmt.Println()
	fmt.Println("| what | figure |")
	fmt.Println("|---|---|")
	for _, part := range []struct {
		name string
		do   func() error
	}{{"steady", b.steady}, {"flaps", b.flaps}, {"kill", b.kill}, {"polled", b.polled}, {"crash", b.crash}, {"stall", b.stallOne}} {
		if !slices.Contains(strings.Split(o.parts, ","), part.name) {
			continue
		}
		if err := part.do(); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// bench is one run of the program.
type bench struct {
	options
	binary rig.Binary
	dir    string
	key    string
	made   int // agents
}

// row prints one line of the table as soon as it is known.
func row(what, format string, args ...any) {
	fmt.Printf("| %s | %s |\n", what, fmt.Sprintf(format, args...))
}

// start starts an agent with a data directory of its own, whose gossip is sealed.
func (b *bench) start(args ...string) (*rig.Agent, error) {
	place, err := rig.FindPlace()
	if err != nil {
		return nil, err
	}
	b.made++
	node := fmt.Sprintf("bench-%d", b.made)
	a := &rig.Agent{
		Binary: b.binary, Node: node, Place: place, DataDir: filepath.Join(b.dir, node),
		Args: append([]string{"--log-level", "warn"}, args...),
		Env:  []string{"COVEY_ENCRYPT=" + b.key},
	}
	return a, a.Start()
}

// percent is what of one core a process used in a time.
func percent(used, over time.Duration) float64 { return 100 * used.Seconds() / over.Seconds() }
