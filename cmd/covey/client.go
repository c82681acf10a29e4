package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"covey/internal/apiclient"
)

// clientFlags are the flags of a command that talks to an agent, after its own.
func clientFlags(timeout time.Duration, own ...cli.Flag) []cli.Flag {
	return append(own, httpAddrFlag(), jsonFlag(),
		&cli.DurationFlag{
			Name:  "timeout",
			Usage: "`DURATION` how long to try, for the whole command",
			Value: timeout,
		},
	)
}

func httpAddrFlag() cli.Flag {
	return &cli.StringFlag{
		Name:        "http-addr",
		Usage:       "`ADDR` where the agent's HTTP API is: host:port, http://host:port or unix:///path",
		EnvVars:     []string{"COVEY_HTTP_ADDR"},
		DefaultText: apiclient.DefaultAddr,
	}
}

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print JSON"}
}

// call is one client command under way.
type call struct {
	*system
	*apiclient.Client
	flags *cli.Context
	json  bool
}

// client makes an action of a function that talks to an agent: it takes least to most
// operands (any number if most is below 0) and ends after --timeout.
func client(sys *system, least, most int, f func(ctx context.Context, c *call) error) cli.ActionFunc {
	return func(flags *cli.Context) error {
		timeout := flags.Duration("timeout")
		if timeout <= 0 {
			return usagef("--timeout: %s is no time to wait", timeout)
		}
		return talk(sys, flags, least, most, timeout, f)
	}
}

// talk is one run of such an action.
func talk(sys *system, flags *cli.Context, least, most int, timeout time.Duration, f func(ctx context.Context, c *call) error) error {
	if err := operands(flags, least, most); err != nil {
		return err
	}
	agent, err := dial(flags, flags.String("http-addr"))
	if err != nil {
		return err
	}
	defer agent.Close()
	ctx, cancel := context.WithTimeout(flags.Context, timeout)
	defer cancel()
	return f(ctx, &call{sys, agent, flags, flags.Bool("json")})
}

// operands checks how many there are.
func operands(flags *cli.Context, least, most int) error {
	command, n := flags.Command, flags.NArg()
	switch {
	case n < least:
		return usagef("`covey %s` wants %s; see `covey help %s`", command.Name, command.ArgsUsage, command.Name)
	case most == 0 && n > 0:
		return usagef("`covey %s` takes no arguments, and there is %q; see `covey help %s`", command.Name, flags.Args().First(), command.Name)
	case most >= 0 && n > most:
		return usagef("`covey %s` takes %s, and %q is one too many; see `covey help %s`", command.Name, command.ArgsUsage, flags.Args().Get(most), command.Name)
	}
	return nil
}

// failed says what was attempted, unless err is that no agent was reached: then
// nothing was attempted.
func (c *call) failed(err error, format string, args ...any) error {
	var unreachable *apiclient.UnreachableError
	if err == nil || errors.As(err, &unreachable) {
		return err
	}
	return fmt.Errorf("cannot %s: %w", fmt.Sprintf(format, args...), err)
}

// failure is one of several things that were asked for and not done.
type failure struct {
	Name  string
	Error string
}

// forEach does f for each of names: that one fails hides nothing of the others. It
// returns what was done and what was not; the error has the first failure's exit code.
// An agent that is not there ends it at once.
func (c *call) forEach(names []string, f func(name string) error) (done []string, failures []failure, err error) {
	done, failures = []string{}, []failure{}
	for _, name := range names {
		one := f(name)
		var unreachable *apiclient.UnreachableError
		switch {
		case one == nil:
			done = append(done, name)
			continue
		case len(names) == 1:
			err = one
		default:
			c.complain(one)
			if err == nil {
				err = quiet{one}
			}
		}
		failures = append(failures, failure{name, one.Error()})
		if errors.As(one, &unreachable) {
			break
		}
	}
	return done, failures, err
}

// plural is "1 thing" or "3 things".
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
