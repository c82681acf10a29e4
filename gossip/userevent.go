package gossip

import (
	"fmt"

	"github.com/hashicorp/serf/serf"

	"covey/internal/fault"
)

// userEvent is the name under which events of users travel. It is apart from those by
// which agents talk of one another.
const userEvent = "covey-user"

// MaxUserEvent is how many bytes an event of a user may have: serf sends it in packets.
const MaxUserEvent = 512 - len(userEvent)

// Fire sends an event to all agents, this one included, by gossip: most receive it within
// a second, one that is not reached within a few dozen of later events never does.
func (g *Gossip) Fire(payload []byte) error {
	if len(payload) > MaxUserEvent {
		return fault.New(fault.Invalid, "the event has %d bytes with its name and filters; %d are allowed", len(payload), MaxUserEvent)
	}
	if err := g.serf.UserEvent(userEvent, payload, false); err != nil {
		return fmt.Errorf("sending an event: %w", err)
	}
	return nil
}

// hearUserEvent hands an event to whoever keeps them.
func (g *Gossip) hearUserEvent(e serf.UserEvent) {
	if g.cfg.UserEvent != nil {
		g.cfg.UserEvent(uint64(e.LTime), e.Payload)
	}
}
