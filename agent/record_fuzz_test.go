package agent

import (
	"bytes"
	"slices"
	"testing"

	"covey/catalog"
	"covey/catalog/definition"
)

// FuzzReplay: whatever a record of the journal says, it is refused or taken, the indexes
// stay in step, and a journal written anew brings back the same.
func FuzzReplay(f *testing.F) {
	for _, r := range []record{
		{Service: &serviceRecord{definition.Service{ID: "web-1", Name: "web", Port: 80, Tags: []string{"v1"}, Meta: map[string]string{"a": "b"}}}},
		{Check: &checkRecord{State: catalog.Check{ID: "c", Name: "c", Status: catalog.Critical, Output: "no"}, ServiceID: "web-1"}},
		{Status: &statusRecord{ID: "c", Status: catalog.Passing, Output: "200 OK"}},
		{Status: &statusRecord{ID: "c", Status: catalog.Critical, Output: "drain", Withdrawn: true}},
		{Start: &startRecord{Epoch: 7, Index: 9}},
		{NoCheck: "c"},
		{NoService: "web-1"},
	} {
		f.Add(r.encode())
	}
	f.Add([]byte(`{"later":{"than":"this"}}`))
	f.Add([]byte(`{"check":{"state":{}},"noCheck":""}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, start := newRegistry(), startRecord{Epoch: 3}
		for _, rec := range []record{
			{Service: &serviceRecord{definition.Service{ID: "web-1", Name: "web"}}},
			{Check: &checkRecord{State: catalog.Check{ID: "c"}, ServiceID: "web-1"}},
		} {
			if err := r.replay(rec.encode(), &start); err != nil {
				t.Fatal(err)
			}
		}
		_ = r.replay(b, &start)
		if start.Epoch < 3 {
			t.Errorf("the epoch went back to %d", start.Epoch)
		}
		n := 0
		for service, checks := range r.byService {
			for i, c := range checks {
				id := c.state.ID
				if n++; r.checks[id] != c || c.serviceID != service || i > 0 && checks[i-1].state.ID >= id {
					t.Errorf("check %q of %q is not in step", id, service)
				}
			}
		}
		if n != len(r.checks) {
			t.Errorf("%d checks, by service %d", len(r.checks), n)
		}
		first := written(t, r, start)
		again, started := newRegistry(), startRecord{}
		for _, b := range first {
			if err := again.replay(b, &started); err != nil {
				t.Fatalf("its own record %s: %v", b, err)
			}
		}
		if second := written(t, again, started); !slices.EqualFunc(first, second, bytes.Equal) {
			t.Errorf("%s\nwas written anew as\n%s", first, second)
		}
	})
}

// written is a registry's journal written anew, in an order of no meaning.
func written(t *testing.T, r *registry, start startRecord) (out [][]byte) {
	if err := r.snapshot(start, func(b []byte) error { out = append(out, b); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(out, bytes.Compare)
	return out
}
