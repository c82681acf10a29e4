package agent

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"covey/catalog"
	"covey/httpapi"
)

// timeline keeps the latest changes of how instances stand, as the catalogue shows them
// on this agent: its own at once, others' as they arrive. It compares views, so writers
// pay nothing for it; what changed and changed back between two of them is not seen.
type timeline struct {
	seen *catalog.View // the one last compared

	mu   sync.Mutex // guards all below
	ring []httpapi.Transition
	next int // where the oldest is, once the ring is full
}

const (
	// timelineLength bounds the memory: some hundred bytes each.
	timelineLength = 2048

	// timelinePace is how soon a view is compared after another, so that what changes many
	// times a second costs little. The first of a quiet time is not put off.
	timelinePace = 50 * time.Millisecond
)

// follow compares views until ctx ends. What is there when it begins is no change.
func (t *timeline) follow(ctx context.Context, view func() *catalog.View) {
	v := view()
	t.seen = v
	for {
		select {
		case <-ctx.Done():
			return
		case <-v.Watch():
		}
		v = view()
		t.compare(v, time.Now())
		select {
		case <-ctx.Done():
			return
		case <-time.After(timelinePace):
		}
	}
}

// compare notes what is otherwise in v, service by service.
func (t *timeline) compare(v *catalog.View, now time.Time) {
	names := slices.Sorted(v.ChangedServices(t.seen))
	for _, name := range slices.Compact(names) {
		t.note(t.seen.Service(name), v.Service(name), now)
	}
	t.seen = v
}

// place is what an instance is known by.
type place struct{ node, id string }

// note adds what differs between two states of a service, either of which may be nil.
func (t *timeline) note(before, after *catalog.Service, now time.Time) {
	found := differing(before, after)
	was := map[place]*catalog.Endpoint{}
	for _, l := range found {
		for _, e := range l.before {
			was[placeOf(e)] = e
		}
	}
	for _, l := range found {
		for _, e := range l.after {
			t.compareOne(was[placeOf(e)], e, now)
			delete(was, placeOf(e))
		}
	}
	for _, l := range found {
		for _, e := range l.before {
			if was[placeOf(e)] != nil {
				t.compareOne(e, nil, now)
			}
		}
	}
}

func placeOf(e *catalog.Endpoint) place { return place{e.Host.Name, e.ID()} }

// lists are what is left of two lists of endpoints without what they begin and end with
// alike.
type lists struct{ before, after []*catalog.Endpoint }

func differing(before, after *catalog.Service) [2]lists {
	var all [2]lists
	if before != nil {
		all[0].before, all[1].before = before.Endpoints, before.Unreachable
	}
	if after != nil {
		all[0].after, all[1].after = after.Endpoints, after.Unreachable
	}
	for i := range all {
		all[i].trim()
	}
	return all
}

func (l *lists) trim() {
	for len(l.before) > 0 && len(l.after) > 0 && l.before[0] == l.after[0] {
		l.before, l.after = l.before[1:], l.after[1:]
	}
	for len(l.before) > 0 && len(l.after) > 0 && l.before[len(l.before)-1] == l.after[len(l.after)-1] {
		l.before, l.after = l.before[:len(l.before)-1], l.after[:len(l.after)-1]
	}
}

// compareOne adds the change of one instance, if there is one. Either may be nil.
func (t *timeline) compareOne(was, is *catalog.Endpoint, now time.Time) {
	c := httpapi.Transition{Time: now}
	if was != nil {
		c.Service, c.Instance, c.Node = was.Service, was.ID(), was.Host.Name
		c.From, c.Reason = was.Status().String(), "deregistered, or its host left"
	}
	if is != nil {
		c.Service, c.Instance, c.Node = is.Service, is.ID(), is.Host.Name
		c.To, c.Reason = is.Status().String(), reasonOf(is)
	}
	if c.From != c.To {
		t.add(c)
	}
}

// reasonOf says which check an instance stands by.
func reasonOf(e *catalog.Endpoint) string {
	status := e.Status()
	if status == catalog.Passing {
		return "all checks pass" // nine of ten changes: nothing is looked through for it
	}
	checks := append([]catalog.Check{e.Host.SerfCheck()}, e.Host.Checks...)
	for _, c := range append(checks, e.Checks()...) {
		if c.Status == status {
			text := c.Output
			if text == "" {
				text = c.Notes
			}
			if text == "" {
				return c.Name
			}
			return c.Name + ": " + text
		}
	}
	return "all checks pass"
}

func (t *timeline) add(c httpapi.Transition) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.ring) < timelineLength {
		t.ring = append(t.ring, c)
		return
	}
	t.ring[t.next] = c
	t.next = (t.next + 1) % timelineLength
}

// of returns the changes of a service, "" for all, oldest first.
func (t *timeline) of(service string) []httpapi.Transition {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []httpapi.Transition
	for i := range t.ring {
		c := t.ring[(t.next+i)%len(t.ring)]
		if service == "" || strings.EqualFold(c.Service, service) {
			out = append(out, c)
		}
	}
	return out
}

// Timeline returns the latest changes of a service's instances, "" for all, oldest first.
func (a *Agent) Timeline(service string) []httpapi.Transition { return a.timeline.of(service) }
