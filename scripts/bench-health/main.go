// Command bench-health measures what health checks cost an agent: thousands of checks of
// services that are well, and a thousand that change with every run.
//
//	go run ./scripts/bench-health [-checks 5000] [-interval 10s] [-for 60s] [-flapping 1000] [-flap 1s] [-dir DIR]
//
// It starts the real agent and plays the services, and prints a table in Markdown together
// with the machine's shape. Whether a check is run on time is seen where it arrives: by
// the time between two runs of one check. It judges nothing.
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
	checks   int
	interval time.Duration
	over     time.Duration
	flapping int
	flap     time.Duration
	dir      string
}

func main() {
	var o options
	flag.IntVar(&o.checks, "checks", 5000, "checks, half HTTP and half TCP; 0 leaves that part out")
	flag.DurationVar(&o.interval, "interval", 10*time.Second, "their interval")
	flag.DurationVar(&o.over, "for", time.Minute, "how long to watch the agent, in each part")
	flag.IntVar(&o.flapping, "flapping", 1000, "checks whose status changes with each run; 0 leaves that part out")
	flag.DurationVar(&o.flap, "flap", time.Second, "their interval")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "where the data directories are made")
	flag.Parse()
	if err := measureAll(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-health:", err)
		os.Exit(1)
	}
}

func measureAll(o options) error {
	if o.checks < 0 || o.flapping < 0 || o.interval < time.Second || o.flap < 100*time.Millisecond || o.over < time.Second {
		return fmt.Errorf("-checks and -flapping must be at least 0, -interval and -for at least 1s, -flap at least 100ms")
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
	if o.checks > 0 {
		if err := b.steady(); err != nil {
			return err
		}
	}
	if o.flapping > 0 {
		return b.flaps()
	}
	return nil
}

// bench is one run of the program.
type bench struct {
	options
	binary rig.Binary
	dir    string
	key    string
	agents int
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
	b.agents++
	node := fmt.Sprintf("bench-%d", b.agents)
	a := &rig.Agent{
		Binary: b.binary, Node: node, Place: place, DataDir: filepath.Join(b.dir, node),
		Args: append([]string{"--log-level", "warn"}, args...),
		Env:  []string{"COVEY_ENCRYPT=" + b.key},
	}
	return a, a.Start()
}

// percent is what of one core a process used in a time.
func percent(used, over time.Duration) float64 { return 100 * used.Seconds() / over.Seconds() }
