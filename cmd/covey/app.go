package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v2"
)

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, sys *system) int {
	app := newApp(sys)
	arranged, err := arrange(app, args)
	if err == nil {
		err = app.RunContext(ctx, arranged)
	}
	if err == nil {
		err = sys.unwritten
	}
	if err == nil {
		return exitOK
	}
	var q quiet
	if !errors.As(err, &q) {
		sys.complain(err)
	}
	return exitCode(err)
}

// newApp returns the whole command. It is made anew for each run, since urfave/cli
// keeps in a flag what was parsed into it.
func newApp(sys *system) *cli.App {
	app := &cli.App{
		Name:        "covey",
		Usage:       "find services on every host: a registry without servers, answered by DNS",
		Description: appDescription,
		Flags: append(accessFlags(),
			&cli.BoolFlag{Name: "no-color", Usage: "print without colour, as NO_COLOR does; there is none off a terminal"},
		),
		Before: func(c *cli.Context) error {
			if c.Bool("no-color") {
				sys.color = false
			}
			return nil
		},
		Commands: []*cli.Command{
			agentCommand(sys),
			joinCommand(sys),
			drainCommand(sys),
			leaveCommand(sys),
			forceLeaveCommand(sys),
			membersCommand(sys),
			registerCommand(sys),
			deregisterCommand(sys),
			servicesCommand(sys),
			checksCommand(sys),
			checkCommand(sys),
			timelineCommand(sys),
			watchCommand(sys),
			nodesCommand(sys),
			lookupCommand(sys),
			statusCommand(sys),
			keygenCommand(sys),
			keyringCommand(sys),
			versionCommand(sys),
			completionCommand(sys),
			completeCommand(sys),
			helpCommand(sys),
		},
		Reader:                    sys.in,
		Writer:                    sys.out,
		ErrWriter:                 sys.err,
		HideHelp:                  true, // help is a command like the others
		HideVersion:               true,
		DisableSliceFlagSeparator: true, // a value of --meta may hold a comma
		ExitErrHandler:            func(*cli.Context, error) {},
	}
	app.Action = func(*cli.Context) error {
		showAppHelp(sys, app)
		return nil
	}
	app.OnUsageError = badFlag
	for _, command := range app.Commands {
		command.HideHelp = true
		command.OnUsageError = badFlag
	}
	return app
}
