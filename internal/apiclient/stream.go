package apiclient

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Change is something that happened in the catalogue. What does not apply is empty.
type Change struct {
	Type    string // node-joined, node-left, node-status, registered, deregistered, modified, health
	Index   uint64
	Node    string
	Service string   `json:",omitempty"`
	ID      string   `json:",omitempty"`
	Address string   `json:",omitempty"`
	Port    uint16   `json:",omitempty"`
	Tags    []string `json:",omitempty"`
	Status  string   `json:",omitempty"`
	Was     string   `json:",omitempty"` // the status before
}

// Watcher is told what a stream says. Its methods are called one after the other.
type Watcher interface {
	Changed(Change) error
	// Missed says that changes went by unseen: while nobody listened, or since they came
	// faster than they were taken.
	Missed() error
}

// Pauses between attempts to come back to a stream.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 5 * time.Second
)

// Watch tells w what changes with the services, all if there are none, and the nodes.
// Once it was there it comes back to an agent that is gone for a while, and goes on where
// it was. It returns w's error, the context's, or that of an agent that was never reached
// or that refuses.
func (c *Client) Watch(ctx context.Context, services []string, w Watcher) error {
	last, pause := "", firstPause
	for began := false; ; {
		id, err := c.stream(ctx, services, last, w)
		if id != "" {
			began, pause, last = true, firstPause, id
		}
		var unreachable *UnreachableError
		var refused *StatusError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &unreachable) && !began, errors.As(err, &refused) && refused.Code < http.StatusInternalServerError:
			return err
		case err != nil && !errors.As(err, &unreachable) && !errors.As(err, &refused):
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			pause = min(2*pause, lastPause)
		}
	}
}

// stream reads one stream to its end. It returns the id of the last event that was told,
// "" if there was none.
func (c *Client) stream(ctx context.Context, services []string, last string, w Watcher) (string, error) {
	target := c.URL("/v1/covey/stream")
	if len(services) > 0 {
		target += "?" + url.Values{"service": services}.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return "", fmt.Errorf("GET %s: %w", target, err)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	if c.token != "" {
		req.Header.Set("X-Consul-Token", c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return "", unreachable(ctx, c.addr, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, maxRefusal))
		return "", &StatusError{Addr: c.addr, Method: http.MethodGet, Path: "/v1/covey/stream", Code: resp.StatusCode, Message: strings.TrimSpace(string(text))}
	}
	return c.readEvents(resp.Body, last != "", w)
}

// maxEvent bounds a line of a stream.
const maxEvent = 1 << 20

// readEvents tells w what it reads. again says that an earlier stream came before.
func (c *Client) readEvents(r io.Reader, again bool, w Watcher) (told string, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxEvent)
	var id, event, data string
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			id = value
		case "event":
			event = value
		case "data":
			data = value
		case "": // an event that was cut short never comes to this
			if data != "" {
				if err := tell(event, []byte(data), again, w); err != nil {
					return told, fmt.Errorf("event %s of the agent at %s: %w", id, c.addr, err)
				}
			}
			told, data = id, ""
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return told, fmt.Errorf("the stream of %s is not an agent's: %w", c.addr, lines.Err())
	}
	return told, nil // it ended, well or not: who wants more comes back
}

func tell(event string, data []byte, again bool, w Watcher) error {
	switch event {
	case "lost":
		return w.Missed()
	case "refused": // who comes back is told with a status why
		return nil
	case "hello":
		var hello struct{ Resumed bool }
		if err := json.Unmarshal(data, &hello); err != nil {
			return err
		}
		if again && !hello.Resumed {
			return w.Missed()
		}
		return nil
	}
	var c Change
	if err := json.Unmarshal(data, &c); err != nil {
		return err
	}
	return w.Changed(c)
}
