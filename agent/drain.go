package agent

import (
	"context"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/internal/fault"
)

// A drain is a maintenance of the node that ends with the process: an agent that is
// started again is meant to serve.

// drainType marks its check.
const drainType = "drain"

const drainReason = "This host is being drained: its agent is about to leave."

// Drain takes all services of this node out of all answers until NodeMaintenance takes
// them back in or the agent is started again. It returns how long others may keep
// answers that still have them.
func (a *Agent) Drain(ctx context.Context, reason string) (keep time.Duration, err error) {
	err = a.commits.change(ctx, func(b *batch) error { return b.drain(reason) })
	for _, ttl := range a.cfg.DNS.ServiceTTL {
		keep = max(keep, ttl)
	}
	return keep, err
}

// drain is not durable, and changes nothing if the node is in maintenance already.
func (b *batch) drain(reason string) error {
	if b.checks[catalog.NodeMaintenance] != nil {
		return nil
	}
	if reason == "" {
		reason = drainReason
	} else if err := catalog.CheckText(reason, catalog.MaxNotes); err != nil {
		return fault.Field("reason", "%w", err)
	}
	state := catalog.Check{
		ID: catalog.NodeMaintenance, Name: nodeMaintenanceName, Type: drainType,
		Status: catalog.Critical, Notes: reason,
	}
	b.setCheck(state.ID, &check{definition: &definition.Check{}, state: state, changed: b.now, since: b.now})
	return b.shareable("")
}
