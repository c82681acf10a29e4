package main

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"covey/internal/apiclient"
)

func membersCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:     "members",
		Category: groupCluster,
		Usage:    "list the cluster's agents and whether they are up",
		Description: `STATUS is alive, failed (no answer; its instances are not answered), leaving or
left. A failed agent that comes back is alive again by itself.`,
		Flags: clientFlags(10 * time.Second),
		Action: client(sys, 0, 0, func(ctx context.Context, c *call) error {
			members, err := c.Members(ctx)
			if err != nil {
				return c.failed(err, "list the members")
			}
			slices.SortFunc(members, func(a, b apiclient.Member) int { return cmp.Compare(a.Name, b.Name) })
			if c.json {
				return c.printJSON(members)
			}
			t := table{header: []string{"NODE", "ADDRESS", "STATUS", "VERSION", "PROTOCOL"}}
			for _, m := range members {
				t.add(text(m.Name), text(hostPort(m.Addr, m.Port)), status(string(m.Status)),
					text(cmp.Or(m.Tags["build"], "-")), text(cmp.Or(m.Tags["covey"], "-")))
			}
			if len(members) == 0 {
				return notFoundf("the agent at %s knows of no member, not even itself: is it one?", c.Addr())
			}
			c.write(&t)
			return nil
		}),
	}
}

// hostPort is host:port, or the host alone if there is no port.
func hostPort(host string, port uint16) string {
	if port == 0 {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}
