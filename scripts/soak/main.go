//go:build unix

// Command soak lives with a cluster for hours, as unkindly as hosts do, and judges it.
//
//	go run ./scripts/soak [-for 1h] [-agents 5] [-round 30s] [-seed N] [-dir DIR]
//
// Instances come, go, change their weights and their health; agents are killed in the
// middle of registrations, stopped and let go on, restarted, and made to leave. After each
// round all agents run again, and every one of them must come to answer exactly what was
// acknowledged. The first two agents are never ended: what they hold of memory, goroutines
// and files must not grow while the cluster does not. It prints a line a round, and exits
// with 1 if an agent was wrong or grew.
package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

// options are the flags.
type options struct {
	over   time.Duration
	round  time.Duration
	agents int
	seed   uint64
	dir    string
}

func main() {
	var o options
	flag.DurationVar(&o.over, "for", time.Hour, "how long")
	flag.DurationVar(&o.round, "round", 30*time.Second, "how long things happen before all must agree")
	flag.IntVar(&o.agents, "agents", 5, "agents")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().Unix()), "of what happens")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "where the data directories are made")
	flag.Parse()
	if err := o.run(); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func (o options) run() error {
	if o.agents < 3 || o.agents > 50 || o.round < time.Second || o.over < o.round {
		return errors.New("-agents must be 3 to 50, -round at least 1s and -for as long")
	}
	dir, err := os.MkdirTemp(o.dir, "covey-soak-")
	if err != nil {
		return err
	}
	fmt.Println(measure.Machine("soak", dir))
	fmt.Printf("seed %d, %d agents, %v; data and logs of a run that fails are left in %s\n\n", o.seed, o.agents, o.over, dir)
	c := &cluster{rand: rand.New(rand.NewPCG(o.seed, 1))}
	defer c.end()
	if err := c.begin(dir, o.agents); err != nil {
		return err
	}
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt, syscall.SIGTERM)
	var grown growth
	for began, n := time.Now(), 1; time.Since(began) < o.over; n++ {
		if err := c.round(n, o.round, &grown); err != nil {
			c.keepLogs()
			return fmt.Errorf("round %d, seed %d: %w", n, o.seed, err)
		}
		select {
		case <-interrupt:
			return errors.New("interrupted")
		default:
		}
	}
	if err := grown.judge(); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// round lets things happen and then has all agree.
func (c *cluster) round(n int, length time.Duration, g *growth) error {
	for began := time.Now(); time.Since(began) < length; {
		if err := c.act(); err != nil {
			return err
		}
	}
	if err := c.heal(); err != nil {
		return err
	}
	took, err := rig.Until(agreeTime, c.agree)
	if err != nil {
		return fmt.Errorf("not all answer what was acknowledged after %v: %w", agreeTime, err)
	}
	now, err := c.footprints()
	if err != nil {
		return err
	}
	g.add(now)
	fmt.Printf("round %d: %d instances, agreed after %v; %v; %v\n", n, c.instances(), took.Round(time.Millisecond), c.happened(), now)
	return nil
}

// begin starts the agents and has them meet.
func (c *cluster) begin(dir string, agents int) error {
	binary, err := rig.Build(dir, false)
	if err != nil {
		return err
	}
	key, err := binary.Run(nil, "keygen")
	if err != nil {
		return err
	}
	for i := range agents {
		place, err := rig.FindPlace()
		if err != nil {
			return err
		}
		node := fmt.Sprint("soak-", i)
		m := &member{truth: map[string]instance{}, Agent: &rig.Agent{
			Binary: binary, Node: node, Place: place, DataDir: filepath.Join(dir, node),
			Env: []string{"COVEY_ENCRYPT=" + strings.TrimSpace(key.Stdout)},
		}}
		if i > 0 {
			m.Args = []string{"--retry-join", c.members[0].GossipAddr()}
		}
		c.members = append(c.members, m)
		if err := m.Start(); err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) end() {
	for _, m := range c.members {
		_ = m.Kill()
	}
}

// keepLogs writes what the agents said beside their data.
func (c *cluster) keepLogs() {
	for _, m := range c.members {
		_ = os.WriteFile(m.DataDir+".log", []byte(m.Output.String()), 0o600)
	}
}
