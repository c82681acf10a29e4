package main

import (
	"cmp"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"time"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

// reads is one run of wrk.
type reads struct {
	perSecond float64
	cpu       time.Duration // of the agent, for each request
	p50, p99  string
}

func measureReads(o options, a *rig.Agent) error {
	for i := range o.instances {
		if err := register(a, "item-service", fmt.Sprintf("item-%d", i), 8000+i); err != nil {
			return err
		}
	}
	for _, path := range []string{
		"/v1/health/service/item-service?passing",
		"/v1/health/service/item-service?passing&near=_agent",
		"/v1/catalog/services",
		"/v1/agent/services",
	} {
		var runs []reads
		for range o.runs {
			r, err := wrk(a, path, o.over)
			if err != nil {
				return err
			}
			runs = append(runs, r)
		}
		slices.SortFunc(runs, func(x, y reads) int { return cmp.Compare(x.perSecond, y.perSecond) })
		r := runs[len(runs)/2]
		fmt.Printf("| `%s`, %d instances, wrk -t2 -c16 | %.0f/s (median of %d, %.0f to %.0f), answered after p50 %s, p99 %s; %.1f us of processor time each |\n",
			path, o.instances, r.perSecond, o.runs, runs[0].perSecond, runs[len(runs)-1].perSecond, r.p50, r.p99, float64(r.cpu.Nanoseconds())/1000)
	}
	return nil
}

var (
	perSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	requests  = regexp.MustCompile(`([0-9]+) requests in`)
	median    = regexp.MustCompile(`(?m)^\s+50%\s+(\S+)`)
	worst     = regexp.MustCompile(`(?m)^\s+99%\s+(\S+)`)
	failures  = regexp.MustCompile(`Non-2xx or 3xx responses|Socket errors`)
)

func wrk(a *rig.Agent, path string, over time.Duration) (reads, error) {
	before, err := measure.CPUTime(a.PID())
	if err != nil {
		return reads{}, err
	}
	out, err := exec.Command("wrk", "-t2", "-c16", "-d"+strconv.Itoa(int(over.Seconds()))+"s", "--latency", "http://"+a.HTTPAddr()+path).CombinedOutput()
	if err != nil {
		return reads{}, fmt.Errorf("running wrk (on Debian: apt install wrk): %w: %s", err, out)
	}
	after, err := measure.CPUTime(a.PID())
	if err != nil {
		return reads{}, err
	}
	if failures.Match(out) {
		return reads{}, fmt.Errorf("not all requests were answered with 200: %s", out)
	}
	find := func(re *regexp.Regexp) string {
		if m := re.FindSubmatch(out); m != nil {
			return string(m[1])
		}
		return ""
	}
	rate, err := strconv.ParseFloat(find(perSecond), 64)
	if err != nil {
		return reads{}, fmt.Errorf("wrk wrote %s", out)
	}
	n, err := strconv.Atoi(find(requests))
	if err != nil || n == 0 {
		return reads{}, fmt.Errorf("wrk wrote %s", out)
	}
	return reads{rate, (after - before) / time.Duration(n), find(median), find(worst)}, nil
}
