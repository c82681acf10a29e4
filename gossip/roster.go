package gossip

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/serf/serf"
)

// roster keeps the latest event of each member, and what members say of one another,
// until the loop takes it. Its size is bounded by the cluster's, so serf's channel is
// always read, whatever the loop is at. A name that comes back under another id is another
// member: the loop must hear of both, lest it never learn whose records are void.
type roster struct {
	changed chan struct{} // holds a token when there is something to take
	heard   atomic.Uint64 // events of members

	mu     sync.Mutex // guards what follows
	latest map[rosterKey]rosterEvent
	order  []rosterKey // of the last event of each
	said   []serf.UserEvent
}

// maxSaid is how many statements wait for the loop; more are dropped.
const maxSaid = 1024

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
			switch e := e.(type) {
			case serf.MemberEvent:
				r.note(e)
			case serf.UserEvent:
				r.hear(e)
			}
		case <-stop:
			return
		}
	}
}

func (r *roster) hear(e serf.UserEvent) {
	r.mu.Lock()
	if len(r.said) < maxSaid {
		r.said = append(r.said, e)
	}
	r.mu.Unlock()
	r.signal()
}

func (r *roster) signal() {
	select {
	case r.changed <- struct{}{}:
	default:
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
	r.heard.Add(1)
	r.signal()
}

// take returns what happened to members and what they said, since it was last called.
func (r *roster) take() ([]rosterEvent, []serf.UserEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := make([]rosterEvent, 0, len(r.order))
	for _, key := range r.order {
		events = append(events, r.latest[key])
	}
	clear(r.latest)
	said := r.said
	r.order, r.said = nil, nil
	return events, said
}
