package agent

import (
	"time"
)

// simLoad is what an agent holds at a moment, and what waits in it.
type simLoad struct {
	Owners, Entries, Graves, Staged, Pushes, Pulls int
	StreamBytes, Frames                            int
}

func (a *simAgent) load(agent *Agent) simLoad {
	c := agent.gossip.Counters()
	n := func(name string) int { return int(c[name]) }
	return simLoad{
		Owners: n("held_owners"), Entries: n("held_entries"), Graves: n("held_graves"), Staged: n("waiting_staged"),
		Pushes: n("waiting_pushes"), Pulls: n("waiting_pulls"), StreamBytes: n("waiting_stream_bytes"), Frames: n("waiting_frames"),
	}
}

// weighEvery is how often each agent's load is looked at.
const weighEvery = 2 * time.Second

// mostBytes may wait in an agent's streams. What all catalogues of a simulation hold
// together is far less, so only the same thing queued again and again comes to more.
const mostBytes = 4 << 20

// weigh follows one run of an agent and checks that what it holds and what waits in it
// is bounded by what there is to know.
func (a *simAgent) weigh(agent *Agent, quit <-chan struct{}) {
	tick := time.NewTicker(weighEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-quit:
			return
		}
		l := a.load(agent)
		w := a.sim.world
		w.mu.Lock()
		disks, told := len(w.disks), w.next
		a.sim.most.raise(l)
		w.mu.Unlock()
		nodes := len(a.sim.agents)
		if l.Owners > disks || l.Entries > disks+3*told || l.Graves > disks || l.Staged > disks || l.Pulls > disks ||
			l.Pushes > 2*disks*nodes || l.StreamBytes > mostBytes {
			a.sim.fault("%s holds %+v of %d disks and %d instances that there ever were", a.name, l, disks, told)
		}
	}
}

// raise makes each number of most at least that of l.
func (most *simLoad) raise(l simLoad) {
	for _, n := range []struct {
		most *int
		n    int
	}{
		{&most.Owners, l.Owners}, {&most.Entries, l.Entries}, {&most.Graves, l.Graves}, {&most.Staged, l.Staged},
		{&most.Pushes, l.Pushes}, {&most.Pulls, l.Pulls}, {&most.StreamBytes, l.StreamBytes}, {&most.Frames, l.Frames},
	} {
		*n.most = max(*n.most, n.n)
	}
}

// checkIdle sees to it that nothing waits in an agent.
func (a *simAgent) checkIdle() {
	a.sim.Helper()
	l := a.load(a.Agent)
	if l.Staged+l.Pushes+l.Pulls+l.StreamBytes+l.Frames > 0 {
		a.sim.fault("at rest, %s holds %+v", a.name, l)
	}
	if alive := len(a.sim.up()); l.Owners < alive {
		a.sim.fault("at rest, %s holds the logs of %d owners, %d live", a.name, l.Owners, alive)
	}
}

// want names faults that must come about: of what is done, or of the network's counts.
func (s *simulation) want(faults ...string) { s.wanted = append(s.wanted, faults...) }

// freeze stops the agent's host for so long.
func (a *simAgent) freeze(d time.Duration) {
	a.host.Freeze(d)
	if until := time.Now().Add(d); until.After(a.sim.frozen) {
		a.sim.frozen = until
	}
}

// thaw is how long some host stays frozen yet.
func (s *simulation) thaw() time.Duration { return max(0, time.Until(s.frozen)) }
