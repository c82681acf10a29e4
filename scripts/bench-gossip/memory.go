package main

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

// gcLine is a line of GODEBUG=gctrace=1; the third number of MB is what was live when
// the collection ended.
var gcLine = regexp.MustCompile(`^gc \d+ @.* \d+->\d+->(\d+) MB`)

// memory prints what the agent's process holds, and what of that is live. The agent
// tells the latter only when it collects, so it is made to: by answers that are large
// and not kept. The smallest figure is the one with least of them in it.
func (b *bench) memory(a *rig.Agent, instances int) error {
	resident, err := measure.ResidentKB(a.PID())
	if err != nil {
		row("its memory", "not measured: it is read from /proc, which is Linux's")
		return nil
	}
	row("its memory once it has them", "%.0f MB resident", float64(resident)*1024/1e6)
	before := len(liveMB(a))
	for began := time.Now(); len(liveMB(a)) < before+4 && time.Since(began) < 30*time.Second; {
		if _, err := a.Get("/v1/health/state/any", nil); err != nil {
			return err
		}
	}
	live := liveMB(a)[before:]
	if len(live) == 0 {
		row("its live heap", "not measured: it did not collect")
		return nil
	}
	least := slices.Min(live)
	row("its live heap", "%d MB after a collection, %.0f B an instance with all that an agent needs itself", least, float64(least)*(1<<20)/float64(instances))
	return nil
}

// liveMB returns what each collection so far left.
func liveMB(a *rig.Agent) []int {
	var live []int
	for line := range strings.Lines(a.Output.String()) {
		if m := gcLine.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[1]) // of digits
			live = append(live, n)
		}
	}
	return live
}
