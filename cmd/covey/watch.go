package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"covey/internal/apiclient"
)

const watchDescription = `Prints a line for each change: which instance came, went, changed or became passing,
warning or critical, and which host. It goes on until ^C or --for, and if the agent is
started again it continues when that is back. With SERVICEs only these, and hosts.

With --json each line is an object with the API's keys; what went by unseen, since the
agent was away for long or the output was not taken, is {"Type":"missed"}: read the
catalogue anew then.`

func watchCommand(sys *system) *cli.Command {
	return &cli.Command{
		Name:        "watch",
		Category:    groupServices,
		Usage:       "print what changes, as it changes",
		ArgsUsage:   "[SERVICE...]",
		Description: watchDescription,
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "for", Usage: "`DURATION` how long to watch; without it there is no end"},
			httpAddrFlag(), jsonFlag(),
		},
		Action: func(flags *cli.Context) error {
			end := flags.Duration("for")
			if end < 0 {
				return usagef("--for: %s is no time to watch", end)
			}
			if end == 0 {
				end = time.Duration(1<<63 - 1)
			}
			return talk(sys, flags, 0, -1, end, watch)
		},
	}
}

func watch(ctx context.Context, c *call) error {
	err := c.Watch(ctx, c.flags.Args().Slice(), watchPrinter{c})
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return nil // --for is over, or ^C
	}
	return c.failed(err, "watch what changes")
}

// watchPrinter prints what it is told.
type watchPrinter struct{ *call }

// Changed implements apiclient.Watcher.
func (p watchPrinter) Changed(c apiclient.Change) error {
	if p.json {
		return p.line(c)
	}
	now := time.Now().Format(time.TimeOnly)
	p.printf("%s %s\n", now, printable(sentence(&c)))
	return p.unwritten
}

// Missed implements apiclient.Watcher.
func (p watchPrinter) Missed() error {
	if p.json {
		return p.line(struct{ Type string }{"missed"})
	}
	p.printf("%s\n", paint(p.color, yellow, "changes went by unseen here"))
	return p.unwritten
}

func (p watchPrinter) line(v any) error {
	if err := p.printJSONLine(v); err != nil {
		return err
	}
	return p.unwritten
}

// sentence is what happened, for people.
func sentence(c *apiclient.Change) string {
	addr := c.Address
	if c.Port != 0 {
		addr = net.JoinHostPort(c.Address, strconv.Itoa(int(c.Port)))
	}
	what := fmt.Sprintf("%s %s on %s (%s)", c.Service, c.ID, c.Node, addr)
	if c.Service == "" {
		what = fmt.Sprintf("node %s (%s)", c.Node, addr)
	}
	became := strings.TrimPrefix(c.Was+" -> "+c.Status, " -> ")
	switch c.Type {
	case "registered", "modified":
		return fmt.Sprintf("%s: %s, %s", what, c.Type, c.Status)
	case "node-joined":
		return fmt.Sprintf("%s: joined, %s", what, c.Status)
	case "node-left":
		return what + ": left"
	case "health", "node-status":
		return what + ": " + became
	default:
		return what + ": " + c.Type
	}
}
