package apiclient

import (
	"context"
	"errors"
	"net"
	"time"
)

// Status is what an agent says of itself.
type Status struct {
	Node       string
	ID         string
	Version    string
	Datacenter string
	Domain     string
	Started    time.Time
	GossipAddr string
	HTTPAddr   string
	DNSAddr    string
	Members    int
	Alive      int
	Failed     int
	Services   int
	Instances  int
	Encrypted  bool
	DataDir    string // "" if nothing is kept on disk
	Counters   map[string]uint64
}

// Status asks the agent for its state.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var out Status
	err := c.get(ctx, path("covey", "status"), nil, &out)
	return out, err
}

// goneEvery is how often WaitGone looks.
const goneEvery = 100 * time.Millisecond

// WaitGone returns nil once the agent that was started at that moment answers no
// more, or another has taken its place; else the context's error.
func (c *Client) WaitGone(ctx context.Context, started time.Time) error {
	tick := time.NewTicker(goneEvery)
	defer tick.Stop()
	for {
		// An idle connection could be served by an agent that no longer listens.
		c.Close()
		now, err := c.Status(ctx)
		var op *net.OpError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &op) && op.Op == "dial":
			return nil // a connection that is cut short says only that it is going
		case err == nil && !now.Started.Equal(started):
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
