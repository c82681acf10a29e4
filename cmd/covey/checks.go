package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"covey/internal/apiclient"
)

func checksCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:     "checks",
		Category: groupServices,
		Usage:    "list the checks on the agent: how they stand, since when, and when they run",
		Description: `The worst come first. OF is the service, or the node if there is none; NEXT is when a check
runs again or, of a TTL check, expires. ` + "`covey check run ID`" + ` runs one at once. Exits 3 if there
is none.`,
		Flags: clientFlags(10 * time.Second),
		Action: client(sys, 0, 0, func(ctx context.Context, c *call) error {
			checks, err := c.Checks(ctx)
			if err != nil {
				return c.failed(err, "list the checks of the agent at %s", c.Addr())
			}
			if c.json {
				err = c.printJSON(checks)
			} else if len(checks) > 0 {
				c.write(checksTable(checks, c.now()))
			}
			if err == nil && len(checks) == 0 {
				return notFoundf("the agent at %s has no checks", c.Addr())
			}
			return err
		}),
	}
}

func checksTable(checks []apiclient.CheckRun, now time.Time) *table {
	slices.SortStableFunc(checks, func(a, b apiclient.CheckRun) int { return cmp.Compare(badness(b.Status), badness(a.Status)) })
	t := &table{header: []string{"CHECK", "OF", "TYPE", "STATUS", "SINCE", "LAST RUN", "NEXT", "OUTPUT"}}
	for _, k := range checks {
		t.add(text(k.ID), text(cmp.Or(k.ServiceID, "-")), text(k.Type), status(k.Status),
			text(ago(k.Since, now)), text(ago(k.LastRun, now)), text(until(k.NextRun, now)), text(cmp.Or(k.Output, k.Notes)))
	}
	return t
}

// badness orders statuses, the worst being the greatest.
func badness(status string) int {
	return slices.Index([]string{"passing", "warning", "critical"}, status)
}

// ago is how long something is past, in one unit or two; "-" for what never was.
func ago(at, now time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return short(now.Sub(at))
}

func until(at, now time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return short(at.Sub(now))
}

// short shows a duration as people say it: 0.3s, 42s, 5m12s, 3h7m, 9d4h.
func short(d time.Duration) string {
	const day = 24 * time.Hour
	d = max(d, 0)
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
}

func checkCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:      "check",
		Category:  groupServices,
		Usage:     "run a check of the agent at once and show what it found",
		ArgsUsage: "run ID",
		Description: `What it finds counts as that of any other run, its thresholds too. Exits 0 if the check is
passing or has a warning then, 1 if it is critical. A TTL check cannot be run: its service
says how it is.`,
		Flags: clientFlags(time.Minute),
		Action: client(sys, 2, 2, func(ctx context.Context, c *call) error {
			what, id := c.flags.Args().Get(0), c.flags.Args().Get(1)
			if what != "run" {
				return usagef("`covey check` can only run one, and %q is something else: covey check run ID", what)
			}
			stop := c.progress("running %s", id)
			k, err := c.RunCheck(ctx, id)
			stop()
			if err != nil {
				return c.failed(err, "run the check %s", id)
			}
			if c.json {
				err = c.printJSON(k)
			} else {
				c.printf("%s is %s after %s: %s\n", printable(k.ID), paint(c.color, statusStyle(k.Status), k.Status), k.Took, printable(k.Output))
			}
			if err == nil && k.Status == "critical" {
				return quiet{fmt.Errorf("the check %s is critical", id)}
			}
			return err
		}),
	}
}
