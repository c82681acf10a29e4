package catalog

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// tenants are held to a map.
func TestTenantsAreWhatWasPutAndNotRemoved(t *testing.T) {
	shapes := newShapes()
	for round := range 200 {
		r := rand.New(rand.NewPCG(1, uint64(round)))
		var have tenants
		want := map[string]*Packed{}
		for range 20 {
			var list []*Packed
			for range r.IntN(30) {
				p := shapes.pack(&Instance{ID: fmt.Sprint("i", r.IntN(100)), Service: "web"})
				list = append(list, p)
			}
			have.put(list)
			for _, p := range list {
				want[p.ID()] = p // the last of several with one ID
			}
			for range r.IntN(5) {
				id := fmt.Sprint("i", r.IntN(100))
				if _, there := want[id]; have.remove(id) != there {
					t.Fatalf("round %d: removing %s, which was there: %v", round, id, there)
				}
				delete(want, id)
			}
			var ids []string
			for _, p := range have {
				ids = append(ids, p.ID())
				if want[p.ID()] != p || have.get(p.ID()) != p {
					t.Fatalf("round %d: %s is another", round, p.ID())
				}
			}
			if !slices.Equal(ids, slices.Sorted(maps.Keys(want))) {
				t.Fatalf("round %d: %v", round, ids)
			}
		}
	}
}
