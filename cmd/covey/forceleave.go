package main

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"
)

func forceLeaveCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:      "force-leave",
		Category:  groupCluster,
		Usage:     "take a failed node for one that left, so that its instances are forgotten",
		ArgsUsage: "NODE",
		Description: `For a host that will not come back. If its agent is alive after all, it states so
and stays.`,
		Flags: clientFlags(10*time.Second,
			&cli.BoolFlag{Name: "prune", Usage: "forget it as a member at once, too"},
		),
		Action: client(sys, 1, 1, func(ctx context.Context, c *call) error {
			node := c.flags.Args().First()
			if err := c.ForceLeave(ctx, node, c.flags.Bool("prune")); err != nil {
				return c.failed(err, "force %s to leave", node)
			}
			if c.json {
				return c.printJSON(struct{ Left string }{node})
			}
			c.printf("%s is taken for one that left.\n", printable(node))
			return nil
		}),
	}
}
