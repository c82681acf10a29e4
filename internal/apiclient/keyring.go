package apiclient

import (
	"context"
	"encoding/json"
	"net/http"
)

// Keyring is what the agents have in their keyrings.
type Keyring struct {
	Keys        map[string]int // how many agents have it, by key in base64
	PrimaryKeys map[string]int // how many seal with it
	NumNodes    int
}

// Keyring asks all agents for their gossip keys. key is one that they have.
func (c *Client) Keyring(ctx context.Context, key string) (Keyring, error) {
	var pools []Keyring
	err := c.showing(key).get(ctx, path("operator", "keyring"), nil, &pools)
	if err != nil || len(pools) == 0 {
		return Keyring{}, err
	}
	return pools[0], nil
}

// keyMethods are the requests that change keyrings.
var keyMethods = map[string]string{"install": http.MethodPost, "use": http.MethodPut, "remove": http.MethodDelete}

// ChangeKey has all agents install, use or remove a gossip key; shown is one that they
// have.
func (c *Client) ChangeKey(ctx context.Context, shown, change, key string) error {
	body, err := json.Marshal(struct{ Key string }{key})
	if err != nil {
		return err
	}
	return c.showing(shown).call(ctx, keyMethods[change], path("operator", "keyring"), nil, body, nil)
}

// showing is the client with a token in its requests.
func (c *Client) showing(token string) *Client {
	with := *c
	with.token = token
	return &with
}
