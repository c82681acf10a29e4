package agent

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"regexp"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"covey/catalog"
	"covey/httpapi"
	"covey/internal/fault"
)

// events are what users sent to all agents and is for this one: the last maxEvents of
// them. They are not kept over a restart.
type events struct {
	mu      sync.Mutex // guards what follows
	list    []httpapi.Event
	start   uint64        // the index while there is none: the time of the start
	index   uint64        // of the last one
	changed chan struct{} // closed by the next
	fired   uint64        // the time in the ID of the last one made here
}

const maxEvents = 256

func newEvents(now time.Time) *events {
	return &events{start: uint64(now.UnixMicro()), index: uint64(now.UnixMicro()), changed: make(chan struct{})}
}

// Fire sends an event to all agents.
func (a *Agent) Fire(_ context.Context, e httpapi.Event) (httpapi.Event, error) {
	for name, text := range map[string]string{"name": e.Name, "node": e.NodeFilter, "service": e.ServiceFilter, "tag": e.TagFilter} {
		if err := catalog.CheckText(text, catalog.MaxIDLen); err != nil {
			return e, fault.Field(name, "%w", err)
		}
	}
	e.ID = a.events.newID(time.Now())
	return e, a.gossip.Fire(appendEvent(nil, &e))
}

// Events returns what this agent received.
func (a *Agent) Events() httpapi.Events {
	a.events.mu.Lock()
	defer a.events.mu.Unlock()
	return httpapi.Events{List: a.events.list, Index: a.events.index, Start: a.events.start, Changed: a.events.changed}
}

// receiveEvent takes an event from gossip, if it is for this agent. One that cannot be
// read is another version's.
func (a *Agent) receiveEvent(ltime uint64, payload []byte) {
	e, err := readEvent(payload)
	if err != nil {
		a.log.Debug("an event that cannot be read was passed over", "error", err)
		return
	}
	e.LTime = ltime
	if a.concerns(&e) {
		a.events.add(e)
	}
}

// concerns reports whether an event's filters match this node and what runs here.
func (a *Agent) concerns(e *httpapi.Event) bool {
	match := func(pattern, text string) bool {
		re, err := regexp.Compile(pattern)
		return err == nil && re.MatchString(text)
	}
	if e.NodeFilter != "" && !match(e.NodeFilter, a.cfg.NodeName) {
		return false
	}
	if e.ServiceFilter == "" {
		return true
	}
	for _, s := range a.Local().Services {
		if !match(e.ServiceFilter, s.Service) {
			continue
		}
		if e.TagFilter == "" {
			return true
		}
		for _, tag := range s.Tags {
			if match(e.TagFilter, tag) {
				return true
			}
		}
	}
	return false
}

// add keeps an event. The list is replaced, never changed: readers hold it.
func (l *events) add(e httpapi.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := max(0, len(l.list)+1-maxEvents)
	l.list = append(append(make([]httpapi.Event, 0, len(l.list)+1-from), l.list[from:]...), e)
	l.index = httpapi.EventIndex(e.ID)
	close(l.changed)
	l.changed = make(chan struct{})
}

// newID makes a UUID (RFC 9562, version 4) that is random but for this: its halves, one
// XOR the other, are the time in microseconds, later for each.
func (l *events) newID(now time.Time) string {
	l.mu.Lock()
	l.fired = max(l.fired+1, uint64(now.UnixMicro()))
	index := l.fired
	l.mu.Unlock()

	const version, variant = 0xf000, 0xc000_0000_0000_0000
	var random [8]byte
	rand.Read(random[:]) // never fails: see crypto/rand
	high := binary.BigEndian.Uint64(random[:])
	high = high&^(version|variant) | (index^0x4000)&version | 0x8000_0000_0000_0000
	var id catalog.NodeID
	binary.BigEndian.PutUint64(id[:8], high^index)
	binary.BigEndian.PutUint64(id[8:], high)
	return id.String()
}

// An event as it travels:
//
//	message Event {
//	  bytes id = 1;
//	  string name = 2;
//	  bytes payload = 3;
//	  string node_filter = 4;
//	  string service_filter = 5;
//	  string tag_filter = 6;
//	}
func appendEvent(b []byte, e *httpapi.Event) []byte {
	id, _ := catalog.ParseNodeID(e.ID) // of our own making
	for num, field := range [...]string{1: string(id[:]), e.Name, string(e.Payload), e.NodeFilter, e.ServiceFilter, e.TagFilter} {
		if field != "" {
			b = protowire.AppendString(protowire.AppendTag(b, protowire.Number(num), protowire.BytesType), field)
		}
	}
	return b
}

// readEvent reads what appendEvent wrote; fields it does not know are passed over.
func readEvent(b []byte) (httpapi.Event, error) {
	e := httpapi.Event{Version: 1}
	var id, payload string
	into := [...]*string{1: &id, &e.Name, &payload, &e.NodeFilter, &e.ServiceFilter, &e.TagFilter}
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return e, protowire.ParseError(n)
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
			return e, protowire.ParseError(n)
		}
		if typ == protowire.BytesType && num >= 1 && int(num) < len(into) {
			value, _ := protowire.ConsumeBytes(b)
			*into[num] = string(value)
		}
		b = b[n:]
	}
	if len(id) != len(catalog.NodeID{}) {
		return e, fault.New(fault.Invalid, "an event whose id has %d bytes", len(id))
	}
	e.ID = catalog.NodeID([]byte(id)).String()
	if payload != "" {
		e.Payload = []byte(payload)
	}
	return e, catalog.CheckText(e.Name, catalog.MaxIDLen)
}
