package main

import (
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func joinCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:      "join",
		Category:  groupCluster,
		Usage:     "make the agent join a cluster by the address of any of its agents",
		ArgsUsage: "ADDR...",
		Description: `ADDR is where another agent's gossip is: host or host:port, 7946 by default. One
that answers is enough; those that do not are told and make the exit code 1.`,
		Flags: clientFlags(60 * time.Second),
		Action: client(sys, 1, -1, func(ctx context.Context, c *call) error {
			addrs := c.flags.Args().Slice()
			joined, failures, err := c.forEach(addrs, func(addr string) error {
				defer c.progress("joining %s", addr)()
				return c.failed(c.Join(ctx, addr), "join %s", addr)
			})
			if c.json {
				wrong := c.printJSON(struct {
					Joined []string
					Failed []failure
				}{joined, failures})
				if wrong != nil {
					return wrong
				}
			} else if len(joined) > 0 {
				c.printf("Joined %s (%d of %d).\n", printable(strings.Join(joined, ", ")), len(joined), len(addrs))
			}
			return err
		}),
	}
}
