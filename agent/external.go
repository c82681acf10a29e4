package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/internal/fault"
)

// External nodes run no agent. The agent that is told of one states it, and so owns that
// statement like all its others; what was written last of a part counts, whoever wrote it
// (see catalog). That something is gone is a statement too: so any agent can deregister
// what another has stated, even one that cannot be reached.

const (
	// graveFor is how long it is stated that something is gone: as long as membership
	// remembers a failed agent, which may still state the opposite when it comes back.
	graveFor = 24 * time.Hour
	// maxGraves is how many such statements are kept, the latest.
	maxGraves = 10_000
)

// externalRecord is a statement in the journal, as it travels.
type externalRecord struct {
	Key     string `json:"key"`
	Payload []byte `json:"payload"`
}

func externalOf(x *catalog.External) *externalRecord {
	return &externalRecord{x.Key(), catalog.Encode(x)}
}

func (r *registry) replayExternal(rec *externalRecord) error {
	decoded, err := catalog.Decode(rec.Key, rec.Payload)
	if err != nil {
		return fmt.Errorf("a statement of an external node that cannot be read: %w", err)
	}
	x, ok := decoded.(*catalog.External)
	if !ok {
		return fmt.Errorf("a statement of an external node under the key %q", rec.Key)
	}
	r.externals[rec.Key] = x
	return nil
}

// setExternal states something of an external node, or with nil no longer.
func (b *batch) setExternal(key string, x *catalog.External) {
	was := b.externals[key]
	b.undo = append(b.undo, func() {
		if was == nil {
			delete(b.externals, key)
		} else {
			b.externals[key] = was
		}
	})
	if x == nil {
		delete(b.externals, key)
		b.write(record{NoExternal: key})
	} else {
		b.externals[key] = x
		b.write(record{External: externalOf(x)})
	}
	b.durable = true
	b.external[key] = struct{}{}
}

// state states x, unless that is what this agent states already and what counts.
func (b *batch) state(x *catalog.External, counts []*catalog.External) error {
	if _, err := catalog.Decode(x.Key(), catalog.Encode(x)); err != nil {
		return fault.New(fault.Invalid, "node %q cannot be registered so: %w", x.Host, err)
	}
	if own := b.externals[x.Key()]; own != nil && slices.Contains(counts, own) {
		like := *x
		like.Written, like.Cleared = own.Written, own.Cleared
		if slices.Equal(catalog.Encode(&like), catalog.Encode(own)) {
			return nil
		}
	}
	b.setExternal(x.Key(), x)
	return nil
}

// RegisterExternal states what it is given of a node that runs no agent.
func (a *Agent) RegisterExternal(ctx context.Context, d definition.External) error {
	name := d.Node.Name
	if h := a.catalog.View().Host(name); h != nil && h.Liveness != catalog.Outside {
		return fault.New(fault.Conflict, "node %q runs an agent: register there, by /v1/agent/service/register and /v1/agent/check/register", h.Name)
	}
	for h := range a.catalog.View().Hosts() {
		if h.ID == d.Node.ID && !strings.EqualFold(h.Name, name) {
			return fault.New(fault.Conflict, "the ID %v is that of node %q", h.ID, h.Name)
		}
	}
	return a.commits.change(ctx, func(b *batch) error {
		counts := a.catalog.Externals(name)
		written := max(uint64(b.now.UnixMicro()), a.catalog.ExternalWritten(name)+1)
		known := slices.ContainsFunc(counts, func(x *catalog.External) bool { return x.Node != nil })
		var list []*catalog.External
		if d.HasNode() && !(d.SkipNodeUpdate && known) {
			n := *d.Node
			n.Datacenter = a.cfg.Datacenter
			list = append(list, &catalog.External{Node: &n})
		}
		if d.Service != nil {
			list = append(list, &catalog.External{Instance: d.Service})
		}
		for i := range d.Checks {
			c := d.Checks[i]
			list = append(list, &catalog.External{Check: &c.Check, ServiceID: c.ServiceID})
		}
		for _, x := range list {
			if x.ServiceID != "" && !hasService(counts, list, x.ServiceID) {
				return fault.Field("Check.ServiceID", "no service %q is registered on node %q", x.ServiceID, name)
			}
			x.Host, x.Written = name, written
			x.Cleared = a.catalog.ExternalCleared(name, x.Part())
			if err := b.state(x, counts); err != nil {
				return err
			}
		}
		return nil
	})
}

// hasService reports whether a service is known or about to be.
func hasService(known, next []*catalog.External, id string) bool {
	return slices.ContainsFunc(slices.Concat(known, next), func(x *catalog.External) bool {
		return x.Instance != nil && x.Instance.ID == id
	})
}

// DeregisterExternal states that something of an external node is gone. Of a node that runs
// an agent it does what that agent, or its absence, allows.
func (a *Agent) DeregisterExternal(ctx context.Context, d definition.ExternalRemoval) error {
	if h := a.catalog.View().Host(d.Node); h != nil && h.Liveness != catalog.Outside {
		return a.deregisterOn(ctx, h, d)
	}
	return a.commits.change(ctx, func(b *batch) error {
		counts := a.catalog.Externals(d.Node)
		gone := &catalog.External{Host: d.Node, Gone: true, Written: max(uint64(b.now.UnixMicro()), a.catalog.ExternalWritten(d.Node)+1)}
		switch {
		case d.CheckID != "":
			gone.Check = &catalog.Check{ID: d.CheckID}
		case d.ServiceID != "":
			gone.Instance = &catalog.Instance{ID: d.ServiceID, Service: d.ServiceID, Weights: catalog.DefaultWeights}
		default:
			gone.Node = &catalog.Node{Name: d.Node}
			if len(counts) > 0 {
				return b.state(gone, nil)
			}
		}
		if !slices.ContainsFunc(counts, func(x *catalog.External) bool { return x.Part() == gone.Part() }) {
			return nil // not there: nothing to take away
		}
		return b.state(gone, nil)
	})
}

// deregisterOn removes what runs on a node with an agent, if that is possible from here.
func (a *Agent) deregisterOn(ctx context.Context, h *catalog.Host, d definition.ExternalRemoval) error {
	own := h.ID == a.id
	switch {
	case own && d.CheckID != "":
		return a.DeregisterCheck(ctx, d.CheckID)
	case own && d.ServiceID != "":
		return a.DeregisterService(ctx, d.ServiceID)
	case d.CheckID == "" && d.ServiceID == "" && h.Liveness == catalog.Failed:
		return a.ForceLeave(ctx, h.Name, false)
	default:
		return fault.New(fault.Conflict, "node %q runs an agent, which alone can take this away: ask it, at %s, by /v1/agent/service/deregister, /v1/agent/check/deregister or /v1/agent/leave", h.Name, h.Address)
	}
}

// tidyExternals drops statements that no longer count, and those of what is gone when
// nobody can come back to contradict them.
func (c *committer) tidyExternals(now time.Time) {
	if len(c.registry.externals) == 0 {
		return
	}
	drop := map[string]bool{}
	for _, key := range c.outdated() {
		drop[key] = c.registry.externals[key] != nil
	}
	var graves []*catalog.External
	for key, x := range c.registry.externals {
		switch {
		case !x.Gone || drop[key]:
		case now.Sub(time.UnixMicro(int64(x.Written))) >= graveFor:
			drop[key] = true
		default:
			graves = append(graves, x)
		}
	}
	if len(graves) > maxGraves {
		slices.SortFunc(graves, func(a, b *catalog.External) int { return cmp.Compare(b.Written, a.Written) })
		for _, x := range graves[maxGraves:] {
			drop[x.Key()] = true
		}
	}
	if len(drop) == 0 {
		return
	}
	c.commit([]*request{{promise: true, done: make(chan struct{}), do: func(b *batch) error {
		for key, there := range drop {
			if there {
				b.setExternal(key, nil)
			}
		}
		return nil
	}}})
}
