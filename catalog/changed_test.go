package catalog

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// Between any two views, the services that are not the same are those told of.
func TestChangedServicesAreAllThatDiffer(t *testing.T) {
	s := NewStore(1)
	r := rand.New(rand.NewPCG(1, 2))
	views := []*View{s.View()}
	owners := []NodeID{{1}, {2}, {3}}
	for i, id := range owners {
		s.Apply(Update{Owner: id, Put: []Record{&Node{ID: id, Name: fmt.Sprint("n", i), Address: "10.0.0.1"}}})
		s.SetLiveness(id, Alive)
	}
	for range 300 {
		owner, id := owners[r.IntN(len(owners))], fmt.Sprint("i", r.IntN(10))
		switch r.IntN(6) {
		case 0:
			s.Apply(Update{Owner: owner, Remove: []string{InstanceKeyPrefix + id}})
		case 1:
			s.SetLiveness(owner, []Liveness{Alive, Failed}[r.IntN(2)])
		default:
			s.Apply(Update{Owner: owner, Put: []Record{&Instance{ID: id, Service: fmt.Sprint("Web-", r.IntN(20)), Port: uint16(r.IntN(3))}}})
		}
		views = append(views, s.View())
	}
	differs := 0
	for range 2000 {
		to := r.IntN(len(views))
		from := r.IntN(to + 1)
		told := map[string]bool{}
		for name := range views[to].ChangedServices(views[from]) {
			told[name] = true
		}
		for n := range 20 {
			name := fmt.Sprint("web-", n)
			if views[from].Service(name) != views[to].Service(name) {
				differs++
				if !told[name] {
					t.Fatalf("from view %d to %d: %s differs, told were %v", from, to, name, slices.Sorted(maps.Keys(told)))
				}
			}
		}
		if from == to && len(told) > 0 {
			t.Fatalf("within view %d: %v", from, told)
		}
	}
	if differs == 0 {
		t.Error("no view differed from another")
	}
}
