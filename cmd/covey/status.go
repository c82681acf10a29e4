package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"covey/internal/apiclient"
)

func statusCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:        "status",
		Category:    groupAgent,
		Usage:       "show what the agent says of itself",
		Description: "With --json, its counters too.",
		Flags:       clientFlags(10 * time.Second),
		Action: client(sys, 0, 0, func(ctx context.Context, c *call) error {
			s, err := c.Status(ctx)
			if err != nil {
				return c.failed(err, "ask the agent at %s for its status", c.Addr())
			}
			if c.json {
				return c.printJSON(s)
			}
			c.showStatus(&s)
			return nil
		}),
	}
}

func (s *system) showStatus(a *apiclient.Status) {
	members := fmt.Sprintf("%d, %d alive", a.Members, a.Alive)
	if a.Failed > 0 {
		members += paint(s.color, red, fmt.Sprintf(", %d failed", a.Failed))
	}
	gossip := a.GossipAddr + ", encrypted"
	if !a.Encrypted {
		gossip = a.GossipAddr + paint(s.color, yellow, ", not encrypted")
	}
	started := "unknown"
	if !a.Started.IsZero() {
		started = a.Started.UTC().Format(time.DateTime) + " UTC"
	}
	for _, line := range []struct{ name, value string }{
		{"node", fmt.Sprintf("%s (%s)", a.Node, a.ID)},
		{"version", a.Version},
		{"started", started},
		{"zone", fmt.Sprintf("%s, datacenter %s", a.Domain, a.Datacenter)},
		{"gossip", gossip},
		{"http", a.HTTPAddr},
		{"dns", a.DNSAddr},
		{"members", members},
		{"services", fmt.Sprintf("%d, %s", a.Services, plural(a.Instances, "instance"))},
		{"data", cmp.Or(a.DataDir, "in memory only")},
	} {
		s.printf("%s %s\n", paint(s.color, bold, fmt.Sprintf("%-9s", line.name)), line.value)
	}
}
