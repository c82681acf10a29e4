package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// model is the catalogue as one would write it without a thought for speed: what the
// owners state, from which every answer is computed anew.
type model struct {
	owners map[NodeID]*modelOwner
	shown  map[string]NodeID // node name -> who bore it in the last view
}

type modelOwner struct {
	liveness  Liveness
	node      *Node
	instances map[string]*Instance
}

func (m *model) of(id NodeID) *modelOwner {
	if m.owners[id] == nil {
		m.owners[id] = &modelOwner{instances: map[string]*Instance{}}
	}
	return m.owners[id]
}

func (m *model) apply(u Update) {
	o := m.of(u.Owner)
	if u.Reset {
		o.node, o.instances = nil, map[string]*Instance{}
	}
	for _, k := range u.Remove {
		if k == NodeKey {
			o.node = nil
		}
		delete(o.instances, strings.TrimPrefix(k, InstanceKeyPrefix))
	}
	for _, r := range u.Put {
		switch r := r.(type) {
		case *Node:
			o.node = r
		case *Instance:
			o.instances[r.ID] = r
		}
	}
}

// settle decides who bears each name: the living, then who bore it before, then the
// greater id.
func (m *model) settle() map[string]NodeID {
	next := map[string]NodeID{}
	rank := func(id NodeID) string {
		o := m.owners[id]
		name := strings.ToLower(o.node.Name)
		return fmt.Sprint(o.liveness == Alive, o.liveness == Presumed, m.shown[name] == id, id)
	}
	for id, o := range m.owners {
		if o.node == nil {
			continue
		}
		name := strings.ToLower(o.node.Name)
		if best, ok := next[name]; !ok || rank(id) > rank(best) {
			next[name] = id
		}
	}
	m.shown = next
	return next
}

// text renders what a view shows, without indexes.
func (m *model) text() string {
	var lines []string
	for name, id := range m.settle() {
		o := m.owners[id]
		lines = append(lines, fmt.Sprint("node ", name, " ", id, " ", o.liveness))
		for _, i := range o.instances {
			lines = append(lines, fmt.Sprintf("service %s %s/%s %t %d %v", strings.ToLower(i.Service), o.node.Name, i.ID, o.liveness.Up(), i.Port, i.Tags))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func viewText(v *View) string {
	var lines []string
	for h := range v.Hosts() {
		lines = append(lines, fmt.Sprint("node ", strings.ToLower(h.Name), " ", h.ID, " ", h.Liveness))
	}
	for s := range v.Services() {
		for e := range s.All() {
			lines = append(lines, fmt.Sprintf("service %s %s/%s %t %d %v", strings.ToLower(s.Name), e.Host.Name, e.ID(), e.Host.Liveness.Up(), e.Port, e.Tags))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestAViewIsWhatTheOwnersState compares the store with the model over random
// histories, and checks what must hold of every view and of its watches.
func TestAViewIsWhatTheOwnersState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{owners: map[NodeID]*modelOwner{}, shown: map[string]NodeID{}}
		s := NewStore(100)
		id := rapid.Custom(func(t *rapid.T) NodeID { return NodeID{byte(rapid.IntRange(1, 5).Draw(t, "id"))} })
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			before := s.View()
			watches := watchAll(before)
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0:
				owner, l := id.Draw(t, "owner"), Liveness(rapid.IntRange(0, 3).Draw(t, "liveness"))
				m.of(owner).liveness = l
				s.SetLiveness(owner, l)
			case 1:
				owner := id.Draw(t, "owner")
				delete(m.owners, owner)
				s.Drop(owner)
			default:
				var updates []Update
				for range rapid.IntRange(1, 3).Draw(t, "updates") {
					u := drawUpdate(t, id.Draw(t, "owner"))
					updates = append(updates, u)
					m.apply(u)
				}
				s.Apply(updates...)
			}
			after := s.View()
			if got, want := viewText(after), m.text(); got != want {
				t.Fatalf("the view is\n%s\nthe owners state\n%s", got, want)
			}
			checkView(t, after)
			watches.check(t, before, after)
		}
	})
}

func drawUpdate(t *rapid.T, owner NodeID) Update {
	u := Update{Owner: owner, Reset: rapid.IntRange(0, 9).Draw(t, "reset") == 0}
	if rapid.IntRange(0, 3).Draw(t, "node") == 0 {
		name := rapid.SampledFrom([]string{"alpha", "Alpha", "beta", "gamma"}).Draw(t, "name")
		u.Put = append(u.Put, &Node{ID: owner, Name: name, Address: "10.0.0.1"})
	}
	for range rapid.IntRange(0, 3).Draw(t, "puts") {
		u.Put = append(u.Put, &Instance{
			ID:      rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "instance"),
			Service: rapid.SampledFrom([]string{"web", "WEB", "db"}).Draw(t, "service"),
			Port:    uint16(rapid.IntRange(1, 3).Draw(t, "port")),
			Tags:    rapid.SampledFrom([][]string{nil, {"v1"}, {"v1", "v2"}}).Draw(t, "tags"),
		})
	}
	for range rapid.IntRange(0, 2).Draw(t, "removes") {
		u.Remove = append(u.Remove, rapid.SampledFrom([]string{NodeKey, "s/1", "s/2", "s/9"}).Draw(t, "remove"))
	}
	return u
}

// checkView holds a view to what its fields promise.
func checkView(t *rapid.T, v *View) {
	size := Size{Hosts: len(slices.Collect(v.Hosts()))}
	for s := range v.Services() {
		size.Services, size.Up, size.Down = size.Services+1, size.Up+len(s.Endpoints), size.Down+len(s.Unreachable)
	}
	if v.Size() != size {
		t.Fatalf("its size is said to be %+v, and is %+v", v.Size(), size)
	}
	for s := range v.Services() {
		var tags []string
		for e := range s.All() {
			tags = append(tags, e.Tags...)
			if v.Host(e.Host.Name) != e.Host {
				t.Fatalf("%s/%s leads to an old host", e.Host.Name, e.ID())
			}
			if !slices.Contains(slices.Collect(v.On(e.Host.Name)), e) {
				t.Fatalf("%s/%s is not on its host", e.Host.Name, e.ID())
			}
			if e.CreateIndex > e.ModifyIndex || e.ModifyIndex > s.ModifyIndex || s.ModifyIndex > v.Index() {
				t.Fatalf("indexes of %s/%s: %d, %d in %d in %d", e.Host.Name, e.ID(), e.CreateIndex, e.ModifyIndex, s.ModifyIndex, v.Index())
			}
		}
		slices.Sort(tags)
		if !slices.Equal(slices.Compact(tags), s.Tags) {
			t.Fatalf("tags of %s are %v, not %v", s.Name, s.Tags, tags)
		}
		for _, list := range [][]*Endpoint{s.Endpoints, s.Unreachable} {
			if !slices.IsSortedFunc(list, func(a, b *Endpoint) int {
				return cmp.Or(strings.Compare(a.Host.Name, b.Host.Name), strings.Compare(a.ID(), b.ID()))
			}) {
				t.Fatalf("%s is out of order", s.Name)
			}
		}
	}
}

type watches map[string]<-chan struct{}

var watchedServices = []string{"web", "db", "other"}
var watchedHosts = []string{"alpha", "beta", "gamma", "other"}

func watchAll(v *View) watches {
	w := watches{"any": v.Watch(), "names": v.WatchNames(), "nodes": v.WatchNodes()}
	for _, s := range watchedServices {
		w["service "+s] = v.WatchService(s)
	}
	for _, h := range watchedHosts {
		w["host "+h] = v.WatchHost(h)
	}
	return w
}

// check holds the watches to: whatever index moved, its watchers are woken; a service
// or host that exists and did not change does not wake anybody; no index goes back.
func (w watches) check(t *rapid.T, before, after *View) {
	fired := func(name string) bool {
		select {
		case <-w[name]:
			return true
		default:
			return false
		}
	}
	moved := func(name string, a, b uint64, exact bool) {
		switch {
		case b < a:
			t.Fatalf("the index of %s went from %d to %d", name, a, b)
		case b > a && !fired(name):
			t.Fatalf("%s changed and nobody was woken", name)
		case b == a && exact && fired(name):
			t.Fatalf("%s did not change and was woken", name)
		}
	}
	moved("any", before.Index(), after.Index(), true)
	moved("names", before.NamesIndex(), after.NamesIndex(), true)
	moved("nodes", before.NodesIndex(), after.NodesIndex(), true)
	for _, s := range watchedServices {
		exists := before.Service(s) != nil
		moved("service "+s, before.ServiceIndex(s), after.ServiceIndex(s), exists)
		if !exists && after.Service(s) == nil {
			if before.ServiceIndex(s) != after.ServiceIndex(s) {
				t.Fatalf("%s is not there, as before, and its index went from %d to %d", s, before.ServiceIndex(s), after.ServiceIndex(s))
			}
			if fired("service "+s) && !fired("names") {
				t.Fatalf("who waits for %s, which is not there, was woken by another's change", s)
			}
		}
	}
	for _, h := range watchedHosts {
		exists := before.Host(h) != nil
		moved("host "+h, before.HostIndex(h), after.HostIndex(h), exists)
	}
}

func TestAHostThatFailedIsHiddenAndComesBack(t *testing.T) {
	s := NewStore(0)
	id := NodeID{1}
	s.Apply(Update{Owner: id, Put: []Record{
		&Node{ID: id, Name: "n1", Address: "10.0.0.1"},
		&Instance{ID: "web", Service: "web", Weights: DefaultWeights},
	}})
	if len(s.View().Service("web").Endpoints) != 0 {
		t.Error("an owner that membership has not heard of is answered")
	}
	s.SetLiveness(id, Alive)
	if e := s.View().Service("WEB").Endpoints; len(e) != 1 || e[0].Status() != Passing || e[0].Addr() != "10.0.0.1" {
		t.Errorf("alive: %v", e)
	}
	s.SetLiveness(id, Failed)
	if v := s.View().Service("web"); len(v.Endpoints) != 0 || len(v.Unreachable) != 1 || v.Unreachable[0].Status() != Critical {
		t.Errorf("failed: %+v", v)
	}
	s.SetLiveness(id, Alive)
	if len(s.View().Service("web").Endpoints) != 1 {
		t.Error("it did not come back")
	}
	s.Drop(id)
	if s.View().Service("web") != nil || s.View().Host("n1") != nil {
		t.Error("it did not go")
	}
}

func BenchmarkApplyAmong(b *testing.B) {
	for _, n := range []int{20, 1000, 50_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := NewStore(0)
			id := NodeID{1}
			records := []Record{&Node{ID: id, Name: "n1", Address: "10.0.0.1"}}
			for i := range n {
				records = append(records, &Instance{ID: fmt.Sprintf("web-%06d", i), Service: "web", Weights: DefaultWeights})
			}
			s.Apply(Update{Owner: id, Put: records})
			s.SetLiveness(id, Alive)
			i := 0
			for b.Loop() {
				i++
				s.Apply(Update{Owner: id, Put: []Record{&Instance{ID: fmt.Sprintf("web-%06d", i%n), Service: "web", Port: uint16(i), Weights: DefaultWeights}}})
			}
		})
	}
}

// Blocking readers hang on the indexes: what they cannot see must not wake them.
func TestALoadMovesNoIndexButItsOwn(t *testing.T) {
	s := NewStore(0)
	id := NodeID{1}
	put := func(id string, l Load, output string) Record {
		return &Instance{ID: id, Service: "web", Weights: DefaultWeights, Load: l, Checks: []Check{{ID: "c", Name: "c", Output: output}}}
	}
	s.Apply(Update{Owner: id, Put: []Record{
		&Node{ID: id, Name: "n1", Address: "10.0.0.1"}, put("a", Load{}, "well"), put("b", Load{}, "well"),
	}})
	s.SetLiveness(id, Alive)
	before := s.View()
	prepared := before.WatchService("web")
	s.Apply(Update{Owner: id, Put: []Record{put("a", Load{Rate: 7, Serial: 1}, "well")}})
	after := s.View()
	was, is := before.Service("web"), after.Service("web")
	if is.Endpoints[0].Load().Rate != 7 || is.LoadIndex != after.Index() || after.Index() <= before.Index() {
		t.Errorf("the service is %+v in view %d", is, after.Index())
	}
	select {
	case <-prepared:
	default:
		t.Error("what was made of the service is not out of date")
	}
	if is.ModifyIndex != was.ModifyIndex || is.Endpoints[0].ModifyIndex != was.Endpoints[0].ModifyIndex ||
		after.HostIndex("n1") != before.HostIndex("n1") || after.NamesIndex() != before.NamesIndex() {
		t.Errorf("%+v became %+v", was, is)
	}
	// One of two changes is more than a load.
	s.Apply(Update{Owner: id, Put: []Record{put("a", Load{Rate: 8, Serial: 2}, "well"), put("b", Load{}, "worse")}})
	last := s.View()
	if web := last.Service("web"); web.ModifyIndex != last.Index() || web.LoadIndex != last.Index() || last.HostIndex("n1") != last.Index() ||
		web.Endpoints[0].ModifyIndex != was.Endpoints[0].ModifyIndex || web.Endpoints[1].ModifyIndex != last.Index() {
		t.Errorf("%+v", web)
	}
}
