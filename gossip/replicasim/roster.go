package replicasim

import (
	"slices"

	"covey/gossip/replica"
)

// view is who one node sees: all that are in the shared rings, but for its overlay.
// It implements replica.Roster.
type view struct {
	world *World
	other map[replica.ID]replica.Membership // where it sees otherwise; often nil
}

func (v *view) Membership(id replica.ID) replica.Membership {
	if m, ok := v.other[id]; ok {
		return m
	}
	if _, ok := v.world.index[id]; ok {
		return replica.Alive
	}
	return replica.Unknown
}

func (v *view) Set(id replica.ID, m replica.Membership) {
	if m == replica.Alive {
		delete(v.other, id)
		return
	}
	if v.other == nil {
		v.other = map[replica.ID]replica.Membership{}
	}
	v.other[id] = m
}

func (v *view) Living() int { return v.world.rings.Len() - 1 - len(v.other) }

func (v *view) All() []replica.ID {
	return slices.DeleteFunc(v.world.rings.All(), v.dead)
}

func (v *view) Successors(of replica.ID, rings int) []replica.ID {
	if len(v.other) == 0 {
		return v.world.rings.Successors(of, rings, nil)
	}
	return v.world.rings.Successors(of, rings, v.dead)
}

func (v *view) dead(id replica.ID) bool {
	_, ok := v.other[id]
	return ok
}
