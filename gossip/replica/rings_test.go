package replica

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"
)

// TestAChangeGoesToAsManySuccessorsAsTheClusterWants: all when few, three rings in a
// cluster of thousands, four in a larger one; a number that is configured holds at any
// size above the few.
func TestAChangeGoesToAsManySuccessorsAsTheClusterWants(t *testing.T) {
	for _, c := range []struct{ members, configured, most int }{
		{10, 0, 9}, {16, 0, 15}, {17, 0, 3}, {2_000, 0, 3}, {20_000, 0, 3}, {20_001, 0, 4},
		{2_000, 5, 5}, {2_000, 1, 1}, {10, 5, 9},
	} {
		now := time.Unix(1_700_000_000, 0)
		rings := &roster{state: map[ID]Membership{}, rings: NewRings(8)}
		self := ID{1}
		ids := []ID{self}
		for i := range c.members - 1 {
			var id ID
			binary.BigEndian.PutUint64(id[8:], uint64(i+1))
			ids = append(ids, id)
			rings.state[id] = Alive
		}
		rings.rings.AddAll(ids)
		n, err := New(Config{Self: self, Epoch: 1, Rings: c.configured, Roster: rings}, now)
		if err != nil {
			t.Fatal(err)
		}
		n.Local(now, Put{Key: "n", Payload: []byte("x")})
		var to []ID
		for _, s := range n.Flush().Sends {
			if !slices.Contains(to, s.To) {
				to = append(to, s.To)
			}
		}
		// One node may follow on two rings.
		if len(to) > c.most || len(to) < c.most-1 {
			t.Errorf("of %d members with rings = %d, %d are told at once, want %d", c.members, c.configured, len(to), c.most)
		}
	}
}

func TestAnImpossibleNumberOfRingsIsRefused(t *testing.T) {
	for _, rings := range []int{-1, MaxRings + 1} {
		if _, err := New(Config{Self: ID{1}, Epoch: 1, Rings: rings}, time.Unix(1, 0)); err == nil {
			t.Errorf("%d rings passed", rings)
		}
	}
}
