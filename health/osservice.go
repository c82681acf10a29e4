package health

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"time"

	"covey/catalog"
)

// unitProbe passes while a systemd unit is active (systemctl(1), show).
type unitProbe struct {
	unit      string
	timeout   time.Duration
	systemctl string // the program; tests have their own
}

func (p *unitProbe) ask(ctx context.Context) verdict {
	what := "Service " + p.unit + ": "
	var out keptOutput
	err := run(ctx, []string{p.systemctl, "show", "--property=LoadState", "--property=ActiveState", "--property=SubState", "--", p.unit}, &out)
	said := out.String()
	switch {
	case ctx.Err() != nil:
		return verdict{status: catalog.Critical, output: clean(what + reason(context.DeadlineExceeded, p.timeout)), timedOut: true}
	case errors.Is(err, exec.ErrNotFound):
		return verdict{status: catalog.Critical, output: clean(what + "cannot be asked after: this host has no systemd, whose units are all that is known here")}
	case err != nil:
		return verdict{status: catalog.Critical, output: clean(what + "systemctl failed: " + err.Error() + ". Output: " + said), spoilt: unable(err)}
	}
	status, text := unitStatus(said)
	return verdict{status: status, output: clean(what + text)}
}

// unitStatus judges what systemctl shows of a unit.
func unitStatus(shown string) (catalog.Status, string) {
	properties := map[string]string{}
	for line := range strings.Lines(shown) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		properties[key] = value
	}
	active, sub := properties["ActiveState"], properties["SubState"]
	switch load := properties["LoadState"]; {
	case load == "not-found":
		return catalog.Critical, "there is no such unit"
	case active == "":
		return catalog.Critical, "systemctl does not say how it is"
	case load != "loaded" && load != "masked":
		return catalog.Critical, "its unit file cannot be used (" + load + ")"
	case active == "active" || active == "reloading" || active == "refreshing":
		return catalog.Passing, active + " (" + sub + ")"
	}
	return catalog.Critical, active + " (" + sub + ")"
}
