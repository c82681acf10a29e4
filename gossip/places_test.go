package gossip

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"covey/internal/bubble"
	"covey/internal/simnet"
)

func TestPlacesAreBoundedInAllAndForEachHost(t *testing.T) {
	p := newPlaces(10, 4)
	host := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}) }
	taken := map[int]int{}
	for i := range 40 {
		if p.take(host(i % 4)) {
			taken[i%4]++
		}
	}
	all := 0
	for i, n := range taken {
		if all += n; n > 4 {
			t.Errorf("host %d has %d places, may have 4", i, n)
		}
	}
	if all != 10 {
		t.Errorf("%d places are taken, there are 10", all)
	}
	for i, n := range taken {
		for range n {
			p.give(host(i))
		}
	}
	for range 9 {
		p.take(host(1))
	}
	if p.taken != 4 || len(p.byHost) != 1 {
		t.Errorf("%d places are taken by %d hosts after all were given back, and 9 asked for by one", p.taken, len(p.byHost))
	}
}

// TestOneHostCannotTakeAllStreams opens more streams than there are places from one host,
// which say nothing, or begin as serf's and watchers' do. Agents on other hosts join, and
// are heard, all the while; and so is that host when it has closed them.
func TestOneHostCannotTakeAllStreams(t *testing.T) {
	for name, first := range map[string][]byte{"silent": nil, "serf's": {244}, "watchers'": {magicVigil}, "replication's": {magicStream}} {
		t.Run(name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				world := simnet.New(1, simnet.Link{Delay: simnet.Uniform(100*time.Microsecond, 200*time.Microsecond)})
				on := func(ip string) func(*Config) {
					return func(c *Config) {
						c.Network, c.BindIP, c.BindPort, c.AdvertiseIP = world.Host(ip), ip, 7946, ip
					}
				}
				a := start(t, "a", on("10.0.0.1"))
				rogue := world.Host("10.0.0.9")
				var open []net.Conn
				for range maxSilent + maxSerf {
					c, err := rogue.Dial(t.Context(), a.Addr())
					if err != nil {
						t.Fatal(err)
					}
					if len(first) > 0 {
						_, _ = c.Write(first)
					}
					open = append(open, c)
				}
				pass(100 * time.Millisecond)
				if a.Counters()[crowdedOut] == 0 {
					t.Error("none is turned away")
				}
				b := start(t, "b", on("10.0.0.2"))
				join(t, b, a)
				put(b, "s/web", "v1")
				a.sees(t, b, "s/web", "v1")
				for _, c := range open {
					c.Close()
				}
				pass(time.Second)
				d := start(t, "d", on("10.0.0.9"))
				join(t, d, a)
				for _, x := range []*agent{a, b, d} {
					x.Close()
				}
				pass(time.Minute)
				for kind, p := range map[string]*places{"silent": a.transport.callers.silent, "serf": a.transport.callers.serf,
					"replication": a.transport.callers.replication, "watching": a.transport.callers.watching} {
					if p.taken != 0 || len(p.byHost) != 0 {
						t.Errorf("%d places of %s streams are not given back", p.taken, kind)
					}
				}
			})
		})
	}
}
