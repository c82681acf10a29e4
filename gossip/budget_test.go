package gossip

import (
	"net/netip"
	"testing"
	"time"
)

func TestABudgetIsOneSources(t *testing.T) {
	b, now := newBudget(), time.Now()
	flood, honest := netip.MustParseAddrPort("10.0.0.1:7946"), netip.MustParseAddrPort("10.0.0.2:7946")
	for b.slot(honest) == b.slot(flood) {
		honest = netip.AddrPortFrom(honest.Addr().Next(), 7946)
	}
	taken := 0
	for range 10 * budgetBurst {
		if b.take(flood, 100, now) {
			taken++
		}
	}
	if taken != budgetBurst {
		t.Errorf("at one moment %d packets were taken, want %d", taken, budgetBurst)
	}
	if !b.take(honest, 1200, now) {
		t.Error("another source pays for the flood")
	}
	if b.take(flood, 1500, now.Add(-time.Hour)) {
		t.Error("a clock that is set back fills the bucket")
	}
	taken = 0
	for ms := range 1000 {
		for range 100 {
			if b.take(flood, 1500, now.Add(time.Duration(ms+1)*time.Millisecond)) {
				taken++
			}
		}
	}
	if taken < budgetRate-100 || taken > budgetRate+100 {
		t.Errorf("over one second %d packets were taken, want %d", taken, budgetRate)
	}
	large := 0
	for b.take(honest, 60_000, now) {
		large++
	}
	if want := budgetBurst / 40; large > want {
		t.Errorf("%d packets of 60,000 bytes were taken, want %d", large, want)
	}
}
