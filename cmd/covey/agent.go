package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"covey/agent"
	"covey/agent/config"
	"covey/internal/fault"
	"covey/internal/journal"
)

// runningAgent is an agent that has bound its addresses.
type runningAgent interface {
	// Run returns nil after a clean stop, which the end of ctx begins.
	Run(ctx context.Context) error
	Reload(ctx context.Context) error
}

// startAgent reads the configuration, binds an agent to it and returns it with the
// logger the configuration asks for.
type startAgent func(sys *system, files []string, overrides keys) (runningAgent, *slog.Logger, error)

// startReal is the startAgent of the real command.
func startReal(sys *system, files []string, overrides keys) (runningAgent, *slog.Logger, error) {
	load := func() (*config.Config, error) { return config.Load(files, overrides) }
	cfg, err := load()
	if err != nil {
		return nil, nil, err
	}
	b := sys.describeBuild()
	o := agent.Options{Logger: newLogger(sys.err, cfg), Version: b.name()}
	if len(files) > 0 {
		o.Reread = load
	}
	if o.FS, err = slowDisk(); err != nil {
		return nil, nil, err
	}
	a, err := agent.New(cfg, o)
	if err != nil {
		return nil, nil, err
	}
	return a, o.Logger, nil
}

// fsyncDelay names the variable by which benchmarks make a fast disk slow.
const fsyncDelay = "COVEY_TEST_FSYNC_DELAY"

// slowDisk returns the system's file system with each sync made to take as long as the
// variable says, nil if it says nothing.
func slowDisk() (journal.FS, error) {
	text := os.Getenv(fsyncDelay)
	if text == "" {
		return nil, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return nil, fault.Field(fsyncDelay, "%w", err)
	}
	return journal.SlowSync(journal.OS(), d), nil
}

func newLogger(w io.Writer, cfg *config.Config) *slog.Logger {
	o := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

func agentCommand(sys *system) *cli.Command {
	flags := agentFlags()
	command := &cli.Command{
		Name:        "agent",
		Category:    groupAgent,
		Usage:       "run the agent of this host",
		Description: agentDescription,
		Action: func(c *cli.Context) error {
			if err := operands(c, 0, 0); err != nil {
				return err
			}
			overrides, files := agentKeys(c, flags)
			// Caught before anything is bound, so that none goes unheard.
			signals := make(chan os.Signal, 4)
			signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
			defer signal.Stop(signals)
			a, log, err := sys.start(sys, files, overrides)
			if err != nil {
				return fmt.Errorf("cannot start the agent: %w", err)
			}
			return attend(c.Context, a, signals, log)
		},
	}
	for _, f := range flags {
		command.Flags = append(command.Flags, f.Flag)
	}
	return command
}

// errStoppedAtOnce is how an agent ends that was told twice to stop.
var errStoppedAtOnce = errors.New("stopped at the second signal, before the cluster was told: the others will take this host for failed")

// sameSignal is for how long a signal to stop is the one before it once more: timeout(1)
// and supervisors signal the process and its group.
const sameSignal = 500 * time.Millisecond

// attend runs the agent and passes the signals on: the first SIGINT or SIGTERM makes
// it leave, the second ends it at once, SIGHUP reloads.
func attend(ctx context.Context, a runningAgent, signals <-chan os.Signal, log *slog.Logger) error {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	var stopping time.Time // zero until the first signal to stop
	for {
		select {
		case err := <-ended:
			if err != nil {
				return fmt.Errorf("the agent stopped: %w", err)
			}
			return nil
		case s := <-signals:
			switch {
			case s == syscall.SIGHUP:
				if err := a.Reload(ctx); err != nil {
					log.Error("what cannot be read stays as it was", "error", err)
					continue
				}
				log.Info("the configuration was reloaded")
			case stopping.IsZero():
				log.Info("stopping; a second signal stops at once", "signal", s.String())
				stopping = time.Now()
				leave()
			case time.Since(stopping) >= sameSignal:
				return errStoppedAtOnce
			}
		}
	}
}
