package gossip

import (
	"hash/maphash"
	"net/netip"
	"time"
)

// budget bounds what one source of packets may make this agent do: opening a packet
// costs a decryption, and what waits to be taken is shared by all. It is a table of
// token buckets by a keyed hash of the source's address and port, so its size is fixed
// whatever is forged; two sources may share a bucket, which holds far more than any
// honest peer sends. It belongs to the goroutine that reads packets.
type budget struct {
	seed    maphash.Seed
	buckets [budgetBuckets]bucket
}

type bucket struct {
	tokens float64
	filled time.Time
}

const (
	budgetBuckets = 4096
	// A busy ring predecessor in a burst of thousands of updates a second sends a few
	// thousand packets a second. Taking as many as this costs less than a tenth of a core.
	budgetRate  = 20_000 // full-sized packets a second and source
	budgetBurst = 20_000
	fullPacket  = 1500 // bytes that cost one token; each packet costs at least one
)

func newBudget() *budget { return &budget{seed: maphash.MakeSeed()} }

// take reports whether a packet of n bytes from there may be looked at.
func (b *budget) take(from netip.AddrPort, n int, now time.Time) bool {
	k := &b.buckets[b.slot(from)]
	switch {
	case k.filled.IsZero():
		k.tokens, k.filled = budgetBurst, now
	case now.After(k.filled):
		k.tokens = min(budgetBurst, k.tokens+now.Sub(k.filled).Seconds()*budgetRate)
		k.filled = now
	}
	cost := max(1, float64(n)/fullPacket)
	if k.tokens < cost {
		return false
	}
	k.tokens -= cost
	return true
}

func (b *budget) slot(from netip.AddrPort) uint64 {
	return maphash.Comparable(b.seed, from) % budgetBuckets
}
