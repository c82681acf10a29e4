package health

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"covey/catalog"
)

// containerProbe passes while a container runs and, if its image says how to check it, is
// healthy by that. It runs nothing: the container runtime does.
type containerProbe struct {
	container string
	timeout   time.Duration
	host      string // where the runtime is: unix:///path
}

// containerState is what the runtime says of a container.
type containerState struct {
	Status     string // created, running, paused, restarting, removing, exited, dead
	Running    bool
	Paused     bool
	Restarting bool
	ExitCode   int
	Health     *struct {
		Status string // none, starting, healthy, unhealthy
		Log    []struct{ Output string }
	}
}

func (p *containerProbe) ask(ctx context.Context) verdict {
	what := "Container " + p.container + ": "
	var of struct{ State *containerState }
	client, err := newDockerClient(p.host)
	if err == nil {
		err = client.call(ctx, "GET", "/containers/"+url.PathEscape(p.container)+"/json", nil, asJSON(&of))
	}
	switch {
	case err != nil:
		return failure(what, err, p.timeout)
	case of.State == nil:
		return verdict{status: catalog.Critical, output: clean(what + "the container runtime does not say how it is")}
	}
	status, text := of.State.judge()
	return verdict{status: status, output: clean(what + text)}
}

// judge does not take one that is starting for well: it was not well yet.
func (s *containerState) judge() (catalog.Status, string) {
	switch {
	case !s.Running || s.Paused || s.Restarting:
		text := s.Status
		if s.Status == "exited" {
			text = fmt.Sprintf("%s with %d", text, s.ExitCode)
		}
		return catalog.Critical, text
	case s.Health == nil || s.Health.Status == "none" || s.Health.Status == "":
		return catalog.Passing, s.Status
	}
	text := s.Health.Status
	if n := len(s.Health.Log); n > 0 {
		if said := strings.TrimSpace(s.Health.Log[n-1].Output); said != "" {
			text += ". Output: " + said
		}
	}
	if s.Health.Status != "healthy" {
		return catalog.Critical, text
	}
	return catalog.Passing, text
}
