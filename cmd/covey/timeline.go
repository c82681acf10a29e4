package main

import (
	"cmp"
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"covey/internal/apiclient"
)

func timelineCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:      "timeline",
		Category:  groupServices,
		Usage:     "show how instances came to stand as they do: the latest changes of health",
		ArgsUsage: "[SERVICE]",
		Description: `The latest are last. The agent notes what it saw since it was started, its own instances'
changes and others' as they reached it, the last 2,048 of them. Exits 3 if there is none.`,
		Flags: clientFlags(10 * time.Second),
		Action: client(sys, 0, 1, func(ctx context.Context, c *call) error {
			service := c.flags.Args().First()
			changes, err := c.Timeline(ctx, service)
			if err != nil {
				return c.failed(err, "read the timeline")
			}
			if c.json {
				err = c.printJSON(changes)
			} else if len(changes) > 0 {
				c.write(timelineTable(changes))
			}
			if err == nil && len(changes) == 0 {
				return notFoundf("the agent at %s has seen no change of %s", c.Addr(), cmp.Or(service, "any service"))
			}
			return err
		}),
	}
}

func timelineTable(changes []apiclient.Transition) *table {
	t := &table{header: []string{"TIME (UTC)", "SERVICE", "INSTANCE", "NODE", "FROM", "TO", "WHY"}}
	for _, x := range changes {
		t.add(text(x.Time.UTC().Format("2006-01-02 15:04:05.000")), text(x.Service), text(x.Instance), text(x.Node),
			standing(x.From), standing(x.To), text(x.Reason))
	}
	return t
}

// standing is a status, or that it was not there.
func standing(word string) cell {
	if word == "" {
		return cell{"-", faint}
	}
	return status(word)
}
