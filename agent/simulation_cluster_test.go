package agent

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"covey/agent/config"
	"covey/catalog"
	"covey/dnsserver"
	"covey/gossip"
	"covey/internal/bubble"
	"covey/internal/journal/journaltest"
	"covey/internal/simnet"
)

var (
	simNodes = flag.Int("sim.nodes", 0, "agents in each simulated cluster; 0: few, so that it takes seconds")
	simSeed  = flag.Uint64("sim.seed", 1, "seed of the simulations")
	simHours = flag.Float64("sim.hours", 0, "how long the simulated split lasts; 0: an hour, less with the race detector")
	simLog   = flag.Bool("sim.log", false, "show what simulated agents log")
)

var _ gossip.Network = (*simnet.Host)(nil)

const (
	seeds      = 3 // agents that everyone knows by address
	pollEvery  = 20 * time.Millisecond
	gossipPort = 7946
)

// lan is how packets travel where nothing is wrong.
var lan = simnet.Link{Delay: simnet.LongTail(200*time.Microsecond, 300*time.Microsecond)}

// lossy is a network to complain about: one packet in ten is lost, streams break.
var lossy = simnet.Link{
	Delay: simnet.LongTail(time.Millisecond, 4*time.Millisecond),
	Loss:  0.1, Duplicate: 0.03, Late: 0.03, LateBy: simnet.Uniform(10*time.Millisecond, 300*time.Millisecond),
	DialFail: 0.1, Reset: 0.05, Stick: 0.02, StickFor: 15 * time.Second,
}

// simulation is a cluster of whole agents in virtual time, on a simulated network, and
// what its catalogues should say.
type simulation struct {
	*testing.T
	seed   uint64
	rand   *rand.Rand // of whoever drives the scenario; agents have no part in it
	net    *simnet.Network
	agents []*simAgent
	world  *world
	base   string
	done   map[string]int // what was done to the cluster, by name
	wanted []string       // faults without which the run shows nothing
	frozen time.Time      // no host is frozen any more then
	most   simLoad        // of any agent at any moment
	start  time.Time
}

// simAgent is a host with an agent, or with none while that is down.
type simAgent struct {
	*Agent
	sim    *simulation
	name   string
	number int
	host   *simnet.Host
	disk   *journaltest.Disk
	life   int // how often its disk was new
	runs   int
	stop   context.CancelFunc
	ended  chan error
	watch  sync.WaitGroup
	quit   chan struct{}
	dns    *dnsserver.Resolver

	seen     string // its catalogue as rendered at index seenAt
	seenAt   uint64
	seenFrom *Agent
}

// simulate runs a scenario with so many agents, or as the flags say, and checks what
// must hold at the end of each.
func simulate(t *testing.T, nodes int, scenario func(*simulation)) {
	if !bubble.Raced {
		t.Parallel()
	}
	if testing.Short() {
		t.Skip("a simulation")
	}
	if *simNodes > 0 {
		nodes = *simNodes
	}
	if bubble.Raced {
		nodes = max(seeds+2, nodes/2)
	}
	base := t.TempDir()
	real := time.Now()
	bubble.Test(t, func(t *testing.T) {
		s := &simulation{
			T: t, seed: *simSeed, rand: rand.New(rand.NewPCG(*simSeed, 1)), base: base, start: time.Now(),
			net: simnet.New(*simSeed, lan), world: newWorld(), done: map[string]int{},
		}
		for i := range nodes {
			ip := fmt.Sprintf("10.0.%d.%d", i/250, i%250+1)
			s.agents = append(s.agents, &simAgent{
				sim: s, name: fmt.Sprintf("n%03d", i), number: i, host: s.net.Host(ip),
				disk: journaltest.NewDisk(*simSeed + uint64(i)), ended: make(chan error, 1),
			})
		}
		t.Logf("seed %d, %d agents (again: -run '^%s$' -sim.seed=%d -sim.nodes=%d)", s.seed, nodes, t.Name(), s.seed, nodes)
		defer s.end()
		scenario(s)
	})
	t.Logf("real time %.1f s", time.Since(real).Seconds())
}

// fatal ends the test; the seed is part of the message.
func (s *simulation) fatal(format string, args ...any) {
	s.Helper()
	s.Fatalf("seed %d, at %v: %s", s.seed, s.age(), fmt.Sprintf(format, args...))
}

func (s *simulation) fault(format string, args ...any) {
	s.Helper()
	s.Errorf("seed %d, at %v: %s", s.seed, s.age(), fmt.Sprintf(format, args...))
}

func (s *simulation) note(format string, args ...any) {
	s.Helper()
	s.Logf("%8.2f s  %s", s.age().Seconds(), fmt.Sprintf(format, args...))
}

func (s *simulation) age() time.Duration { return time.Since(s.start) }

// wait lets virtual time pass.
func (s *simulation) wait(d time.Duration) { time.Sleep(d) }

// up are the agents that run.
func (s *simulation) up() (list []*simAgent) {
	for _, a := range s.agents {
		if a.Agent != nil {
			list = append(list, a)
		}
	}
	return list
}

func hosts(agents []*simAgent) (list []*simnet.Host) {
	for _, a := range agents {
		list = append(list, a.host)
	}
	return list
}

// some returns n of the running agents that are no seeds.
func (s *simulation) some(n int) []*simAgent {
	list := s.up()[seeds:]
	s.rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:min(n, len(list))]
}

// each does something with all of them at once, and waits.
func each(agents []*simAgent, do func(*simAgent)) {
	var wg sync.WaitGroup
	for _, a := range agents {
		wg.Go(func() { do(a) })
	}
	wg.Wait()
}

// startAll starts the seeds, then all others at once.
func (s *simulation) startAll() {
	each(s.agents[:min(seeds, len(s.agents))], (*simAgent).start)
	each(s.agents[min(seeds, len(s.agents)):], (*simAgent).start)
}

// startInTurn starts the agents at random moments within a span.
func (s *simulation) startInTurn(span time.Duration) {
	delays := map[*simAgent]time.Duration{}
	for _, a := range s.agents {
		delays[a] = time.Duration(s.rand.Int64N(int64(span)))
	}
	each(s.agents, func(a *simAgent) {
		s.wait(delays[a])
		a.start()
	})
}

func (a *simAgent) addr() string { return fmt.Sprintf("%v:%d", a.host.IP(), gossipPort) }

func (a *simAgent) dir() string {
	return filepath.Join(a.sim.base, fmt.Sprintf("%s-%d", a.name, a.life))
}

func (a *simAgent) config() *config.Config {
	cfg := config.Default()
	cfg.NodeName = a.name
	cfg.DataDir = a.dir()
	cfg.BindAddr = netip.MustParseAddr(a.host.IP().String())
	cfg.Ports = config.Ports{SerfLAN: gossipPort, AgentCheck: -1}
	cfg.Encrypt = config.Secret("0123456789abcdef")
	h := fnv.New64a()
	fmt.Fprint(h, a.name, a.life)
	binary.BigEndian.PutUint64(cfg.NodeID[:], h.Sum64())
	binary.BigEndian.PutUint64(cfg.NodeID[8:], a.sim.seed)
	for _, other := range a.sim.agents[:min(seeds, len(a.sim.agents))] {
		if other != a {
			cfg.RetryJoin = append(cfg.RetryJoin, other.addr())
		}
	}
	return cfg
}

// start starts the host's agent.
func (a *simAgent) start() {
	log := slog.DiscardHandler
	if *simLog {
		log = slog.NewTextHandler(os.Stderr, nil).WithAttrs([]slog.Attr{slog.String("on", a.name)})
	}
	agent, err := New(a.config(), Options{Logger: slog.New(log), FS: a.disk, Network: a.host, Mute: true})
	if err != nil {
		a.sim.fault("%s does not start: %v", a.name, err)
		return
	}
	if a.dns, err = dnsserver.NewResolver(agent.dnsConfig()); err != nil {
		a.sim.fault("%s has no DNS: %v", a.name, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	a.Agent, a.stop, a.quit = agent, cancel, make(chan struct{})
	a.runs++
	go func() { a.ended <- agent.Run(ctx) }()
	a.watch.Go(func() { a.guard(agent, a.dns, a.quit) })
	a.watch.Go(func() { a.weigh(agent, a.quit) })
	a.sim.world.rise(a.name, agent.id)
}

// crash cuts the host's power: nobody is told, and the disk loses what was not synced.
func (a *simAgent) crash() {
	a.host.Unplug()
	a.disk.CutPowerIn(1)
	_, _ = a.disk.OpenFile("cut", os.O_CREATE, 0o600)
	a.Agent.Close() // its errors are the power cut's
	<-a.ended
	a.down()
	a.disk.Restart()
	a.host.Plug() // as a host that boots: it is there, and nobody listens
	a.sim.world.fall(a.name)
}

// leaves says goodbye.
func (a *simAgent) leaves() {
	a.stop()
	if err := <-a.ended; err != nil {
		a.sim.fault("%s left with %v", a.name, err)
	}
	a.down()
	a.sim.world.leave(a.name)
}

// loseDisk makes the next start one of a new agent of the same name.
func (a *simAgent) loseDisk() {
	a.life++
	a.disk = journaltest.NewDisk(a.sim.seed + uint64(1000*a.life+a.number))
	a.sim.world.forget(a.name)
}

func (a *simAgent) down() {
	close(a.quit)
	a.watch.Wait()
	a.Agent, a.seen = nil, ""
}

// end stops all agents and sees to it that nothing of them is left.
func (s *simulation) end() {
	c := s.net.Counts()
	each(s.up(), func(a *simAgent) {
		if err := a.Agent.Close(); err != nil {
			s.fault("closing %s: %v", a.name, err)
		}
		if err := <-a.ended; err != nil {
			s.fault("%s ended with %v", a.name, err)
		}
		a.down()
	})
	s.note("virtual time %v; done: %v; network: %v; at most %+v", s.age().Round(time.Millisecond), s.done, c, s.most)
	for _, name := range s.wanted {
		if s.done[name] == 0 && c.Of(name) == 0 {
			s.fault("no %s came about: the run shows nothing", name)
		}
	}
	time.Sleep(5 * time.Minute) // longer than any deadline of a stream or of membership
	if left := goroutines(); len(left) > 0 {
		s.fault("%d goroutines are left, the first:\n%s", len(left), left[0])
	}
}

// goroutines returns the stacks of all others in this bubble but the test's own.
func goroutines() (stacks []string) {
	buf := make([]byte, 64<<20)
	all := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	_, mine, _ := strings.Cut(strings.SplitN(all[0], "\n", 2)[0], "synctest bubble ")
	for _, stack := range all[1:] {
		_, theirs, _ := strings.Cut(strings.SplitN(stack, "\n", 2)[0], "synctest bubble ")
		if theirs == mine && !strings.Contains(stack, "synctest.testingSynctestTest") && !strings.Contains(stack, "synctest.Run(") {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// liveness is what the agent holds of another.
func (a *simAgent) liveness(of *simAgent) catalog.Liveness {
	if h := a.catalog.View().Host(of.name); h != nil {
		return h.Liveness
	}
	return catalog.Unknown
}
