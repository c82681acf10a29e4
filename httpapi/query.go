package httpapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"covey/catalog"
	"covey/internal/fault"
)

// request is a request whose query string has been read, once.
type request struct {
	*http.Request
	out     http.ResponseWriter
	params  url.Values
	wants   Role          // see roleFor
	blocked time.Duration // how long it waited for a change
}

// waits notes that r waits for something to happen from now until what it returns is called.
func (r *request) waits() (over func()) {
	began := time.Now()
	return func() { r.blocked += time.Since(began) }
}

// unsupported are the parameters by which Consul narrows an answer to something that
// Covey has none of. To pass over them would answer another question.
var unsupported = [...]struct{ name, what string }{
	{"ns", "namespaces"},
	{"partition", "admin partitions"},
	{"peer", "cluster peering"},
	{"sg", "sameness groups"},
}

// newRequest reads the query and refuses what no endpoint here supports.
func newRequest(w http.ResponseWriter, r *http.Request) (*request, error) {
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fault.New(fault.Invalid, "the query string cannot be read: %w", err)
	}
	if len(params) != 0 {
		for _, u := range unsupported {
			if params.Has(u.name) {
				return nil, fault.New(fault.Invalid, "invalid query parameter %q: Covey has no %s", u.name, u.what)
			}
		}
	}
	return &request{Request: r, out: w, params: params}, nil
}

// required returns a path value that must not be empty.
func (r *request) required(name, what string) (string, error) {
	if v := r.PathValue(name); v != "" {
		return v, nil
	}
	return "", fault.New(fault.Invalid, "the path lacks the %s at its end", what)
}

// boolean is false when absent and true when given without a value.
func (r *request) boolean(name string) (bool, error) {
	if !r.params.Has(name) {
		return false, nil
	}
	text := r.params.Get(name)
	if text == "" {
		return true, nil
	}
	b, err := strconv.ParseBool(text)
	if err != nil {
		return false, fault.Field(name, "%q is neither true nor false", text)
	}
	return b, nil
}

// present is Consul's other kind of switch: on by being there at all. Clients send
// "stale", "stale=" and "stale=1"; an explicit false is honoured.
func (r *request) present(name string) bool {
	if !r.params.Has(name) {
		return false
	}
	b, err := strconv.ParseBool(r.params.Get(name))
	return b || err != nil
}

// How long a blocking read may take.
const (
	defaultWait = 300 * time.Second
	maxWait     = 600 * time.Second
	jitterShare = 16 // up to wait/16 is added, so that clients do not return in step
)

// blocking reads index and wait. Index 0 does not block.
func (r *request) blocking() (index uint64, wait time.Duration, err error) {
	if text := r.params.Get("index"); text != "" {
		if index, err = strconv.ParseUint(text, 10, 64); err != nil {
			return 0, 0, fault.New(fault.Invalid, "invalid index %q: want a whole number of at least 0", text)
		}
	}
	if text := r.params.Get("wait"); text != "" {
		if wait, err = time.ParseDuration(text); err != nil || wait < 0 {
			return 0, 0, fault.New(fault.Invalid, "invalid wait time %q: want a duration such as 30s or 5m", text)
		}
	}
	if wait == 0 {
		wait = defaultWait
	}
	return index, min(wait, maxWait), nil
}

// checkConsistency refuses contradictions. All modes are served alike, from what this
// agent knows.
func (r *request) checkConsistency() error {
	if !r.present("consistent") {
		return nil
	}
	for _, other := range []string{"stale", "cached"} {
		if r.present(other) {
			return fault.New(fault.Invalid, "?%s and ?consistent contradict each other", other)
		}
	}
	return nil
}

// tags are those an instance must all have. One without a name asks for nothing.
func (r *request) tags() []string {
	var tags []string
	for _, tag := range r.params["tag"] {
		if tag != "" {
			tags = append(tags, tag)
		}
	}
	return tags
}

// nodeMeta is what a node's metadata must hold for it, and what runs on it, to be
// listed: key to value.
type nodeMeta map[string]string

func (r *request) nodeMeta() nodeMeta {
	pairs := r.params["node-meta"]
	if len(pairs) == 0 {
		return nil
	}
	m := nodeMeta{}
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, ":")
		m[key] = value
	}
	return m
}

func (m nodeMeta) match(h *catalog.Host) bool {
	for key, value := range m {
		if have, ok := h.Meta[key]; !ok || have != value {
			return false
		}
	}
	return true
}
