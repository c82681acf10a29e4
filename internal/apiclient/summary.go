package apiclient

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// fanOut is how many requests a summary has under way at once.
const fanOut = 8

// ServiceSummary is one line about a service.
type ServiceSummary struct {
	Name      string
	Instances int
	Passing   int
	Warning   int
	Critical  int // on failed hosts, too
	Tags      []string
}

// Summary counts the instances of every service by status, sorted by name. A service
// that vanishes meanwhile is left out.
func (c *Client) Summary(ctx context.Context) ([]ServiceSummary, error) {
	tags, err := c.ServiceTags(ctx)
	if err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(tags))
	out, err := each(ctx, names, func(ctx context.Context, name string) (ServiceSummary, error) {
		entries, err := c.Health(ctx, name)
		s := ServiceSummary{Name: name, Instances: len(entries), Tags: append([]string{}, tags[name]...)}
		slices.Sort(s.Tags)
		for i := range entries {
			switch entries[i].Status() {
			case "passing":
				s.Passing++
			case "warning":
				s.Warning++
			default:
				s.Critical++
			}
		}
		return s, err
	})
	return slices.DeleteFunc(out, func(s ServiceSummary) bool { return s.Instances == 0 }), err
}

// NodeSummary is one line about a host.
type NodeSummary struct {
	Name      string
	ID        string
	Address   string
	Status    string // the worst of the node's own checks, liveness included
	Problem   string // the check that says so, and its output; "" when passing
	Instances int
	Meta      map[string]string
}

// NodeSummaries describes every host in the catalogue, sorted by name.
func (c *Client) NodeSummaries(ctx context.Context) ([]NodeSummary, error) {
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(nodes, func(a, b Node) int { return strings.Compare(a.Node, b.Node) })
	return each(ctx, nodes, func(ctx context.Context, n Node) (NodeSummary, error) {
		s := NodeSummary{Name: n.Node, ID: n.ID, Address: n.Address, Meta: n.Meta}
		checks, err := c.NodeChecks(ctx, n.Node)
		if err != nil {
			return s, err
		}
		own := slices.DeleteFunc(checks, func(k Check) bool { return k.ServiceID != "" })
		s.Status, s.Problem = worst(own), problem(own)
		services, err := c.NodeServices(ctx, n.Node)
		s.Instances = len(services)
		return s, err
	})
}

// problem names the first check that has the worst status.
func problem(checks []Check) string {
	status := worst(checks)
	for _, k := range checks {
		if k.Status != status || status == "passing" {
			continue
		}
		if k.Output == "" {
			return k.Name
		}
		return k.Name + ": " + k.Output
	}
	return ""
}

// each calls f for every one of in, a few at once, and returns the results in the
// order of in. The first error ends it.
func each[In, Out any](ctx context.Context, in []In, f func(context.Context, In) (Out, error)) ([]Out, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := make([]Out, len(in))
	var (
		group sync.WaitGroup
		next  atomic.Int64
		once  sync.Once
		first error
	)
	for range min(fanOut, len(in)) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(in); i = int(next.Add(1)) - 1 {
				var err error
				if out[i], err = f(ctx, in[i]); err != nil {
					once.Do(func() { first = err; cancel() })
					return
				}
			}
		})
	}
	group.Wait()
	if first != nil {
		return nil, first
	}
	return out, nil
}
