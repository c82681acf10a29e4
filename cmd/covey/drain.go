package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"covey/catalog"
	"covey/internal/apiclient"
)

func drainCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:     "drain",
		Category: groupAgent,
		Usage:    "take the host out of all answers, let its clients finish, then leave",
		Description: `All answers are without the host's instances at once. Then the command waits, for as long
as resolvers may keep an earlier answer and --open after that, and makes the agent leave
and stop, unless the host was taken back in meanwhile. With --stay it leaves that out: the
host stays a member without instances, until its agent is started again or
  curl -X PUT "http://127.0.0.1:8500/v1/agent/maintenance?enable=false"
takes it back in.`,
		Flags: clientFlags(5*time.Minute,
			&cli.DurationFlag{Name: "open", Usage: "`DURATION` how long clients may still need what is open", Value: 10 * time.Second},
			&cli.StringFlag{Name: "reason", Usage: "`TEXT` shown with the node's checks", DefaultText: "that it is being drained"},
			&cli.BoolFlag{Name: "stay", Usage: "do not leave"},
		),
		Action: client(sys, 0, 0, drain),
	}
}

func drain(ctx context.Context, c *call) error {
	open := c.flags.Duration("open")
	if open < 0 {
		return usagef("--open is %v, and must not be less than 0", open)
	}
	before, err := c.Status(ctx)
	if err != nil {
		return c.failed(err, "ask the agent at %s who it is", c.Addr())
	}
	keep, err := c.Drain(ctx, c.flags.String("reason"))
	if err != nil {
		return c.failed(err, "drain %s", before.Node)
	}
	if !c.flags.Bool("stay") {
		if err := c.finish(ctx, before.Node, before.Started, keep+open); err != nil {
			return err
		}
	}
	if c.json {
		return c.printJSON(struct {
			Drained string
			Keep    string // for so long others may keep earlier answers
			Left    bool
		}{before.Node, keep.String(), !c.flags.Bool("stay")})
	}
	if c.flags.Bool("stay") {
		c.printf("%s is in no answer any more. Answers from before may be kept for %v.\n", printable(before.Node), keep)
		return nil
	}
	c.printf("%s was drained, has left and stopped.\n", printable(before.Node))
	return nil
}

// finish waits, then has the agent leave.
func (c *call) finish(ctx context.Context, node string, started time.Time, wait time.Duration) error {
	stop := c.progress("%s is in no answer any more; waiting %v for its clients", node, wait)
	select {
	case <-time.After(wait):
		stop()
	case <-ctx.Done():
		stop()
		return fmt.Errorf("%s is drained but did not leave: %w; covey leave does that now", node, ctx.Err())
	}
	if err := c.stillDrained(ctx, node, started); err != nil {
		return err
	}
	defer c.progress("waiting for %s to leave", node)()
	if err := c.Leave(ctx); err != nil {
		return c.failed(err, "make %s leave", node)
	}
	if err := c.WaitGone(ctx, started); err != nil {
		return fmt.Errorf("%s at %s is leaving but is not gone yet: %w", node, c.Addr(), err)
	}
	return nil
}

// stillDrained sees to it that nobody is made to leave who serves clients again.
func (c *call) stillDrained(ctx context.Context, node string, started time.Time) error {
	now, err := c.Status(ctx)
	if err != nil {
		return c.failed(err, "ask %s whether it is still drained", node)
	}
	if !now.Started.Equal(started) {
		return fmt.Errorf("the agent of %s was started anew while it was drained, is in the answers again and did not leave", node)
	}
	checks, err := c.Checks(ctx)
	if err != nil {
		return c.failed(err, "ask %s whether it is still drained", node)
	}
	if !slices.ContainsFunc(checks, func(k apiclient.CheckRun) bool { return k.ID == catalog.NodeMaintenance }) {
		return fmt.Errorf("the maintenance of %s was ended while it was drained: it is in the answers again and did not leave", node)
	}
	return nil
}
