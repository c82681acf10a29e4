package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

// idleCosts watches agents to which nothing happens: one alone, and one of three that
// gossip.
func (b *bench) idleCosts() error {
	if runtime.GOOS != "linux" {
		row("idle agent", "not measured: it is read from /proc, which is Linux's")
		return nil
	}
	var agents []*rig.Agent
	for n := range 3 {
		a, err := b.agent()
		if err != nil {
			return err
		}
		if err := a.Start(); err != nil {
			return err
		}
		defer a.Kill()
		agents = append(agents, a)
		if n == 0 {
			if err := b.watch(a, "idle agent, alone"); err != nil {
				return err
			}
			continue
		}
		if _, err := a.Covey("join", agents[0].GossipAddr()); err != nil {
			return err
		}
	}
	return b.watch(agents[0], "idle agent, one of three")
}

// watch prints what the agent's process used of memory and processor.
func (b *bench) watch(a *rig.Agent, what string) error {
	before, err := cpuTime(a.PID())
	if err != nil {
		return err
	}
	began := time.Now()
	time.Sleep(b.idle)
	after, err := cpuTime(a.PID())
	if err != nil {
		return err
	}
	over := time.Since(began)
	resident, err := measure.ResidentKB(a.PID())
	if err != nil {
		return err
	}
	row(what, "%.1f MB resident, %.2f %% of a core over %v", float64(resident)*1024/1e6,
		100*(after-before).Seconds()/over.Seconds(), b.idle)
	return nil
}

// cpuTime is what the process has used, user and system (proc_pid_stat(5)).
func cpuTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name in parentheses may hold anything; the fields count from behind it.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat is shorter than expected: %q", pid, text)
	}
	var ticks uint64
	for _, f := range fields[11:13] { // utime, stime
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100), nil // USER_HZ is 100 on every Linux port that Go has
}
