package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"

	"covey/catalog"
)

// reading is a question to the catalogue. For one key, the index decides the body:
// while it stays the same, so does the answer. Everything about blocking and caching
// rests on that.
type reading struct {
	key   string // of the endpoint and all parameters that shape the body; see cacheKey
	index func(*catalog.View) uint64
	watch func(*catalog.View) <-chan struct{}
	body  func(*catalog.View, *nearness) (any, error)
	near  string                  // the node from which the body is ordered, "" for none
	size  func(*catalog.View) int // of how many nodes or instances the body is made; nil for few
}

// read makes a handler of what turns a request into a question: all reads of the
// catalogue are answered here.
func (s *Server) read(ask func(*request) (reading, error)) handler {
	return func(w http.ResponseWriter, r *request) error {
		q, err := ask(r)
		if err != nil {
			return err
		}
		v, err := s.await(r, q)
		if err != nil {
			return err
		}
		index, near := q.index(v), s.nearTo(q.near)
		if near != nil {
			q.key += cacheKey("near", near.from, strconv.FormatUint(near.known.Serial, 10))
		}
		var size func() int
		if q.size != nil {
			size = func() int { return q.size(v) }
		}
		body, sent, err := s.once(r, answerKey{q.key, index}, size, func() (any, error) { return q.body(v, near) })
		if err != nil {
			return err
		}
		defer sent()
		setReadHeaders(w, r, index)
		s.send(w, http.StatusOK, "application/json", body)
		return nil
	}
}

// await checks what all reads have in common and returns the view that answers q.
func (s *Server) await(r *request, q reading) (*catalog.View, error) {
	if err := s.checkDatacenter(r); err != nil {
		return nil, err
	}
	if err := r.checkConsistency(); err != nil {
		return nil, err
	}
	index, wait, err := r.blocking()
	if err != nil {
		return nil, err
	}
	if index > 0 {
		err = s.block(r, wait, func() (bool, <-chan struct{}) {
			v := s.cfg.Catalog.View() // not kept while the client waits: it holds all there was
			return q.index(v) > index, q.watch(v)
		})
	}
	return s.cfg.Catalog.View(), err
}

// checkDatacenter refuses a request for another datacenter.
func (s *Server) checkDatacenter(r *request) error { return s.knownDatacenter(r.params.Get("dc")) }

// setReadHeaders says how fresh an answer is. There is no leader to lose: this agent's
// own catalogue is always there, zero ago. Whatever was asked for, what is given is
// what Consul calls stale: this agent's knowledge, eventually the same as others'.
func setReadHeaders(w http.ResponseWriter, r *request, index uint64) {
	h := w.Header()
	h.Set("X-Consul-Index", strconv.FormatUint(index, 10))
	h.Set("X-Consul-Lastcontact", "0")
	h.Set("X-Consul-Knownleader", "true")
	h.Set("X-Consul-Effective-Consistency", "stale")
	if r.present("cached") {
		h.Set("X-Cache", "HIT")
		h.Set("Age", "0")
	}
}

// json answers with a body of JSON, indented for people when they ask for it.
func (s *Server) json(w http.ResponseWriter, r *request, status int, body []byte) error {
	if r.present("pretty") {
		var err error
		if body, err = indent(body); err != nil {
			return err
		}
	}
	s.send(w, status, "application/json", body)
	return nil
}

// shared answers with what render gives, once for all who ask under key until serial, which
// never goes back, is another. It is made of so many instances.
func (s *Server) shared(w http.ResponseWriter, r *request, key string, serial uint64, instances int, render func() (any, error)) error {
	body, sent, err := s.once(r, answerKey{key, serial}, func() int { return instances }, render)
	if err != nil {
		return err
	}
	defer sent()
	s.send(w, http.StatusOK, "application/json", body)
	return nil
}

// once returns the body that render gives as JSON, rendered by one for all who ask for it,
// from so many instances; nil for few. When it has been sent, sent is to be called.
func (s *Server) once(r *request, k answerKey, instances func() int, render func() (any, error)) (body []byte, sent func(), err error) {
	pretty := r.present("pretty")
	if pretty {
		k.key += cacheKey("pretty")
	}
	if body = s.large.join(k); body == nil {
		body, err = s.bodies.get(k.key, k.index, func() ([]byte, error) {
			return s.large.render(instances, func() ([]byte, error) { return jsonOf(render, pretty) })
		})
		if err == nil && len(body) >= largeBody {
			body, err = s.large.enter(k, body)
		}
	}
	if err != nil || len(body) < largeBody {
		return body, func() {}, err
	}
	return body, func() { s.large.leave(k) }, nil
}

// jsonOf is what render gives as JSON, indented for people when they ask for it.
func jsonOf(render func() (any, error), pretty bool) ([]byte, error) {
	v, err := render()
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(v)
	if err == nil && pretty {
		body, err = indent(body)
	}
	return body, err
}

// value answers with v as JSON.
func (s *Server) value(w http.ResponseWriter, r *request, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.json(w, r, status, body)
}

// done answers a write that succeeded, with nothing, as Consul does.
func (s *Server) done(w http.ResponseWriter) error {
	s.send(w, http.StatusOK, "text/plain; charset=utf-8", nil)
	return nil
}
