package catalog

import (
	"bytes"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPackingLosesNothing(t *testing.T) {
	s := NewStore(0)
	rapid.Check(t, func(t *rapid.T) {
		i := drawInstance(t)
		for k := range i.Checks { // as most checks are called
			if rapid.Bool().Draw(t, "after it") {
				i.Checks[k].ID = fmt.Sprint("service:", i.ID, ":", k)
				i.Checks[k].Name = i.Service + " " + i.ID + i.ID
			}
		}
		payload := Encode(i)
		r, err := s.Decode(i.Key(), payload)
		if err != nil {
			t.Fatal(err)
		}
		p := r.(*Packed)
		if got := p.Instance(); !reflect.DeepEqual(got, i) {
			t.Fatalf("%+v came back as %+v", i, got)
		}
		if p.Key() != i.Key() || p.worst != Worst(i.Checks) {
			t.Fatalf("key %q, worst %v", p.Key(), p.worst)
		}
		if prefix := []byte("before"); !bytes.Equal(p.AppendPayload(prefix), append(prefix, payload...)) {
			t.Fatal("its wire form is another")
		}
	})
}

func TestALongOutputIsKept(t *testing.T) {
	long := strings.Repeat("x", MaxOutput)
	i := &Instance{ID: "a", Service: "b", Checks: []Check{{ID: "1"}, {ID: "2", Output: long}, {ID: "3", Output: "short"}}}
	if got := NewStore(0).Pack(i).Checks(); !reflect.DeepEqual(got, i.Checks) {
		t.Errorf("%+v", got)
	}
}

// alike is one of many instances of a service, as they are registered.
func alike(n int, status Status) *Instance {
	id := fmt.Sprint("web-", n)
	return &Instance{
		ID: id, Service: "web", Address: fmt.Sprintf("10.0.%d.%d", n/256, n%256), Port: uint16(8000 + n%3),
		Tags: []string{"v1"}, Meta: map[string]string{"version": "1.2"}, Weights: DefaultWeights,
		Checks: []Check{{ID: "service:" + id, Name: "Service 'web' check", Status: status, Type: "http", Output: "HTTP 200 from " + id}},
	}
}

func TestInstancesOfAKindShareAShape(t *testing.T) {
	s := NewStore(0)
	a, b, sick := s.Pack(alike(1, Passing)), s.Pack(alike(700, Passing)), s.Pack(alike(2, Critical))
	if a.Shape != b.Shape {
		t.Errorf("%+v and %+v are not shared", a.Shape, b.Shape)
	}
	if a.Shape == sick.Shape || sick.worst != Critical || a.worst != Passing {
		t.Error("a status is not told apart")
	}
	runtime.KeepAlive(a)
}

func TestAShapeThatNobodyHasIsForgotten(t *testing.T) {
	s := newShapes()
	kept := s.pack(alike(1, Passing))
	for n := range 10 {
		i := alike(n, Passing)
		i.Meta = map[string]string{"n": fmt.Sprint(n)}
		s.pack(i)
	}
	count := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.known)
	}
	// Cleanups run some time after a collection; each one yields to them.
	for round := 0; count() > 1; round++ {
		if round == 10_000 {
			t.Fatalf("%d shapes are kept for one instance", count())
		}
		runtime.GC()
		runtime.Gosched()
	}
	if again := s.pack(alike(2, Passing)); again.Shape != kept.Shape {
		t.Error("the one in use was forgotten")
	}
	runtime.KeepAlive(kept)
}
