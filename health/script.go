package health

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"covey/catalog"
)

// scriptProbe runs a program: it passes with exit code 0, warns with 1, and is critical
// with any other. Its output is the check's.
type scriptProbe struct {
	args    []string
	timeout time.Duration
}

func (p *scriptProbe) ask(ctx context.Context) verdict {
	var out keptOutput
	err := run(ctx, p.args, &out)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return overdue(p.timeout, out.String())
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exited(exit.ExitCode(), out.String())
	case errors.As(err, &exit):
		return verdict{status: catalog.Critical, output: clean(fmt.Sprintf("%s: ended by %v. Output: %s", p.args[0], exit, out.String()))}
	case err != nil:
		return verdict{status: catalog.Critical, output: clean("cannot run: " + err.Error()), spoilt: unable(err)}
	}
	return exited(0, out.String())
}

// exited is the verdict of a program that ended by itself.
func exited(code int, output string) verdict {
	status := catalog.Critical
	switch code {
	case 0:
		status = catalog.Passing
	case 1:
		status = catalog.Warning
	}
	if output = clean(output); output == "" {
		output = fmt.Sprintf("exit code %d, without output", code)
	}
	return verdict{status: status, output: output}
}

// overdue is the verdict of a program that was ended because it took too long.
func overdue(timeout time.Duration, output string) verdict {
	return verdict{
		status:   catalog.Critical,
		output:   clean(fmt.Sprintf("did not end within %v and was killed. Output: %s", timeout, output)),
		timedOut: true,
	}
}

// offProbe is a check that runs a program while that is switched off.
type offProbe struct{}

func (offProbe) ask(context.Context) verdict {
	return verdict{status: catalog.Critical, output: "not run: this agent was started without enable_local_script_checks"}
}
