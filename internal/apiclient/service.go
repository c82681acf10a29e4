package apiclient

import (
	"context"
	"net/url"
)

// Service is an instance as the API shows it.
type Service struct {
	ID      string
	Service string
	Address string
	Port    uint16
	Tags    []string
	Meta    map[string]string
	Weights Weights
}

// Weights are the shares an instance asks for, by its status.
type Weights struct {
	Passing uint16
	Warning uint16
}

// Node is a host as the API shows it.
type Node struct {
	ID         string
	Node       string
	Address    string
	Datacenter string
	Meta       map[string]string
}

// Check is a check as the API shows it. ServiceID is "" for a check of a node.
type Check struct {
	Node        string
	CheckID     string
	Name        string
	Status      string
	Output      string
	ServiceID   string
	ServiceName string
	Type        string
}

// Entry is an instance with its host and the checks of both.
type Entry struct {
	Node    Node
	Service Service
	Checks  []Check
}

// Status is the worst of the entry's checks.
func (e *Entry) Status() string { return worst(e.Checks) }

// ServiceTags lists every service name with all tags of its instances.
func (c *Client) ServiceTags(ctx context.Context) (map[string][]string, error) {
	var out map[string][]string
	err := c.get(ctx, path("catalog", "services"), nil, &out)
	return out, err
}

// Health lists every instance of a service, the critical ones too; none if there is
// no such service.
func (c *Client) Health(ctx context.Context, service string) ([]Entry, error) {
	var out []Entry
	err := c.get(ctx, path("health", "service", service), nil, &out)
	return out, err
}

// Nodes lists every host in the catalogue.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	var out []Node
	err := c.get(ctx, path("catalog", "nodes"), nil, &out)
	return out, err
}

// NodeChecks lists the checks of a node and of what runs there.
func (c *Client) NodeChecks(ctx context.Context, node string) ([]Check, error) {
	var out []Check
	err := c.get(ctx, path("health", "node", node), nil, &out)
	return out, err
}

// NodeServices lists the instances on a node; none if there is no such node.
func (c *Client) NodeServices(ctx context.Context, node string) ([]Service, error) {
	var out *struct{ Services []Service }
	if err := c.get(ctx, path("catalog", "node-services", node), nil, &out); err != nil || out == nil {
		return nil, err
	}
	return out.Services, nil
}

// LocalServices lists what is registered on the agent itself, by ID.
func (c *Client) LocalServices(ctx context.Context) (map[string]Service, error) {
	var out map[string]Service
	err := c.get(ctx, path("agent", "services"), nil, &out)
	return out, err
}

// Register registers the service that definition, a JSON object with the API's keys,
// states on the agent. What an earlier registration under the same ID said, its
// checks included, is replaced.
func (c *Client) Register(ctx context.Context, definition []byte) error {
	query := url.Values{"replace-existing-checks": {"true"}}
	return c.put(ctx, path("agent", "service", "register"), query, definition)
}

// Deregister removes an instance that was registered on the agent.
func (c *Client) Deregister(ctx context.Context, id string) error {
	return c.put(ctx, path("agent", "service", "deregister", id), nil, nil)
}

// worst returns the worst status of checks: maintenance is critical to the API.
func worst(checks []Check) string {
	rank := map[string]int{"passing": 0, "warning": 1}
	status, at := "passing", 0
	for _, c := range checks {
		r, known := rank[c.Status]
		if !known {
			r = 2
		}
		if r > at {
			status, at = c.Status, r
		}
	}
	return status
}
