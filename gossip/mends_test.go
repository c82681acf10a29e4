package gossip

import (
	"net/netip"
	"testing"
	"time"

	"covey/gossip/replica"
)

// heard lets a difference be noticed each second for so long, and returns when
// comparisons began.
func (m *mends) heard(from time.Time, long time.Duration, members int, living func(time.Duration) uint64) (at []time.Duration) {
	for d := time.Duration(0); d < long; d += time.Second {
		if now := from.Add(d); m.due(now, living(d), members) {
			m.begin(now, living(d), members)
			at = append(at, d)
		}
	}
	return at
}

func same(time.Duration) uint64 { return 1 }

func TestADifferenceThatStandsIsMendedAndOneThatPassesIsNot(t *testing.T) {
	var m mends
	now := time.Now()
	for i := range 10 { // news that gossip brings: a difference now and then
		if m.due(now.Add(time.Duration(i)*(mendGap+time.Second)), 1, 30) {
			t.Error("a difference that has just been noticed is mended")
		}
	}
	if at := m.heard(now.Add(time.Hour), 5*time.Second, 30, same); len(at) == 0 || at[0] != time.Second {
		t.Errorf("a difference that stands is mended after %v, want a second", at)
	}
}

// TestADifferenceThatStaysCostsLittle: a node that some hold to be alive and others not,
// for good, must not make all compare all the time, nor hold up the next mending.
func TestADifferenceThatStaysCostsLittle(t *testing.T) {
	for _, members := range []int{3, 300, 10_000} {
		var m mends
		start := time.Now()
		at := m.heard(start, time.Hour, members, same)
		if most := 6 + int(time.Hour/maxMendPause); len(at) == 0 || len(at) > most {
			t.Errorf("%d members: %d comparisons in an hour, want 1 to %d", members, len(at), most)
		}
		// Now something happens: others come alive with every second.
		at = m.heard(start.Add(time.Hour), 3*time.Minute, members, func(d time.Duration) uint64 { return 2 + uint64(d) })
		shortest := mendPause + time.Duration(members)*mendPerNode
		if len(at) == 0 || at[0] > shortest+2*time.Second {
			t.Errorf("%d members: mended %v after something changed, want within %v", members, at, shortest+2*time.Second)
		}
		if most := 1 + int(3*time.Minute/shortest); len(at) > most {
			t.Errorf("%d members: %d comparisons in three minutes of change, want %d at most", members, len(at), most)
		}
	}
}

// TestStrangersAreFew: whoever has the key can send under any number of ids.
func TestStrangersAreFew(t *testing.T) {
	var m mends
	for i := range 1000 {
		m.hear(nil, inbound{from: replica.ID{byte(i), byte(i >> 8)}, addr: netip.MustParseAddrPort("10.0.0.1:7946")})
	}
	if len(m.strangers) > maxStrangers {
		t.Errorf("%d strangers are kept, want %d at most", len(m.strangers), maxStrangers)
	}
}
