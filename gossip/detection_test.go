package gossip

import (
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"covey/gossip/replica"
	"covey/internal/bubble"
	"covey/internal/simnet"
)

var (
	detectNodes   = flag.Int("detect.nodes", 12, "agents in the simulation of failure detection")
	detectFor     = flag.Duration("detect.for", 3*time.Minute, "how long it lasts, in virtual time")
	detectProfile = flag.String("detect.profile", DefaultProfile, "the timing; serf for serf's defaults")
	detectSeed    = flag.Uint64("detect.seed", 1, "seed of what happens")
)

// detection is a cluster of which hosts lose power, processes end, and some stall now
// and then, on a network that loses packets and streams.
type detection struct {
	*testing.T
	net     *simnet.Network
	rand    *rand.Rand
	timing  Timing
	agents  []*agent
	hosts   []*simnet.Host
	restful []bool // stall now and then; what they believe and what is believed of them does not count

	began time.Time
	down  map[replica.ID]time.Time // since when a host is without power or its process has ended
	seen  map[replica.ID][]time.Duration
	first map[string][]time.Duration // until the first agent knew, by what happened
	all   map[string][]time.Duration // until the last did
	wrong int                        // healthy agents that a healthy one took for failed
	count map[string]int             // what happened
}

// TestSimulatedDetection prints how soon the failures of hosts and processes were known,
// and how often a healthy agent was taken for failed.
func TestSimulatedDetection(t *testing.T) {
	timing, ok := Profiles()[*detectProfile]
	if *detectProfile == "serf" {
		timing, ok = Timing{time.Second, 500 * time.Millisecond, 4, 200 * time.Millisecond, 10 * time.Second}, true
	}
	if !ok {
		t.Fatalf("no profile %q", *detectProfile)
	}
	bubble.Test(t, func(t *testing.T) {
		d := &detection{
			T: t, timing: timing, rand: rand.New(rand.NewPCG(*detectSeed, 2)), net: simnet.New(*detectSeed, simnet.Link{Delay: simnet.Uniform(200*time.Microsecond, time.Millisecond)}),
			down: map[replica.ID]time.Time{}, seen: map[replica.ID][]time.Duration{}, count: map[string]int{},
			first: map[string][]time.Duration{}, all: map[string][]time.Duration{},
		}
		d.begin()
		d.live()
		d.report()
		for _, a := range d.agents {
			a.Close()
		}
		pass(10 * time.Minute) // for whoever still waits for an answer, or sleeps
	})
}

func (d *detection) begin() {
	for i := range *detectNodes {
		d.hosts = append(d.hosts, d.net.Host(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String()))
		d.restful = append(d.restful, i%10 == 9)
		d.agents = append(d.agents, nil)
		d.start(i)
		if i > 0 {
			join(d.T, d.agents[i], d.agents[0])
		}
	}
	pass(time.Minute)
	d.net.SetLink(simnet.Link{
		Delay: simnet.LongTail(200*time.Microsecond, 500*time.Microsecond),
		Loss:  0.1, DialFail: 0.1, Reset: 0.02, Stick: 0.01, StickFor: 5 * time.Second,
	})
	d.began = time.Now()
	for i, r := range d.restful {
		if r {
			go d.stall(i)
		}
	}
}

func (d *detection) start(i int) {
	ip := d.hosts[i].IP().String()
	d.agents[i] = start(d.T, fmt.Sprint("agent-", i), func(c *Config) {
		c.Network, c.BindIP, c.BindPort, c.AdvertiseIP = d.hosts[i], ip, 7946, ip
		c.ID = replica.ID{1, byte(i), byte(i >> 8)}
		c.Timing = d.timing
		c.Logger = slog.New(slog.DiscardHandler)
		c.SetMember = func(id replica.ID, m replica.Membership) { d.noted(i, id, m) }
	})
	d.agents[i].id = d.agents[i].cfg.ID
}

// stall freezes a host for 5 to 30 s, and lets it be for a minute or so, to the end.
func (d *detection) stall(i int) {
	rand := rand.New(rand.NewPCG(*detectSeed, uint64(100+i)))
	for time.Since(d.began) < *detectFor {
		time.Sleep(time.Duration(rand.Int64N(int64(time.Minute))))
		d.hosts[i].Freeze(5*time.Second + time.Duration(rand.Int64N(int64(25*time.Second))))
		d.agents[0].update(func() { d.count["stalls"]++ })
		time.Sleep(30 * time.Second)
	}
}

// noted is told what an agent came to believe; the first agent's mutex guards what it
// writes.
func (d *detection) noted(by int, id replica.ID, m replica.Membership) {
	if d.began.IsZero() || m != replica.Failed || d.restful[by] {
		return
	}
	d.agents[0].update(func() {
		if _, down := d.down[d.agents[by].id]; down {
			return // it believes that all others are
		}
		if since, ok := d.down[id]; ok {
			d.seen[id] = append(d.seen[id], time.Since(since))
		} else if i := int(id[1]) | int(id[2])<<8; !d.restful[i] {
			d.wrong++
		}
	})
}

// live takes down a healthy agent every half minute, in turn its host and its process.
func (d *detection) live() {
	for n := 0; time.Since(d.began) < *detectFor; n++ {
		i := 1 + d.rand.IntN(len(d.agents)-1)
		for d.restful[i] {
			i = 1 + d.rand.IntN(len(d.agents)-1)
		}
		what := []string{"hosts without power", "processes ended"}[n%2]
		id := d.agents[i].id
		d.agents[0].update(func() { d.down[id] = time.Now(); d.seen[id] = nil; d.count[what]++ })
		if n%2 == 0 {
			d.hosts[i].Unplug()
		} else {
			d.agents[i].Close()
		}
		pass(15 * time.Second)
		healthy := -1 // but the one that is down
		for _, r := range d.restful {
			if !r {
				healthy++
			}
		}
		seen := slices.Sorted(slices.Values(d.seen[id]))
		if len(seen) < healthy {
			d.Errorf("after 15 s, %d of %d healthy agents know that agent %d is down (%s)", len(seen), healthy, i, what)
		}
		if len(seen) > 0 {
			d.first[what] = append(d.first[what], seen[0])
			d.all[what] = append(d.all[what], seen[len(seen)-1])
		}
		if n%2 == 0 {
			d.hosts[i].Plug()
		} else {
			d.start(i)
			d.joinAgain(i)
		}
		pass(15 * time.Second)
		d.agents[0].update(func() { delete(d.down, id) })
	}
}

// joinAgain has an agent join, on a network on which that may fail.
func (d *detection) joinAgain(i int) {
	for range 20 {
		if _, err := d.agents[i].Join(d.agents[0].Addr()); err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	d.Errorf("agent %d cannot join", i)
}

func (d *detection) report() {
	d.Logf("seed %d, %d agents, profile %s, %v: %v; the network: %+v", *detectSeed, len(d.agents), *detectProfile, *detectFor, d.count, d.net.Counts())
	for what := range d.first {
		first, all := slices.Sorted(slices.Values(d.first[what])), slices.Sorted(slices.Values(d.all[what]))
		d.Logf("%s: first known after p50 %v, max %v; known to all healthy agents after p50 %v, max %v", what,
			first[len(first)/2], first[len(first)-1], all[len(all)/2], all[len(all)-1])
	}
	contradicted := uint64(0)
	for i, a := range d.agents {
		if !d.restful[i] {
			contradicted += a.counts.contradicted.Load()
		}
	}
	d.Logf("healthy agents taken for failed by healthy ones: %d; by membership alone: about %d", d.wrong, uint64(d.wrong)+contradicted)
	if d.count["stalls"] == 0 || d.net.Counts().Lost == 0 {
		d.Error("nothing went wrong, so this shows nothing")
	}
}
