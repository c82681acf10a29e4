package apiclient

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// CheckRun is a check of the agent with when it is carried out. A zero time is none.
type CheckRun struct {
	ID, Name, Type         string
	ServiceID, ServiceName string // "" for a check of the node
	Target                 string
	Status, Output, Notes  string
	Since                  time.Time `json:",omitzero"` // of the status
	Interval               string
	LastRun                time.Time `json:",omitzero"`
	Took                   string
	NextRun                time.Time `json:",omitzero"` // of a TTL check, when it expires
}

// Transition is a change of how an instance stands, as the agent saw it.
type Transition struct {
	Time              time.Time
	Service, Instance string // the name and the ID
	Node              string
	From, To          string // "" for not there
	Reason            string
}

// Checks lists the checks on the agent, by ID.
func (c *Client) Checks(ctx context.Context) ([]CheckRun, error) {
	var out []CheckRun
	err := c.get(ctx, path("covey", "checks"), nil, &out)
	return out, err
}

// RunCheck has the agent carry out a check now, and returns how it stands then.
func (c *Client) RunCheck(ctx context.Context, id string) (CheckRun, error) {
	var out CheckRun
	err := c.call(ctx, http.MethodPut, path("covey", "check", "run", id), nil, nil, &out)
	return out, err
}

// Timeline lists the latest changes of a service's instances, "" for all, oldest first.
func (c *Client) Timeline(ctx context.Context, service string) ([]Transition, error) {
	var query url.Values
	if service != "" {
		query = url.Values{"service": {service}}
	}
	var out []Transition
	err := c.get(ctx, path("covey", "timeline"), query, &out)
	return out, err
}
