package gossip

import (
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/serf/serf"

	"covey/internal/bubble"
)

// The members are listed anew after an event, and now and then for what serf does not
// tell; the serial moves when the list does.
func TestMembersAreListedOnceAChange(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var (
			c      census
			events atomic.Uint64
			walks  int
			now    = []serf.Member{
				{Name: "b", Addr: net.IPv4(10, 0, 0, 2), Port: 7946, Status: serf.StatusAlive, Tags: map[string]string{"build": "1"}},
				{Name: "a", Addr: net.IPv4(10, 0, 0, 1), Port: 7946, Status: serf.StatusAlive},
			}
		)
		count := func() *Members {
			return c.of(func() []serf.Member { walks++; return slices.Clone(now) }, &events)
		}
		first := count()
		if first.List[0].Name != "a" || first.List[1].Addr.String() != "10.0.0.2:7946" || first.Serial == 0 {
			t.Fatalf("%+v", first)
		}
		if count() != first || walks != 1 {
			t.Errorf("%d walks for two who asked", walks)
		}
		time.Sleep(censusFor)
		if count() != first || walks != 2 {
			t.Errorf("%d walks; though nothing changed the list is another: %v", walks, count() != first)
		}
		serial := first.Serial
		for name, change := range map[string]func(){
			"status":  func() { now[0].Status = serf.StatusLeaving },
			"tags":    func() { now[0].Tags = map[string]string{"build": "2"} },
			"address": func() { now[0].Port++ },
			"one more": func() {
				now = append(now, serf.Member{Name: "c", Addr: net.IPv4(10, 0, 0, 3), Status: serf.StatusAlive})
			},
		} {
			change()
			if m := count(); m.Serial != serial {
				t.Errorf("%s: listed anew without an event", name)
			}
			events.Add(1)
			m := count()
			if m.Serial != serial+1 || len(m.List) != len(now) {
				t.Errorf("%s: serial %d after %d: %+v", name, m.Serial, serial, m.List)
			}
			serial = m.Serial
		}
		now[1].Status = serf.StatusFailed
		time.Sleep(censusFor)
		if m := count(); m.Serial != serial+1 || m.List[0].Status != "failed" {
			t.Errorf("what serf does not tell: %+v", m)
		}
	})
}
