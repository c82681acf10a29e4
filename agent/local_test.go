package agent

import (
	"fmt"
	"reflect"
	"testing"

	"covey/catalog"
	"covey/catalog/definition"
)

// One service, asked for by its ID, is the one in the list of all.
func TestALocalServiceIsTheOneInTheList(t *testing.T) {
	x := startAgent(t, testConfig(t.TempDir()), Options{})
	ctx := t.Context()
	for i := range 5 {
		if err := x.RegisterService(ctx, web(80+i, ttl(fmt.Sprint("alive-", i), catalog.Passing)), false); err != nil {
			t.Fatal(err)
		}
	}
	same := func() {
		t.Helper()
		all := x.Local()
		for i := range all.Services {
			one, ofNode, known := x.LocalService(all.Services[i].ID)
			if !known || !reflect.DeepEqual(one, all.Services[i]) || !reflect.DeepEqual(ofNode, all.OfNode) {
				t.Errorf("%s is %+v, %+v, %v; in the list %+v, %+v", all.Services[i].ID, one, ofNode, known, all.Services[i], all.OfNode)
			}
		}
		for _, id := range []string{"", "web", "web-90", "WEB-80"} {
			if _, _, known := x.LocalService(id); known {
				t.Errorf("%q is known", id)
			}
		}
	}
	same()
	for _, change := range []func() error{
		func() error { return x.UpdateTTL(ctx, "alive-1", catalog.Warning, "slow", nil) },
		func() error { return x.NodeMaintenance(ctx, true, "disks") },
		func() error {
			return x.RegisterCheck(ctx, definition.Check{ID: "disk", Name: "disk", TTL: ttl("x", 0).TTL})
		},
		func() error { return x.ServiceMaintenance(ctx, "web-82", true, "") },
		func() error { return x.NodeMaintenance(ctx, false, "") },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		same()
	}
	if err := x.DeregisterService(ctx, "web-83"); err != nil {
		t.Fatal(err)
	}
	if _, _, known := x.LocalService("web-83"); known {
		t.Error("it is known after it was deregistered")
	}
	same()
}

// BenchmarkLocal reads one service after each change, where 20,000 are registered: out of
// the list of all, and by itself.
func BenchmarkLocal(b *testing.B) {
	l := newLocal()
	all := map[string]localService{}
	for i := range 20_000 {
		id := fmt.Sprint("web-", i)
		all[id] = localService{service: &service{definition: definition.Service{ID: id, Name: "web"}}}
	}
	l.set(all)
	change := map[string]localService{"web-7": all["web-7"]}
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			l.set(change)
			l.view()
		}
	})
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			l.set(change)
			l.one("web-7")
		}
	})
}
