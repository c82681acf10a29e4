package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"
)

func leaveCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:     "leave",
		Category: groupAgent,
		Usage:    "make the agent leave the cluster and stop",
		Description: `The other agents take its instances out of their answers at once. Returns when the
agent is gone.`,
		Flags: clientFlags(30 * time.Second),
		Action: client(sys, 0, 0, func(ctx context.Context, c *call) error {
			before, err := c.Status(ctx)
			if err != nil {
				return c.failed(err, "ask the agent at %s who it is", c.Addr())
			}
			defer c.progress("waiting for %s to leave", before.Node)()
			if err := c.Leave(ctx); err != nil {
				return c.failed(err, "make %s leave", before.Node)
			}
			if err := c.WaitGone(ctx, before.Started); err != nil {
				return fmt.Errorf("%s at %s is leaving but is not gone yet: %w", before.Node, c.Addr(), err)
			}
			if c.json {
				return c.printJSON(struct{ Left string }{before.Node})
			}
			c.printf("%s has left and stopped.\n", printable(before.Node))
			return nil
		}),
	}
}
