package catalog

import (
	"runtime"
	"strings"
	"sync"
	"weak"

	"google.golang.org/protobuf/encoding/protowire"
)

// Shape is what instances of a kind have in common: all but their ID, address, port
// and the outputs of their checks. It is immutable and shared by all of them. What
// answers are made of is at hand, the rest in wire form: few have most shapes for
// themselves, but some do.
type Shape struct {
	Service string // a DNS label; compared without case
	Tags    []string
	Weights Weights

	// wire is an instance of this kind that has none of its own; where its ID stands in
	// the texts of its checks is a blank.
	wire      string
	family    *ByFamily  // nil if there is none
	balancing *Balancing // nil if nothing is said of it
	worst     Status     // of the checks
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

// appendFilled appends the fields that follow an instance's port, with what is its own
// filled in.
func (s *Shape) appendFilled(b []byte, id, outputs string) []byte {
	rest := []byte(s.wire)
	for len(rest) > 0 {
		num, _, n := protowire.ConsumeField(rest) // of our own writing: it can be read
		switch num {
		case fieldService: // it was written before
		case fieldChecks:
			c := s.check(rest[:n], id)
			c.Output, outputs = cutOutput(outputs)
			b = appendCheck(b, fieldChecks, &c)
		default:
			b = append(b, rest[:n]...)
		}
		rest = rest[n:]
	}
	return b
}

// check reads a field of wire that is a check.
func (s *Shape) check(b []byte, id string) Check {
	_, typ, n := protowire.ConsumeTag(b)
	list, _ := field{typ, b[n:]}.intoChecks(nil)
	c := list[0]
	c.ID, c.Name = fillIn(c.ID, id), fillIn(c.Name, id)
	return c
}

// shapes are the shapes in use, each once. It is safe for concurrent use.
type shapes struct {
	mu    sync.Mutex                     // guards what follows
	room  []byte                         // to encode in
	known map[string]weak.Pointer[Shape] // by wire form
}

func newShapes() *shapes { return &shapes{known: map[string]weak.Pointer[Shape]{}} }

// of returns the shape of an instance.
func (s *shapes) of(i *Instance) *Shape {
	like := *i
	like.ID, like.Address, like.Port, like.Load = "", "", 0, Load{}
	if len(i.Checks) > 0 {
		like.Checks = make([]Check, len(i.Checks))
	}
	for k, c := range i.Checks {
		c.ID, c.Name, c.Output = leaveBlank(c.ID, i.ID), leaveBlank(c.Name, i.ID), ""
		like.Checks[k] = c
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	wire := appendInstance(s.room[:0], &like)
	s.room = wire
	if known := s.known[string(wire)].Value(); known != nil {
		return known
	}
	shape := &Shape{Service: like.Service, Tags: like.Tags, Weights: like.Weights, wire: string(wire), family: familyOf(&like), balancing: balancingOf(like.Meta), worst: Worst(like.Checks)}
	s.known[shape.wire] = weak.Make(shape)
	runtime.AddCleanup(shape, s.forget, shape.wire)
	return shape
}

// forget drops a shape that nothing refers to any more, unless one like it was made in
// the meantime.
func (s *shapes) forget(wire string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[wire].Value() == nil {
		delete(s.known, wire)
	}
}
