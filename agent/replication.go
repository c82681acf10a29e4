package agent

import (
	"errors"

	"covey/catalog"
	"covey/gossip/replica"
)

// validate decodes a peer's record, which the catalogue and replication then share. One of a kind that only a newer agent knows is
// relayed and otherwise left alone.
func (a *Agent) validate(owner replica.ID, key string, payload []byte) (any, error) {
	r, err := a.catalog.Decode(key, payload)
	if errors.Is(err, catalog.ErrUnknownKind) {
		return nil, nil
	}
	if n, ok := r.(*catalog.Node); ok && n.ID != catalog.NodeID(owner) {
		return nil, errors.New("a node record that bears another's id")
	}
	return r, err
}

// apply brings replicated changes into the catalogue.
func (a *Agent) apply(changes []replica.Change) {
	updates := make([]catalog.Update, 0, len(changes))
	for i := range changes {
		ch := &changes[i]
		if ch.Dropped {
			a.catalog.Apply(updates...)
			updates = updates[:0]
			a.catalog.Drop(catalog.NodeID(ch.Owner))
			continue
		}
		u := catalog.Update{Owner: catalog.NodeID(ch.Owner), Reset: ch.Reset}
		for _, e := range ch.Entries {
			if r, ok := e.Value.(catalog.Record); ok && !e.Deleted {
				u.Put = append(u.Put, r)
			} else if e.Deleted {
				u.Remove = append(u.Remove, e.Key)
			}
		}
		updates = append(updates, u)
	}
	a.catalog.Apply(updates...)
}

// setMember tells the catalogue whether a node is up. What was alive before our own
// restart counts as alive until membership says otherwise: an agent that is cut off
// answers from what it knows.
func (a *Agent) setMember(id replica.ID, m replica.Membership) {
	liveness := catalog.Unknown
	switch m {
	case replica.Alive:
		liveness = catalog.Alive
	case replica.Presumed:
		liveness = catalog.Presumed
	case replica.Failed:
		liveness = catalog.Failed
	}
	a.catalog.SetLiveness(catalog.NodeID(id), liveness)
}
