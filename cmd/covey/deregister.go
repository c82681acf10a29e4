package main

import (
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

func deregisterCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:      "deregister",
		Category:  groupServices,
		Usage:     "remove instances that were registered on this agent",
		ArgsUsage: "ID...",
		Description: `An ID is the service's name unless it was given one. An instance can be removed
only on the agent it was registered on.`,
		Flags: clientFlags(10 * time.Second),
		Action: client(sys, 1, -1, func(ctx context.Context, c *call) error {
			done, failures, err := c.forEach(c.flags.Args().Slice(), func(id string) error {
				return c.failed(c.Deregister(ctx, id), "deregister %s on the agent at %s", id, c.Addr())
			})
			if c.json {
				wrong := c.printJSON(struct {
					Deregistered []string
					Failed       []failure
				}{done, failures})
				if wrong != nil {
					return wrong
				}
			} else if len(done) > 0 {
				c.printf("Deregistered %s.\n", printable(strings.Join(done, ", ")))
			}
			return err
		}),
	}
}
