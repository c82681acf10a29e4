package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Binary is a built covey command.
type Binary struct {
	Path string
}

// Build builds the command of the module that the working directory is in, into dir,
// with the race detector if race.
func Build(dir string, race bool) (Binary, error) {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return Binary{}, fmt.Errorf("asking go for the module's root: %w", err)
	}
	b := Binary{Path: filepath.Join(dir, "covey")}
	args := []string{"build", "-trimpath", "-o", b.Path}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/covey")...)
	cmd.Dir = filepath.Dir(strings.TrimSpace(string(mod)))
	if !race {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return Binary{}, fmt.Errorf("building ./cmd/covey in %s: %w\n%s", cmd.Dir, err, out)
	}
	return b, nil
}

// Outcome is how a command ended.
type Outcome struct {
	Code   int // -1 if a signal or the deadline ended it
	Stdout string
	Stderr string
}

// OK returns what went wrong, or nil if the command succeeded.
func (o Outcome) OK() error {
	if o.Code == 0 {
		return nil
	}
	return fmt.Errorf("exit code %d\nstdout: %s\nstderr: %s", o.Code, o.Stdout, o.Stderr)
}

// commandTime bounds one run of the command, an agent's refusal to start included.
const commandTime = 30 * time.Second

// Run runs the command to its end. env is added to the environment.
func (b Binary) Run(env []string, args ...string) (Outcome, error) {
	ctx, cancel := context.WithTimeout(context.Background(), commandTime)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, b.Path, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	o := Outcome{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return o, fmt.Errorf("running covey %s: %w", strings.Join(args, " "), err)
	}
	if ctx.Err() != nil {
		return o, fmt.Errorf("covey %s was still running after %v\n%s", strings.Join(args, " "), commandTime, o.Stderr)
	}
	return o, nil
}
