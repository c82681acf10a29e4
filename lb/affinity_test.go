package lb_test

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"covey/lb"
)

// ranked is the endpoints, named by their places in weights, in the client's order.
func ranked(client uint64, weights []uint16) []int {
	order := make([]int, len(weights))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Compare(lb.Affinity(client, uint64(a), float64(weights[a])), lb.Affinity(client, uint64(b), float64(weights[b])))
	})
	return order
}

func TestAffinityFollowsTheWeightsOverAllClients(t *testing.T) {
	weights := []uint16{6, 3, 2, 1}
	first, second := make([]int, 4), make([]int, 4)
	for client := range uint64(100_000) {
		order := ranked(client, weights)
		first[order[0]]++
		second[order[1]]++
	}
	follows(t, first, normalised(weights))
	want := make([]float64, len(weights))
	for i, wi := range weights {
		for j, wj := range weights {
			if i != j {
				want[j] += float64(wi) / 12 * float64(wj) / float64(12-wi)
			}
		}
	}
	follows(t, second, want)
}

// Who leaves changes nothing for those who stay, who are ordered as they were.
func TestAffinityIsUntouchedByOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Uint16(), 2, 50).Draw(t, "weights")
		client := rapid.Uint64().Draw(t, "client")
		gone := rapid.IntRange(0, len(weights)-1).Draw(t, "gone")
		before := slices.DeleteFunc(ranked(client, weights), func(i int) bool { return i == gone })
		weights[gone] = 0
		after := slices.DeleteFunc(ranked(client, weights), func(i int) bool { return i == gone })
		if !slices.Equal(before, after) {
			t.Fatalf("%v became %v", before, after)
		}
	})
}

func TestAffinityPutsWeightZeroLast(t *testing.T) {
	for client := range uint64(10_000) {
		if order := ranked(client, []uint16{0, 1, 65535, 0}); order[2]+order[3] != 3 {
			t.Fatalf("client %d: %v", client, order)
		}
	}
}
