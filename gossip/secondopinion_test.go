package gossip

import (
	"testing"
	"time"

	"github.com/hashicorp/serf/serf"

	"covey/gossip/replica"
	"covey/internal/simnet"
)

// One agent that was stalled takes all others for dead, and says so when it goes on.
func TestWhoWasStalledTakesNobodyDown(t *testing.T) {
	simulated(t, 6, func(t *testing.T, agents []*agent) {
		host := agents[5].cfg.Network.(*simnet.Host)
		hidden := 0
		for _, x := range agents[:5] {
			said := x.cfg.SetMember
			x.do(func() {
				x.cfg.SetMember = func(id replica.ID, m replica.Membership) {
					if m == replica.Failed && id != agents[5].id {
						hidden++
					}
					said(id, m)
				}
			})
		}
		for range 5 {
			host.Freeze(20 * time.Second) // what it says meanwhile leaves it then
			pass(time.Minute + 20*time.Second)
		}
		contradicted := uint64(0)
		for _, x := range agents {
			contradicted += x.counts.contradicted.Load()
			if x.thinksOf(agents[5]) != replica.Alive && x != agents[5] {
				t.Errorf("%s has the one that is back as %v", x.cfg.Name, x.thinksOf(agents[5]))
			}
		}
		if hidden > 0 || contradicted == 0 {
			t.Errorf("healthy agents were hidden %d times; %d times they contradicted", hidden, contradicted)
		}
	})
}

// Without power it answers nobody, and is hidden.
func TestWhoDoesNotAnswerIsHidden(t *testing.T) {
	simulated(t, 4, func(t *testing.T, agents []*agent) {
		agents[3].cfg.Network.(*simnet.Host).Unplug()
		pass(5 * time.Second)
		for _, x := range agents[:3] {
			if got := x.thinksOf(agents[3]); got != replica.Failed {
				t.Errorf("%s has the one without power as %v", x.cfg.Name, got)
			}
		}
		pass(25 * time.Second)
		for _, x := range agents[:3] {
			if len(x.opinions) > 0 {
				t.Errorf("%s asks the one without power for ever", x.cfg.Name)
			}
		}
		agents[3].cfg.Network.(*simnet.Host).Plug()
		pass(time.Minute)
		for _, x := range agents[:3] {
			if got := x.thinksOf(agents[3]); got != replica.Alive {
				t.Errorf("%s has the one that is back as %v", x.cfg.Name, got)
			}
		}
	})
}

// Whose answers were lost is hidden, and back as soon as one arrives: membership, which
// may have lost the news that it lives, would take longer.
func TestWhoAnswersAfterAllIsBack(t *testing.T) {
	simulated(t, 6, func(t *testing.T, agents []*agent) {
		victim, by := agents[5], agents[0]
		host := victim.cfg.Network.(*simnet.Host)
		by.do(func() { by.mends.tokens = make(chan struct{}) }) // as if all were under way
		host.Unplug()
		by.do(func() { by.failedMember(&serf.Member{Name: victim.cfg.Name}) })
		pass(400 * time.Millisecond)
		if got := by.thinksOf(victim); got != replica.Failed {
			t.Fatalf("it does not answer, and counts as %v", got)
		}
		host.Plug()
		pass(1200 * time.Millisecond)
		if got := by.thinksOf(victim); got != replica.Alive {
			t.Errorf("it answers again, and counts as %v", got)
		}
	})
}
