package catalog

import (
	"encoding/json"
	"runtime"
	"strings"
	"sync"
	"weak"
)

// Shape is what instances of a kind have in common: all but their ID, address, port
// and the outputs of their checks. It is immutable and shared by all of them.
type Shape struct {
	Service         string // a DNS label; compared without case
	Tags            []string
	Meta            map[string]string
	Weights         Weights
	TaggedAddresses map[string]ServiceAddress

	EnableTagOverride bool
	Kind              string
	Extra             json.RawMessage // see Instance

	checks []Check // by ID, with blanks where the instance's ID stands, and without outputs
	worst  Status  // of the checks
}

// blank stands for the instance's ID in the texts of a Shape's checks. No ID or name
// holds it: control characters are refused.
const blank = "\x00"

func fillIn(text, id string) string { return strings.Replace(text, blank, id, 1) }

func leaveBlank(text, id string) string {
	if id == "" {
		return text
	}
	return strings.Replace(text, id, blank, 1)
}

// shapes are the shapes in use, each once. It is safe for concurrent use.
type shapes struct {
	mu    sync.Mutex                     // guards known
	known map[string]weak.Pointer[Shape] // by wire form
}

func newShapes() *shapes { return &shapes{known: map[string]weak.Pointer[Shape]{}} }

// of returns the shape of an instance.
func (s *shapes) of(i *Instance) *Shape {
	like := *i
	like.ID, like.Address, like.Port = "", "", 0
	if len(i.Checks) > 0 {
		like.Checks = make([]Check, len(i.Checks))
	}
	for k, c := range i.Checks {
		c.ID, c.Name, c.Output = leaveBlank(c.ID, i.ID), leaveBlank(c.Name, i.ID), ""
		like.Checks[k] = c
	}
	wire := appendInstance(nil, &like)

	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.known[string(wire)].Value(); known != nil {
		return known
	}
	shape := &Shape{
		Service: like.Service, Tags: like.Tags, Meta: like.Meta, Weights: like.Weights,
		TaggedAddresses: like.TaggedAddresses, EnableTagOverride: like.EnableTagOverride,
		Kind: like.Kind, Extra: like.Extra, checks: like.Checks, worst: Worst(like.Checks),
	}
	key := string(wire)
	s.known[key] = weak.Make(shape)
	runtime.AddCleanup(shape, s.forget, key)
	return shape
}

// forget drops a shape that nothing refers to any more, unless one like it was made in
// the meantime.
func (s *shapes) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[key].Value() == nil {
		delete(s.known, key)
	}
}
