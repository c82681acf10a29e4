package agent

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"covey/catalog"
	"covey/gossip"
	"covey/internal/bubble"
	"covey/internal/simnet"
)

// The whole agent under every fault that the network, the hosts and their disks have:
// serf, replication, journal, catalogue and DNS as they are, in virtual time. More
// agents, other seeds and longer faults are asked for by the flags of
// simulation_cluster_test.go.

// patience is how long catalogues may take to become equal once nothing stands in the
// way: what memberlist takes to find out about a death on a lossy network, and one or two
// comparisons of members.
const patience = 20 * time.Second

// reunion is how long after first contact the halves of a split may take to be one.
const reunion = 10 * time.Second

func TestSimulatedJoinStorm(t *testing.T) {
	simulate(t, 50, func(s *simulation) {
		s.startAll()
		each(s.up(), func(a *simAgent) { a.register(); a.register() })
		s.settle("all joined at once", patience)
		s.quiet()
	})
}

func TestSimulatedUpdatesOverALossyNetwork(t *testing.T) {
	simulate(t, 30, func(s *simulation) {
		s.want("lost", "duplicated", "overtaken", "resent", "resets", "stuck", "dialsfailed")
		s.net.SetLink(lossy)
		s.startAll()
		each(s.up(), (*simAgent).register)
		// A stream may get stuck in each attempt to join, and the next one is a while away.
		s.settle("joined over a lossy network", 2*time.Minute)
		for range 40 {
			each(s.some(5), func(a *simAgent) { a.write(); a.write() })
			s.wait(500 * time.Millisecond)
		}
		s.settle("400 updates, still lossy", patience)
		s.net.SetLink(lan)
		s.settle("no longer lossy", patience)
		s.quiet()
	})
}

// splitFor is how long the split lasts.
func splitFor() time.Duration {
	switch {
	case *simHours > 0:
		return time.Duration(*simHours * float64(time.Hour))
	case bubble.Raced:
		return 10 * time.Minute
	}
	return time.Hour
}

func TestSimulatedSplitInHalves(t *testing.T) {
	simulate(t, 30, func(s *simulation) {
		s.want("splits", "writes", "cut", "dialscut")
		s.startInTurn(5 * time.Second) // or all clocks would tick together
		each(s.up(), (*simAgent).register)
		s.settle("joined", patience)
		left, right := s.agents[:len(s.agents)/2], s.agents[len(s.agents)/2:]
		s.net.Split(hosts(left), hosts(right))
		s.done["splits"]++
		steps := 60
		for range steps {
			each(s.some(4), (*simAgent).write)
			s.done["writes"] += 4
			s.wait(splitFor() / time.Duration(steps))
		}
		for _, a := range left {
			if a.liveness(right[0]) != catalog.Failed {
				s.fault("%s still believes that %s lives", a.name, right[0].name)
			}
		}
		s.wait(time.Duration(s.rand.Int64N(int64(10 * time.Second)))) // whatever the clocks stand at
		s.net.Mend()
		met := s.untilMet(left, right)
		took := s.settle("after first contact", reunion)
		s.note("the halves met %v after the network was whole, and were equal %v after that", met, took)
		s.quiet()
	})
}

// untilMet waits until anyone knows of anyone on the other side that it lives.
func (s *simulation) untilMet(left, right []*simAgent) time.Duration {
	s.Helper()
	for begin := time.Now(); ; s.wait(pollEvery) {
		for _, a := range left {
			for _, b := range right {
				if a.liveness(b) == catalog.Alive || b.liveness(a) == catalog.Alive {
					return time.Since(begin)
				}
			}
		}
		if time.Since(begin) > 5*time.Minute {
			s.fatal("the halves do not find each other")
		}
	}
}

func TestSimulatedPowerCuts(t *testing.T) {
	simulate(t, 20, func(s *simulation) {
		s.want("power cuts", "disks lost")
		s.startAll()
		each(s.up(), func(a *simAgent) { a.register(); a.register(); a.register() })
		s.settle("joined", patience)
		for round := range 3 {
			victims := s.some(len(s.agents) / 3)
			each(s.up(), (*simAgent).write)
			settle := s.settleLiving
			if round == 0 { // what was said is heard before the power fails
				s.wait(5 * time.Second)
				settle = s.settle
			}
			each(victims, (*simAgent).crash)
			s.done["power cuts"] += len(victims)
			settle("power cut", patience)
			each(s.some(4), (*simAgent).write)
			s.wait(20 * time.Second)
			for i, a := range victims {
				if i%2 == 0 {
					a.loseDisk()
					s.done["disks lost"]++
				}
			}
			each(victims, (*simAgent).start)
			each(victims, (*simAgent).write)
			s.settle("back again", patience)
		}
		s.quiet()
	})
}

func TestSimulatedRestartWithoutNotice(t *testing.T) {
	simulate(t, 12, func(s *simulation) {
		s.want("power cuts", "disks lost")
		s.startAll()
		each(s.up(), func(a *simAgent) { a.register(); a.register() })
		s.settle("joined", patience)
		for range 5 { // back before anyone can have found it gone
			victims := s.some(4)
			each(victims, (*simAgent).crash)
			victims[0].loseDisk()
			s.done["power cuts"] += len(victims)
			s.done["disks lost"]++
			each(victims, (*simAgent).start)
			each(victims, (*simAgent).write)
			s.settle("back at once", patience)
		}
		s.quiet()
	})
}

func TestSimulatedLeaving(t *testing.T) {
	simulate(t, 15, func(s *simulation) {
		s.want("left")
		s.startAll()
		each(s.up(), func(a *simAgent) { a.register(); a.register() })
		s.settle("joined", patience)
		for range 2 {
			leavers := s.some(len(s.agents) / 3)
			each(s.up(), (*simAgent).write)
			each(leavers, (*simAgent).leaves)
			s.done["left"] += len(leavers)
			s.settle("a third left", patience)
			s.wait(time.Minute)
			s.settle("a minute later", 0)
			each(leavers, (*simAgent).start)
			each(leavers, (*simAgent).write)
			s.settle("they came back", patience)
		}
		s.quiet()
	})
}

// TestSimulatedNewDisk starts hosts anew without their disks, at once and when all know
// of their death, and counts from the moment somebody meets them.
func TestSimulatedNewDisk(t *testing.T) {
	simulate(t, 15, func(s *simulation) {
		s.want("power cuts", "disks lost")
		s.startAll()
		each(s.up(), func(a *simAgent) { a.register(); a.register() })
		s.settle("joined", patience)
		for _, down := range []time.Duration{0, 300 * time.Millisecond, 4 * time.Second, time.Minute} {
			a := s.some(1)[0]
			a.crash()
			s.done["power cuts"]++
			s.wait(down)
			a.loseDisk()
			s.done["disks lost"]++
			a.start()
			s.until("somebody meets "+a.name, time.Minute, func() bool {
				for _, b := range s.up() {
					if h := b.catalog.View().Host(a.name); b != a && h != nil && h.ID == a.id && h.Liveness == catalog.Alive {
						return true
					}
				}
				return false
			})
			s.settle(fmt.Sprintf("a new disk after %v", down), time.Second)
			a.register()
			s.settle("it registers anew", time.Second)
		}
		s.wait(2 * time.Minute)
		s.quiet()
	})
}

// TestSimulatedMove brings hosts back under other addresses, as a lease that ran out
// does: at once, when the others hold the former address to be alive, and later.
func TestSimulatedMove(t *testing.T) {
	simulate(t, 10, func(s *simulation) {
		s.want("power cuts", "moves")
		s.startAll()
		each(s.up(), (*simAgent).register)
		s.settle("joined", patience)
		for i, down := range []time.Duration{0, 2 * time.Second, 4 * time.Second, time.Minute} {
			a := s.some(1)[0]
			a.crash()
			s.done["power cuts"]++
			s.wait(down)
			a.host = s.net.Host(fmt.Sprintf("10.1.0.%d", i+1))
			s.done["moves"]++
			a.start()
			a.write()
			s.until("all know the new address", patience, func() bool {
				for _, b := range s.up() {
					if !slices.ContainsFunc(b.gossip.Members().List, func(m gossip.Member) bool {
						return m.Name == a.name && m.Status == "alive" && m.Addr.Addr() == a.host.IP()
					}) {
						return false
					}
				}
				return true
			})
			s.settle(fmt.Sprintf("moved after %v", down), patience)
		}
		s.quiet()
	})
}

// until waits for a condition.
func (s *simulation) until(what string, limit time.Duration, ok func() bool) {
	s.Helper()
	for begin := time.Now(); !ok(); s.wait(pollEvery) {
		if time.Since(begin) > limit {
			s.fatal("%s: not within %v", what, limit)
		}
	}
}

func TestSimulatedStalls(t *testing.T) {
	simulate(t, 20, func(s *simulation) {
		s.want("stalls", "held")
		s.startAll()
		each(s.up(), (*simAgent).register)
		s.settle("joined", patience)
		for range 10 {
			for _, a := range s.some(3) {
				a.freeze(5*time.Second + time.Duration(s.rand.Int64N(int64(25*time.Second))))
				s.done["stalls"]++
			}
			for range 4 {
				each(s.some(3), (*simAgent).write)
				s.wait(2 * time.Second)
			}
		}
		s.wait(30 * time.Second)
		s.settle("all go on", patience)
		s.quiet()
	})
}

func TestSimulatedOneWayLinks(t *testing.T) {
	simulate(t, 12, func(s *simulation) {
		s.want("one-way cuts", "cut")
		s.startAll()
		each(s.up(), (*simAgent).register)
		s.settle("joined", patience)
		for range 3 {
			deaf, others := s.some(len(s.agents)/4), s.agents[:len(s.agents)/2]
			s.net.Cut(hosts(others), hosts(deaf))
			s.done["one-way cuts"]++
			for range 10 {
				each(s.some(3), (*simAgent).write)
				s.wait(3 * time.Second)
			}
			s.net.Mend()
		}
		s.settle("all hear all", patience)
		s.quiet()
	})
}

func TestSimulatedEverythingAtOnce(t *testing.T) {
	simulate(t, 30, func(s *simulation) {
		s.want("power cut", "return", "loss of a disk", "leave", "stall", "split", "one-way cut", "mend", "clear air", "loss", "lost", "duplicated", "overtaken", "resent", "cut", "held")
		s.startAll()
		each(s.up(), (*simAgent).register)
		s.settle("joined", patience)
		s.net.SetLink(lossy)
		var downs []*simAgent
		for i := range 4 * len(misfortunes) { // each comes about, then any
			kind := misfortunes[s.rand.IntN(len(misfortunes))]
			if i < len(misfortunes) {
				kind = misfortunes[i]
			}
			s.misfortune(kind, &downs)
			each(s.some(4), (*simAgent).write)
			s.wait(time.Duration(s.rand.Int64N(int64(8 * time.Second))))
		}
		each(downs, (*simAgent).start)
		s.net.Mend()
		s.net.SetLink(lan)
		s.wait(s.thaw())
		s.settle("all is well again", patience)
		s.quiet()
	})
}

// misfortunes are what happens to a cluster.
var misfortunes = []string{"stall", "power cut", "loss of a disk", "split", "leave", "mend", "return", "one-way cut", "clear air", "loss"}

// misfortune lets one of them happen. downs are the hosts that are down.
func (s *simulation) misfortune(kind string, downs *[]*simAgent) {
	one := s.some(1)
	s.done[kind]++
	side := s.rand.IntN(len(s.agents) - 1)
	switch kind {
	case "power cut":
		one[0].crash()
		*downs = append(*downs, one[0])
	case "leave":
		one[0].leaves()
		*downs = append(*downs, one[0])
	case "return", "loss of a disk":
		each(*downs, func(a *simAgent) {
			if kind != "return" {
				a.loseDisk()
			}
			a.start()
		})
		*downs = nil
	case "stall":
		one[0].freeze(5*time.Second + time.Duration(s.rand.Int64N(int64(25*time.Second))))
	case "split":
		s.net.Split(hosts(s.agents[:side]), hosts(s.agents[side:]))
	case "one-way cut":
		s.net.Cut(hosts(s.agents[side:]), []*simnet.Host{s.agents[s.rand.IntN(len(s.agents))].host})
	case "mend":
		s.net.Mend()
	case "clear air":
		s.net.SetLink(lan)
	case "loss":
		s.net.SetLink(lossy)
	}
}
