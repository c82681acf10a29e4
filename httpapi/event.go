package httpapi

import (
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"covey/catalog"
	"covey/internal/fault"
)

// Event is a message to all agents. Who it is for is said by regular expressions; an
// empty one is for all.
type Event struct {
	ID                                   string // a UUID
	Name                                 string
	Payload                              []byte
	NodeFilter, ServiceFilter, TagFilter string
	Version                              int
	LTime                                uint64 // Lamport's time, by which events are ordered; 0 of one just fired
}

// Events are those that this agent has received lately and that are for it. Index is of
// the last one, see EventIndex.
type Events struct {
	List    []Event
	Index   uint64
	Start   uint64          // the index before there was one
	Changed <-chan struct{} // closed when there are others
}

// maxEventPayload bounds what is read; what fits is less, and gossip's to say.
const maxEventPayload = 4 << 10

// maxEventPattern bounds an expression that says who an event is for.
const maxEventPattern = catalog.MaxIDLen

// fireEvent sends the body as an event. What is answered is the event, not that anybody
// received it.
func (s *Server) fireEvent(w http.ResponseWriter, r *request) error {
	name, err := r.required("name", "event name")
	if err != nil {
		return err
	}
	if err := s.checkDatacenter(r); err != nil {
		return err
	}
	e := Event{Name: name, Version: 1}
	for _, f := range []struct {
		param string
		into  *string
	}{{"node", &e.NodeFilter}, {"service", &e.ServiceFilter}, {"tag", &e.TagFilter}} {
		*f.into = r.params.Get(f.param)
		if len(*f.into) > maxEventPattern { // before it is compiled: that may take 10 KB a character
			return fault.Field(f.param, "is longer than %d bytes", maxEventPattern)
		}
		if _, err := regexp.Compile(*f.into); err != nil {
			return fault.Field(f.param, "is no regular expression: %w", err)
		}
	}
	if e.TagFilter != "" && e.ServiceFilter == "" {
		return fault.Field("tag", "means nothing without service")
	}
	if e.Payload, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxEventPayload)); err != nil {
		return fault.New(fault.Invalid, "the event's payload: %w", err)
	}
	if e, err = s.cfg.Agent.Fire(r.Context(), e); err != nil {
		return err
	}
	return s.value(w, r, http.StatusOK, e)
}

// listEvents lists what this agent received, oldest first. The index is not the
// catalogue's but the last event's, since clients find by it where they were.
func (s *Server) listEvents(w http.ResponseWriter, r *request) error {
	if err := s.checkDatacenter(r); err != nil {
		return err
	}
	index, wait, err := r.blocking()
	if err != nil {
		return err
	}
	name := r.params.Get("name")
	err = s.block(r, wait, func() (bool, <-chan struct{}) {
		events := s.events(name)
		return index == 0 || events.Index != index, events.Changed
	})
	if err != nil {
		return err
	}
	events := s.events(name)
	setReadHeaders(w, r, events.Index)
	return s.value(w, r, http.StatusOK, events.List)
}

// events are those of one name, or of all.
func (s *Server) events(name string) Events {
	all := s.cfg.Agent.Events()
	if name == "" {
		all.List = nonNil(all.List)
		return all
	}
	some := Events{List: []Event{}, Index: all.Start, Changed: all.Changed}
	for _, e := range all.List {
		if e.Name == name {
			some.List = append(some.List, e)
			some.Index = EventIndex(e.ID)
		}
	}
	return some
}

// EventIndex is the number that clients make of an event's ID to find it again: the two
// halves of the UUID, one XOR the other. Agents choose IDs so that it is the time at which
// the event was fired, in microseconds.
func EventIndex(id string) uint64 {
	digits := strings.ReplaceAll(id, "-", "")
	if len(digits) != 32 {
		return 1
	}
	low, err1 := strconv.ParseUint(digits[:16], 16, 64)
	high, err2 := strconv.ParseUint(digits[16:], 16, 64)
	if err1 != nil || err2 != nil {
		return 1
	}
	return max(low^high, 1)
}
