package httpapi

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"covey/internal/fault"
)

const (
	// maxStreams is how many may read the stream at once.
	maxStreams = 1024
	// streamWrite is how long a reader may take for what it is sent before it is cut off.
	streamWrite = 10 * time.Second
	// streamBatch is about how many bytes are written at once.
	streamBatch = 64 << 10
	// streamBeat is how often something is sent in any case: it finds readers that are
	// gone, and keeps proxies from closing what is quiet.
	streamBeat = 15 * time.Second
)

// wireHello begins a stream. Resumed says that what follows comes right after the event
// that the client had last; otherwise what a read of the catalogue shows from now on, and
// what follows, leave nothing out.
type wireHello struct {
	Index   uint64 // of the catalogue
	Resumed bool
}

// wireLost ends one: changes are missing, and the catalogue has to be read anew.
type wireLost struct{ Reason string }

// wireRefused ends one whose client's token was taken away.
type wireRefused struct{ Reason string }

// coveyStream sends what changes in the catalogue as server-sent events. Who comes back
// with Last-Event-ID gets what it missed; if that is not there any more it is told so by
// "hello" with Resumed false, and reads the catalogue anew.
func (s *Server) coveyStream(w http.ResponseWriter, r *request) error {
	if err := s.checkDatacenter(r); err != nil {
		return err
	}
	last, err := s.lastEvent(r)
	if err != nil {
		return err
	}
	permit, err := s.permit(r)
	if err != nil {
		return err
	}
	defer s.count.streams.Add(-1)
	if s.count.streams.Add(1) > maxStreams {
		return fault.New(fault.Unavailable, "%d clients read this agent's stream already, as many as may", maxStreams)
	}
	next, leave := s.feed.subscribe(s.stopping)
	defer leave()
	defer r.waits()()
	hello := wireHello{Index: s.cfg.Catalog.View().Index()}
	if last > 0 {
		if _, _, _, ok := s.feed.from(last+1, 0); ok {
			next, hello.Resumed = last+1, true
		}
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	out := eventWriter{w, http.NewResponseController(w)}
	if out.write(sseEvent(s.feed.id(next-1), "hello", hello)) {
		s.follow(out, r, permit, next)
	}
	return nil
}

// lastEvent is the number of the last event that the client had, 0 for none of this run's.
// Browsers send the header, others may find the parameter simpler.
func (s *Server) lastEvent(r *request) (uint64, error) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.params.Get("index")
	}
	if text == "" {
		return 0, nil
	}
	n, ok := s.feed.number(text)
	if !ok {
		return 0, fault.New(fault.Invalid, "invalid Last-Event-ID or index %q: want the id of an event", text)
	}
	return n, nil
}

// follow sends events from next on until the client goes, falls behind or has no permit
// any more, or the server stops.
func (s *Server) follow(out eventWriter, r *request, permit *permit, next uint64) {
	services := r.params["service"]
	beat := time.NewTicker(streamBeat)
	defer beat.Stop()
	for {
		select {
		case <-permit.changed:
			if err := permit.renew(); err != nil {
				out.write(sseEvent(s.feed.id(next-1), "refused", wireRefused{err.Error()}))
				return
			}
		default:
		}
		events, after, grown, ok := s.feed.from(next, streamBatch)
		if !ok {
			s.count.streamsLost.Add(1)
			out.write(sseEvent(s.feed.id(after-1), "lost", wireLost{"this client reads too slowly, and changes are missing: read the catalogue anew"}))
			return
		}
		if len(events) > 0 {
			if !out.write(chosen(events, services)) {
				s.count.streamsLost.Add(1)
				return
			}
			next = after
			continue
		}
		select {
		case <-grown:
		case <-permit.changed:
		case <-beat.C:
			// The number lets a client that filters resume where nothing of its own happened.
			if !out.write([]byte("id: " + s.feed.id(next-1) + "\n:\n\n")) {
				return
			}
		case <-s.stopping:
			out.write([]byte(": the agent stops\n\n"))
			return
		case <-r.Context().Done():
			return
		}
	}
}

// chosen joins the events that are about one of services, and about nodes; all if there
// are no services.
func chosen(events []feedEvent, services []string) []byte {
	var out []byte
	for i := range events {
		e := &events[i]
		if len(services) == 0 || e.service == "" || slices.ContainsFunc(services, func(s string) bool { return strings.EqualFold(s, e.service) }) {
			out = append(out, e.text...)
		}
	}
	return out
}

// eventWriter sends at once, and gives up on who does not take it.
type eventWriter struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (w eventWriter) write(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	_ = w.control.SetWriteDeadline(time.Now().Add(streamWrite))
	_, err := w.Write(text)
	return err == nil && w.control.Flush() == nil
}
