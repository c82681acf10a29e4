package gossip

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/go-multierror"
	"github.com/hashicorp/serf/serf"

	"covey/gossip/replica"
	"covey/internal/fault"
)

// Members returns all that membership knows, this agent included. That a member begins to
// leave may show a second later.
func (g *Gossip) Members() *Members { return g.census.of(g.serf.Members, &g.roster.heard) }

// Join contacts other agents, each host:port or a host with the default port, and
// returns how many could be reached. It fails only if none could.
func (g *Gossip) Join(addrs ...string) (int, error) {
	n, err := g.join(addrs)
	if n > 0 {
		return n, nil
	}
	if err != nil {
		return 0, fmt.Errorf("cannot join %s: %s; is an agent listening there, with the same key and datacenter?", strings.Join(addrs, ", "), reasons(err))
	}
	return 0, nil
}

var errStopped = errors.New("this agent is stopping")

// reasons says on one line what went wrong with each address; serf's error has a line
// for each under a heading.
func reasons(err error) string {
	var list *multierror.Error
	if !errors.As(err, &list) {
		return err.Error()
	}
	texts := make([]string, len(list.Errors))
	for i, e := range list.Errors {
		texts[i] = strings.Join(strings.Fields(e.Error()), " ")
	}
	return strings.Join(texts, "; ")
}

// Leave says goodbye: the others forget this node and all it registered. It takes a
// second or so. Close afterwards.
func (g *Gossip) Leave() error {
	var err error
	g.leave.Do(func() {
		close(g.leaving)
		g.do(func() { g.core.Leave(time.Now()) })
		select { // the packets are out; give what goes by stream a moment
		case <-time.After(leaveDrain):
		case <-g.stop:
		}
		err = g.leaveMembership()
	})
	return err
}

// leaveMembership is serf's Leave, but for its panic where Close comes in between.
func (g *Gossip) leaveMembership() (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			select {
			case <-g.stop:
				err = errStopped
			default:
				if g.serf.State() != serf.SerfShutdown {
					panic(fault)
				}
				err = errStopped
			}
		}
	}()
	return g.serf.Leave()
}

// ForceLeave makes a failed node one that left. With prune, membership forgets it at
// once instead of after a day.
func (g *Gossip) ForceLeave(node string, prune bool) error {
	known := false
	for _, m := range g.serf.Members() {
		if m.Name != node {
			continue
		}
		known = true
		if m.Status == serf.StatusAlive {
			return fault.New(fault.Conflict, "node %q is alive: let its own agent leave (covey leave)", node)
		}
	}
	if !known {
		return fault.New(fault.NotFound, "no node %q is known; covey members lists them", node)
	}
	var err error
	if prune {
		err = g.serf.RemoveFailedNodePrune(node)
	} else {
		err = g.serf.RemoveFailedNode(node)
	}
	if err != nil {
		return fmt.Errorf("telling the cluster to forget node %q: %w", node, err)
	}
	g.do(func() {
		if b := g.dir.names[node]; b != nil && b.state != replica.Alive {
			g.forgetName(node, "it was forced to leave")
		}
	})
	return nil
}

// Counters returns what gossip counted since the start, by name, and under the names
// that begin with held_ and waiting_ what it holds now.
func (g *Gossip) Counters() map[string]uint64 {
	out := map[string]uint64{
		"replication_packets_dropped": g.transport.dropped.Load(),
		"replication_stream_dropped":  g.transport.streams.dropped.Load(),
		"packets_over_budget":         g.transport.overBudget.Load(),
		"streams_cut_short":           g.transport.streams.cut.Load(),
		"waiting_stream_bytes":        uint64(g.transport.streams.waiting()),
		"waiting_frames":              uint64(len(g.transport.frames)),
		"nodes_found_refusing":        g.counts.accused.Load(),
		"nodes_wrongly_refused":       g.counts.acquitted.Load(),
		"nodes_wrongly_failed":        g.counts.contradicted.Load(),
	}
	g.refused.copyTo(out)
	out["health_score"] = uint64(max(0, g.serf.Memberlist().GetHealthScore()))
	g.do(func() {
		s := g.core.Stats()
		for name, v := range map[string]uint64{
			"frames_in": s.FramesIn, "frames_out": s.FramesOut, "bytes_in": s.BytesIn, "bytes_out": s.BytesOut,
			"deltas_new": s.DeltasNew, "deltas_old": s.DeltasOld, "deltas_gap": s.DeltasGap,
			"refused": s.Refused, "quarantined": s.Quarantined, "roots": s.Roots, "mismatches": s.Mismatches,
			"pulls": s.Pulls, "pulls_timed_out": s.PullsTimedOut, "resets": s.Resets, "epochs_raised": s.EpochsRaised,
			"estranged": s.Estranged, "mends": g.mends.begun,
		} {
			out["replication_"+name] = v
		}
		z := g.core.Size()
		for name, n := range map[string]int{
			"held_owners": z.Owners, "held_entries": z.Entries, "held_graves": z.Graves,
			"replication_lag_ms": int(g.core.Lag(time.Now()).Milliseconds()),
			"waiting_staged":     z.Staged, "waiting_pushes": z.Pushes, "waiting_pulls": z.Pulls,
		} {
			out[name] = uint64(n)
		}
	})
	return out
}
