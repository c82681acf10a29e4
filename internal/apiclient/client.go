package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// Client calls one agent. Its methods are safe to call at once.
type Client struct {
	addr     string
	endpoint endpoint
	http     *http.Client
	token    string // "" for none
}

// maxRefusal bounds what is read of the body that explains an error status.
const maxRefusal = 4 << 10

// New returns a client of the agent at addr: host:port, http://host:port,
// https://host:port or unix:///path. Nothing is dialled yet.
func New(addr string) (*Client, error) { return NewWith(addr, Access{}) }

// NewWith is New for an agent that wants to know who asks. The files are read at once.
func NewWith(addr string, a Access) (*Client, error) {
	e, err := parseAddr(addr)
	if err != nil {
		return nil, err
	}
	if a.SSL && !strings.Contains(addr, "://") {
		e.scheme = "https"
	}
	// No proxy: the agent is on this host or one that was named on purpose.
	transport := &http.Transport{MaxIdleConnsPerHost: fanOut}
	if e.socket != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", e.socket)
		}
	}
	if e.scheme == "https" {
		if transport.TLSClientConfig, err = a.tlsConfig(); err != nil {
			return nil, err
		}
	}
	return &Client{addr: addr, endpoint: e, http: &http.Client{Transport: transport}, token: a.Token}, nil
}

// Addr is the address as it was given to New.
func (c *Client) Addr() string { return c.addr }

// Socket is the path of the unix socket the agent is reached by, "" for TCP.
func (c *Client) Socket() string { return c.endpoint.socket }

// URL is what a caller without this package asks for to reach path.
func (c *Client) URL(path string) string {
	return c.endpoint.scheme + "://" + c.endpoint.host + path
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// path joins segments, each escaped, under /v1.
func path(segments ...string) string {
	escaped := make([]string, len(segments))
	for i, s := range segments {
		escaped[i] = url.PathEscape(s)
	}
	return "/v1/" + strings.Join(escaped, "/")
}

// call sends one request and decodes the answer into out, unless that is nil.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, body []byte, out any) error {
	target := c.URL(path)
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, target, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("X-Consul-Token", c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return unreachable(ctx, c.addr, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
		return &StatusError{Addr: c.addr, Method: method, Path: path, Code: resp.StatusCode, Message: strings.TrimSpace(string(text))}
	}
	if out == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	} else {
		err = json.NewDecoder(resp.Body).Decode(out)
	}
	if err != nil {
		if ctx.Err() != nil {
			return unreachable(ctx, c.addr, err)
		}
		return fmt.Errorf("the answer of %s to %s %s is not an agent's: %w; does another server listen there?", c.addr, method, path, err)
	}
	return nil
}

func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.call(ctx, http.MethodGet, path, query, nil, out)
}

func (c *Client) put(ctx context.Context, path string, query url.Values, body []byte) error {
	return c.call(ctx, http.MethodPut, path, query, body, nil)
}
