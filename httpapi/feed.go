package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"covey/catalog"
)

const (
	// feedPace is how often views are compared at most: a burst of changes becomes one
	// comparison, whatever the number of readers.
	feedPace = 50 * time.Millisecond
	// feedKeep is for how long events are gathered after the last reader has gone, so that
	// one which comes back finds what it missed.
	feedKeep = 2 * time.Minute

	maxFeedBytes = 4 << 20
)

// feed turns the catalogue's views into events, once for all readers. It keeps the last
// few megabytes of them; a reader is a position among these, so a slow one costs nothing,
// and loses its place instead of holding up anything.
//
// Events are numbered from the catalogue's index on, one by one: numbers never go back,
// not over restarts either, since the index does not. A number says nothing on another
// agent, nor after a restart, so an event's ID is its number and which run of which agent
// it is of: without that, numbers of two agents that were started together would be taken
// for each other's.
type feed struct {
	views  func() *catalog.View
	name   string         // of this run of this agent
	runner sync.WaitGroup // of run; added to under mu

	mu      sync.Mutex // guards what follows
	running bool
	readers int
	left    time.Time     // when the last of them went
	first   uint64        // number of events[0], or of the next one
	events  []feedEvent   // numbered one after the other
	size    int           // bytes in them
	grown   chan struct{} // closed when there are more
}

// feedEvent is an event as it is sent.
type feedEvent struct {
	service string // "" for one about a node
	text    []byte
}

func newFeed(views func() *catalog.View) *feed {
	return &feed{views: views, name: fmt.Sprintf("%08x", rand.Uint32()), grown: make(chan struct{})}
}

// id is what the event of a number is called.
func (f *feed) id(number uint64) string { return strconv.FormatUint(number, 10) + "-" + f.name }

// number is that of an ID, 0 if this run did not give it out; ok if it is one at all. A bare
// number is nobody's: an index of the catalogue looks like it, and means something else.
func (f *feed) number(id string) (n uint64, ok bool) {
	digits, name, _ := strings.Cut(id, "-")
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, false
	}
	if name != f.name {
		return 0, true
	}
	return n, true
}

// subscribe begins to gather if nobody did, and returns the number of the next event. leave
// is to be called once.
func (f *feed) subscribe(stopping <-chan struct{}) (next uint64, leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.readers++
	if !f.running {
		f.running = true
		v := f.views()
		f.events, f.size = nil, 0
		f.first = max(f.first, v.Index()) + 1
		f.runner.Go(func() { f.run(v, stopping) })
	}
	return f.next(), func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.readers--
		f.left = time.Now()
	}
}

func (f *feed) next() uint64 { return f.first + uint64(len(f.events)) }

// run gathers until the server stops or nobody has read for a while.
func (f *feed) run(v *catalog.View, stopping <-chan struct{}) {
	idle := time.NewTicker(feedKeep / 4)
	defer idle.Stop()
	for {
		select {
		case <-v.Watch():
			now := f.views()
			f.add(changesBetween(v, now))
			v = now
			select {
			case <-time.After(feedPace):
			case <-stopping:
				return
			}
		case <-idle.C:
			if f.stop() {
				return
			}
		case <-stopping:
			return
		}
	}
}

// stop ends gathering if nobody has read for a while.
func (f *feed) stop() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.readers > 0 || time.Since(f.left) < feedKeep {
		return false
	}
	f.running = false
	f.first, f.events, f.size = f.next(), nil, 0
	return true
}

// add appends events, and drops the oldest of what is too much.
func (f *feed) add(changes []wireChange) {
	if len(changes) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range changes {
		e := feedEvent{changes[i].Service, sseEvent(f.id(f.next()), changes[i].Type, changes[i])}
		f.events, f.size = append(f.events, e), f.size+len(e.text)
		for f.size > maxFeedBytes && len(f.events) > 1 {
			f.size -= len(f.events[0].text)
			f.events[0] = feedEvent{}
			f.events, f.first = f.events[1:], f.first+1
		}
	}
	close(f.grown)
	f.grown = make(chan struct{})
}

// from returns the events numbered next and after, as many as make up about most bytes,
// the number after the last of them, and what is closed when there are more. ok is false
// if some of them are not there any more.
func (f *feed) from(next uint64, most int) (events []feedEvent, after uint64, grown <-chan struct{}, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if next < f.first || next > f.next() {
		return nil, f.next(), f.grown, false
	}
	at, size := int(next-f.first), 0
	end := at
	for end < len(f.events) && size < most {
		size += len(f.events[end].text)
		end++
	}
	return f.events[at:end:end], f.first + uint64(end), f.grown, true
}

// sseEvent is an event as the HTML standard has it (server-sent events): JSON holds no
// line break.
func sseEvent(id, name string, data any) []byte {
	text, err := json.Marshal(data)
	if err != nil { // of what this package makes, nothing cannot be written
		text = []byte("{}")
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "id: %s\nevent: %s\ndata: %s\n\n", id, name, text)
	return b.Bytes()
}
