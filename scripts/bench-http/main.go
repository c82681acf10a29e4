// Command bench-http measures what reads over Consul's API cost an agent: one service asked
// for again and again, and thousands of clients that wait for one to change.
//
//	go run ./scripts/bench-http [-instances 10] [-runs 3] [-for 10s] [-watchers 20000] [-dir DIR]
//
// The load comes from wrk (Debian's package of that name), which shares the machine with
// the agent. Waiting clients are connections of this program, each with a blocking query;
// 20,000 need `ulimit -n` above that, here and for the agent. It starts the real agent,
// prints a table in Markdown together with the machine's shape, and judges nothing but
// this: a client that waits and is not woken by its service, or is by another's.
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
	instances int
	runs      int
	over      time.Duration
	watchers  int
	dir       string
}

func main() {
	var o options
	flag.IntVar(&o.instances, "instances", 10, "instances of the service that is asked for")
	flag.IntVar(&o.runs, "runs", 3, "runs of wrk, of which the median counts")
	flag.DurationVar(&o.over, "for", 10*time.Second, "how long each runs")
	flag.IntVar(&o.watchers, "watchers", 20000, "clients that wait; 0 leaves that part out")
	flag.StringVar(&o.dir, "dir", os.TempDir(), "where the data directory is made")
	flag.Parse()
	if err := measureAll(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench-http:", err)
		os.Exit(1)
	}
}

func measureAll(o options) error {
	if o.instances < 1 || o.runs < 1 || o.over < time.Second || o.watchers < 0 {
		return fmt.Errorf("-instances and -runs must be at least 1, -for at least 1s, -watchers at least 0")
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
	agent, err := startAgent(binary, dir, o.watchers)
	if err != nil {
		return err
	}
	defer agent.Kill()
	fmt.Println(measure.Machine("bench-http", dir))
	fmt.Println()
	fmt.Println("| what | figure |")
	fmt.Println("|---|---|")
	if err := measureReads(o, agent); err != nil {
		return err
	}
	if o.watchers == 0 {
		return nil
	}
	return measureWatchers(o, agent)
}

func startAgent(binary rig.Binary, dir string, watchers int) (*rig.Agent, error) {
	place, err := rig.FindPlace()
	if err != nil {
		return nil, err
	}
	// One in eight connections is kept from those that wait.
	config := filepath.Join(dir, "limits.hcl")
	if err := os.WriteFile(config, fmt.Appendf(nil, "http_config { max_conns = %d }\n", max(8192, watchers*8/7+1000)), 0o644); err != nil {
		return nil, err
	}
	a := &rig.Agent{Binary: binary, Node: "agent-1", Place: place, DataDir: filepath.Join(dir, "data"),
		Args: []string{"--insecure-gossip", "--config", config}}
	return a, a.Start()
}

func register(a *rig.Agent, service, id string, port int) error {
	return a.Put("/v1/agent/service/register", map[string]any{
		"ID": id, "Name": service, "Address": "10.0.0.7", "Port": port, "Tags": []string{"v1"},
		"Check": map[string]string{"CheckID": id, "TTL": "1h", "Status": "passing"},
	})
}
