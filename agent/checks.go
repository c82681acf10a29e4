package agent

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"covey/health"
	"covey/httpapi"
	"covey/internal/fault"
)

// Checks returns all checks on this agent, by ID, with when they run.
func (a *Agent) Checks() []httpapi.CheckRun {
	plans := a.health.Plans()
	local := a.Local().Checks
	out := make([]httpapi.CheckRun, len(local))
	for i := range local {
		out[i] = checkRun(&local[i], plans[local[i].ID])
	}
	return out
}

// RunCheck carries out a check now, and returns how it stands then.
func (a *Agent) RunCheck(ctx context.Context, id string) (httpapi.CheckRun, error) {
	var none httpapi.CheckRun
	if c := a.localCheck(id); c != nil && c.Definition.Kind() == "" {
		return none, fault.New(fault.Invalid, "run check %q: it is of type %s, which nobody carries out", id, c.Type)
	}
	err := a.health.RunNow(ctx, id)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return none, fault.New(fault.Unavailable, "run check %q: it has begun and not ended yet: %w", id, err)
	case err != nil:
		return none, err
	}
	if c := a.localCheck(id); c != nil {
		return checkRun(c, a.health.Plans()[id]), nil
	}
	return none, fault.New(fault.NotFound, "run check %q: it was removed meanwhile", id)
}

// localCheck returns the check of that ID on this agent, nil if there is none.
func (a *Agent) localCheck(id string) *httpapi.LocalCheck {
	checks := a.Local().Checks // by ID
	i, found := slices.BinarySearchFunc(checks, id, func(c httpapi.LocalCheck, id string) int { return strings.Compare(c.ID, id) })
	if !found {
		return nil
	}
	return &checks[i]
}

func checkRun(c *httpapi.LocalCheck, p health.Plan) httpapi.CheckRun {
	r := httpapi.CheckRun{
		ID: c.ID, Name: c.Name, Type: c.Type, ServiceID: c.ServiceID, ServiceName: c.ServiceName,
		Target: c.Definition.Target(), Status: c.Status.String(), Output: c.Output, Notes: c.Notes,
		Since: c.Since, LastRun: p.Ran, NextRun: p.Next,
	}
	if c.Definition.Interval > 0 {
		r.Interval = c.Definition.Interval.String()
	}
	if !p.Ran.IsZero() {
		r.Took = p.Took.Round(time.Microsecond).String()
	}
	return r
}
