package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"covey/internal/apiclient"
)

func joinCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:      "join",
		Category:  groupCluster,
		Usage:     "make the agent join a cluster by the address of any of its agents",
		ArgsUsage: "ADDR...",
		Description: `ADDR is where another agent's gossip is: host or host:port, 7946 by default. One
that answers is enough; those that do not are told and make the exit code 1, as do
agents of another protocol, whose services cannot be shared.`,
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
			if len(joined) > 0 {
				err = cmp.Or(err, c.foreigners(ctx))
			}
			return err
		}),
	}
}

// foreigners tells of the living agents that speak another protocol than the one asked;
// the error is that there are any.
func (c *call) foreigners(ctx context.Context) error {
	own, err := c.Status(ctx)
	if err != nil {
		return c.failed(err, "ask the agent at %s for its name", c.Addr())
	}
	members, err := c.Members(ctx)
	if err != nil {
		return c.failed(err, "list the members")
	}
	protocol := func(m apiclient.Member) string { return cmp.Or(m.Tags["covey"], "none") }
	at := slices.IndexFunc(members, func(m apiclient.Member) bool { return m.Name == own.Node })
	if at < 0 {
		return nil
	}
	spoken := protocol(members[at])
	var foreign error
	for _, m := range members {
		if m.Status == "alive" && protocol(m) != spoken {
			foreign = fmt.Errorf("member %s speaks protocol %s, this agent %s: its services are left out on both sides", m.Name, protocol(m), spoken)
			c.complain(foreign)
		}
	}
	if foreign != nil {
		return quiet{foreign}
	}
	return nil
}
