package gossip

import (
	"slices"
	"sync"

	"github.com/hashicorp/serf/serf"
)

// roster keeps the latest event of each member until the loop takes it. Its size is
// that of the cluster, so serf's channel is always read, whatever the loop is at. A name
// that comes back under another id is another member: the loop must hear of both, lest
// it never learn whose records are void.
type roster struct {
	changed chan struct{} // holds a token when there is something to take

	mu     sync.Mutex // guards latest and order
	latest map[rosterKey]rosterEvent
	order  []rosterKey // of the last event of each
}

type rosterKey struct{ name, id string }

type rosterEvent struct {
	kind   serf.EventType
	member serf.Member
}

func newRoster() *roster {
	return &roster{changed: make(chan struct{}, 1), latest: map[rosterKey]rosterEvent{}}
}

// follow reads serf's events until stop.
func (r *roster) follow(events <-chan serf.Event, stop <-chan struct{}) {
	for {
		select {
		case e := <-events:
			if m, ok := e.(serf.MemberEvent); ok {
				r.note(m)
			}
		case <-stop:
			return
		}
	}
}

func (r *roster) note(e serf.MemberEvent) {
	r.mu.Lock()
	for _, m := range e.Members {
		key := rosterKey{m.Name, m.Tags[IDTag]}
		if _, ok := r.latest[key]; ok {
			r.order = slices.DeleteFunc(r.order, func(k rosterKey) bool { return k == key })
		}
		r.order = append(r.order, key)
		r.latest[key] = rosterEvent{e.Type, m}
	}
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

func (r *roster) take() []rosterEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := make([]rosterEvent, 0, len(r.order))
	for _, key := range r.order {
		events = append(events, r.latest[key])
	}
	clear(r.latest)
	r.order = nil
	return events
}
