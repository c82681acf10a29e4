package main

import (
	"context"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"
)

func nodesCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:     "nodes",
		Category: groupCluster,
		Usage:    "list the hosts in the catalogue, their health and what runs there",
		Description: `STATUS is that of the node's own checks: critical for a failed host, and for one
in maintenance. Agents as gossip sees them are listed by ` + "`covey members`" + `.`,
		Flags: clientFlags(10 * time.Second),
		Action: client(sys, 0, 0, func(ctx context.Context, c *call) error {
			stop := c.progress("reading the catalogue")
			nodes, err := c.NodeSummaries(ctx)
			stop()
			if err != nil {
				return c.failed(err, "list the nodes")
			}
			if c.json {
				err = c.printJSON(nodes)
			} else if len(nodes) > 0 {
				t := table{header: []string{"NODE", "ADDRESS", "STATUS", "INSTANCES", "PROBLEM"}}
				for _, n := range nodes {
					t.add(text(n.Name), text(n.Address), status(n.Status), text(strconv.Itoa(n.Instances)), text(n.Problem))
				}
				c.write(&t)
			}
			if err == nil && len(nodes) == 0 {
				return notFoundf("no node is in the catalogue; the agent at %s has just begun, or is not one", c.Addr())
			}
			return err
		}),
	}
}
