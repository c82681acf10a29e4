package gossip

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"covey/gossip/replica"
	"covey/internal/bubble"
	"covey/internal/simnet"
)

// simulated runs a test among agents that know one another, in virtual time.
func simulated(t *testing.T, n int, test func(t *testing.T, agents []*agent)) {
	bubble.Test(t, func(t *testing.T) {
		net := simnet.New(1, simnet.Link{Delay: simnet.Uniform(100*time.Microsecond, 200*time.Microsecond)})
		var agents []*agent
		for i := range n {
			ip := fmt.Sprintf("10.0.0.%d", i+1)
			agents = append(agents, start(t, fmt.Sprint("agent-", i), func(c *Config) {
				c.Network, c.BindIP, c.BindPort, c.AdvertiseIP = net.Host(ip), ip, 7946, ip
				c.ID = replica.ID{byte(i + 1)}
			}))
			agents[i].id = agents[i].cfg.ID
			if i > 0 {
				join(t, agents[i], agents[0])
			}
		}
		time.Sleep(time.Minute)
		test(t, agents)
		for _, a := range agents {
			a.Close()
		}
		pass(time.Minute) // memberlist leaves a probe that is under way to end by itself
	})
}

func pass(d time.Duration) {
	time.Sleep(d)
	bubble.Wait()
}

func (a *agent) thinksOf(b *agent) replica.Membership {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.members[b.id]
}

func TestWhoRefusesConnectionsFailedAtOnce(t *testing.T) {
	for _, n := range []int{2, 3, 10} {
		simulated(t, n, func(t *testing.T, agents []*agent) {
			victim := agents[n-1]
			at := time.Now()
			victim.Close()
			pass(Profiles()[DefaultProfile].ProbeInterval) // what probing finds out takes more than that
			for _, x := range agents[:n-1] {
				if x.thinksOf(victim) != replica.Failed || x.counts.accused.Load() != 1 {
					t.Errorf("of %d, %s has it as %v after %v", n, x.cfg.Name, x.thinksOf(victim), time.Since(at))
				}
			}
			pass(time.Minute)
			for _, x := range agents[:n-1] {
				if x.thinksOf(victim) != replica.Failed || x.counts.acquitted.Load() != 0 {
					t.Errorf("of %d, %s has it as %v a minute later", n, x.cfg.Name, x.members[victim.id])
				}
			}
		})
	}
}

// An agent that is filtered, not dead, says so and is seen again.
func TestWhoIsAccusedWronglyIsSeenAgain(t *testing.T) {
	simulated(t, 5, func(t *testing.T, agents []*agent) {
		victim := agents[4]
		agents[0].accuse(victim.id)
		agents[1].accuse(victim.id)
		agents[0].do(func() { // at once: the victim may deny before the message comes
			agents[0].hearAccusation(statement{charge{victim.id, agents[0].epochs[victim.id]}, agents[1].id}, time.Now())
		})
		pass(5 * time.Second)
		for _, x := range agents[:4] {
			if x.thinksOf(victim) != replica.Alive || x.counts.acquitted.Load() != x.counts.accused.Load() {
				t.Errorf("%s has it as %v", x.cfg.Name, x.members[victim.id])
			}
		}
		if agents[0].counts.accused.Load() == 0 {
			t.Error("two accusers are not believed")
		}
	})
}

// Who stands still for longer than membership has patience is accused by nobody, and
// accuses nobody when he goes on.
func TestWhoStandsStillAccusesNobody(t *testing.T) {
	simulated(t, 5, func(t *testing.T, agents []*agent) {
		agents[4].cfg.Network.(*simnet.Host).Freeze(time.Minute)
		pass(2 * time.Minute)
		for _, x := range agents {
			if n := x.counts.accused.Load(); n != 0 {
				t.Errorf("%s believed %d accusations", x.cfg.Name, n)
			}
		}
	})
}

func TestOneAccuserIsNotEnoughNorOneOfAnotherLife(t *testing.T) {
	now := time.Now()
	a := newAccusations()
	who := charge{id: replica.ID{1}, epoch: 7}
	said := func(by byte, c charge, at time.Time) bool {
		return a.add(statement{c, replica.ID{by}}, accusers, at)
	}
	for range 2 {
		if said(2, who, now) {
			t.Error("one agent is believed")
		}
	}
	if said(3, charge{who.id, 8}, now) {
		t.Error("what was said of another epoch counts")
	}
	if said(3, who, now.Add(accuseFor)) {
		t.Error("what was said long ago counts")
	}
	if !said(4, who, now.Add(accuseFor)) {
		t.Error("two who agree are not believed")
	}
	for i := range 2 * maxCharges {
		said(5, charge{replica.ID{9, byte(i), byte(i >> 8)}, 1}, now)
	}
	if len(a.by) > maxCharges {
		t.Errorf("%d charges are kept, may be %d", len(a.by), maxCharges)
	}
	a.forget(now.Add(2 * accuseFor))
	a.acquit(who, now)
	if said(2, who, now) || said(3, who, now) {
		t.Error("what is said of one who denied it counts")
	}
	a.forget(now.Add(accuseFor))
	if said(2, who, now) || !said(3, who, now) {
		t.Error("a denial counts for ever")
	}
	a.forget(now.Add(2 * accuseFor))
	if len(a.by) != 0 {
		t.Errorf("%d charges are never forgotten", len(a.by))
	}
}

func TestStatementsAreReadAsTheyWereWritten(t *testing.T) {
	s := statement{charge{replica.ID{1, 2}, 1<<63 + 5}, replica.ID{3}}
	if got, ok := readStatement(s.append(nil)); !ok || got != s {
		t.Errorf("%v %v, want %v", got, ok, s)
	}
	for _, n := range []int{0, statementSize - 1, statementSize + 1} {
		if _, ok := readStatement(make([]byte, n)); ok {
			t.Errorf("%d bytes are read as a statement", n)
		}
	}
}

// flaky is a network on which connections can be had, end, and are refused, as told.
type flaky struct {
	Network
	dial func() (net.Conn, error)
}

func (f *flaky) Dial(context.Context, string) (net.Conn, error) { return f.dial() }

// Only who was connected before, and is refused then, is not there any more.
func TestWhatAWatcherConcludes(t *testing.T) {
	for name, c := range map[string]struct {
		lasts   time.Duration
		then    error
		refused bool
	}{
		"ended, then refused":             {2 * lasting, syscall.ECONNREFUSED, true},
		"ended at once, then refused":     {0, syscall.ECONNREFUSED, false},
		"ended, then unreachable":         {2 * lasting, syscall.EHOSTUNREACH, false},
		"ended, then nobody answers":      {2 * lasting, context.DeadlineExceeded, false},
		"ended, then connected again":     {2 * lasting, nil, false},
		"never connected, always refused": {-1, syscall.ECONNREFUSED, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				dials := 0
				network := &flaky{dial: func() (net.Conn, error) {
					dials++
					if dials > 1 && c.then != nil || c.lasts < 0 {
						return nil, c.then
					}
					near, far := net.Pipe()
					go func() {
						far.Read(make([]byte, 1))
						if dials == 1 {
							time.Sleep(c.lasts)
							far.Close()
						}
					}()
					return near, nil
				}}
				refused := 0
				v := newVigil(network, func(replica.ID) { refused++ })
				v.keep(map[replica.ID]netip.AddrPort{{1}: netip.MustParseAddrPort("192.0.2.1:1")})
				time.Sleep(time.Hour)
				bubble.Wait()
				v.close()
				if (refused == 1) != c.refused || refused > 1 {
					t.Errorf("refused %d times", refused)
				}
				if c.then != nil && dials > int(time.Hour/redialAfter)+2 {
					t.Errorf("%d dials in an hour", dials)
				}
			})
		})
	}
}

// The kernel of a process that was killed may accept who dials again, and hang up, before
// it closes the socket that listens.
func TestAWatcherThatIsHungUpOnDialsAgain(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		dials, died := 0, time.Time{}
		network := &flaky{dial: func() (net.Conn, error) {
			dials++
			if dials > 3 {
				return nil, syscall.ECONNREFUSED
			}
			near, far := net.Pipe()
			lasts := 2 * lasting
			if dials > 1 {
				lasts = 0
			}
			go func() {
				far.Read(make([]byte, 1))
				time.Sleep(lasts)
				died = time.Now()
				far.Close()
			}()
			return near, nil
		}}
		var after []time.Duration
		v := newVigil(network, func(replica.ID) { after = append(after, time.Since(died)) })
		v.keep(map[replica.ID]netip.AddrPort{{1}: netip.MustParseAddrPort("192.0.2.1:1")})
		time.Sleep(time.Hour)
		bubble.Wait()
		v.close()
		if len(after) != 1 || after[0] > 50*time.Millisecond {
			t.Errorf("refused %v after its end, want once and soon", after)
		}
	})
}

// Who is accused while it is asked whether it lives stays hidden if it does not answer:
// the end of the accusation brings nobody back whom membership has as failed.
func TestAnAccusationDoesNotOutlastMembershipsWord(t *testing.T) {
	simulated(t, 4, func(t *testing.T, agents []*agent) {
		victim, others := agents[3], agents[:3]
		victim.cfg.Network.(*simnet.Host).Unplug()
		undecided := func(x *agent) (is bool) {
			x.do(func() { is = len(x.opinions) > 0 && x.dir.names[victim.cfg.Name].state == replica.Alive })
			return is
		}
		for !undecided(others[0]) || !undecided(others[1]) || !undecided(others[2]) {
			pass(time.Millisecond)
		}
		for _, x := range others {
			for _, by := range others[:2] {
				x.do(func() { x.hearAccusation(statement{charge{victim.id, victim.cfg.Epoch}, by.id}, time.Now()) })
			}
		}
		pass(time.Minute)
		for _, x := range others {
			if x.counts.accused.Load() == 0 {
				t.Errorf("%s did not believe the accusers, so this shows nothing", x.cfg.Name)
			}
			if got := x.thinksOf(victim); got != replica.Failed {
				t.Errorf("%s has the one without power as %v", x.cfg.Name, got)
			}
		}
		victim.cfg.Network.(*simnet.Host).Plug()
		pass(time.Minute)
		for _, x := range others {
			if got := x.thinksOf(victim); got != replica.Alive {
				t.Errorf("%s has the one that is back as %v", x.cfg.Name, got)
			}
		}
	})
}

// Nobody denies what is said of one who is cut off, and membership may have it alive: it
// is seen again after a while.
func TestAnAccusationThatMembershipDoesNotShareEnds(t *testing.T) {
	simulated(t, 4, func(t *testing.T, agents []*agent) {
		x, victim := agents[0], agents[3]
		for by := range agents[1:3] {
			x.do(func() { x.hearAccusation(statement{charge{victim.id, victim.cfg.Epoch}, agents[1+by].id}, time.Now()) })
		}
		denial := statement{charge{victim.id, victim.cfg.Epoch}, victim.id}.append(nil)
		x.do(func() { x.hearStatement("of-a-later-agent", denial, time.Now()) })
		pass(hideFor - 2*time.Second)
		if got := x.thinksOf(victim); got != replica.Failed {
			t.Errorf("two accusers are not believed: %v", got)
		}
		pass(4 * time.Second)
		if got := x.thinksOf(victim); got != replica.Alive {
			t.Errorf("%v after the accusation has ended: %v", hideFor, got)
		}
	})
}
