package gossip

import (
	"sync"

	"github.com/hashicorp/serf/serf"
)

// roster keeps the latest event of each member until the loop takes it. Its size is
// that of the cluster, so serf's channel is always read, whatever the loop is at.
type roster struct {
	changed chan struct{} // holds a token when there is something to take

	mu     sync.Mutex // guards latest and order
	latest map[string]rosterEvent
	order  []string
}

type rosterEvent struct {
	kind   serf.EventType
	member serf.Member
}

func newRoster() *roster {
	return &roster{changed: make(chan struct{}, 1), latest: map[string]rosterEvent{}}
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
		if _, ok := r.latest[m.Name]; !ok {
			r.order = append(r.order, m.Name)
		}
		r.latest[m.Name] = rosterEvent{e.Type, m}
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
	for _, name := range r.order {
		events = append(events, r.latest[name])
	}
	clear(r.latest)
	r.order = nil
	return events
}
