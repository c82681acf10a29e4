package apiclient

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Member is one agent as gossip knows it.
type Member struct {
	Name   string
	Addr   string
	Port   uint16
	Status MemberStatus
	Tags   map[string]string
}

// MemberStatus is a word: alive, leaving, left or failed. The API states it as
// serf's number; both are read, the word is written.
type MemberStatus string

// UnmarshalJSON implements json.Unmarshaler.
func (s *MemberStatus) UnmarshalJSON(text []byte) error {
	var word string
	if json.Unmarshal(text, &word) == nil {
		*s = MemberStatus(word)
		return nil
	}
	var number int
	if err := json.Unmarshal(text, &number); err != nil {
		return fmt.Errorf("status of a member: %w", err)
	}
	words := [...]MemberStatus{"none", "alive", "leaving", "left", "failed"}
	if number < 0 || number >= len(words) {
		return fmt.Errorf("status of a member: %d is not in 0..%d", number, len(words)-1)
	}
	*s = words[number]
	return nil
}

// Members lists the cluster's agents, failed and recently left ones included.
func (c *Client) Members(ctx context.Context) ([]Member, error) {
	var out []Member
	err := c.get(ctx, path("agent", "members"), nil, &out)
	return out, err
}

// Join makes the agent join the cluster of the agent whose gossip is at addr.
func (c *Client) Join(ctx context.Context, addr string) error {
	return c.put(ctx, path("agent", "join", addr), nil, nil)
}

// Drain takes the agent's host out of all answers. It returns for how long others may
// keep answers from before.
func (c *Client) Drain(ctx context.Context, reason string) (keep time.Duration, err error) {
	var query url.Values
	if reason != "" {
		query = url.Values{"reason": {reason}}
	}
	var out struct{ Keep string }
	if err := c.call(ctx, http.MethodPut, path("covey", "drain"), query, nil, &out); err != nil {
		return 0, err
	}
	if out.Keep == "" {
		return 0, nil
	}
	return time.ParseDuration(out.Keep)
}

// Leave begins the agent's graceful stop and returns when it is under way.
func (c *Client) Leave(ctx context.Context) error {
	return c.put(ctx, path("agent", "leave"), nil, nil)
}

// ForceLeave has a failed node taken for one that left; with prune it is forgotten
// at once.
func (c *Client) ForceLeave(ctx context.Context, node string, prune bool) error {
	var query url.Values
	if prune {
		query = url.Values{"prune": {"true"}}
	}
	return c.put(ctx, path("agent", "force-leave", node), query, nil)
}
