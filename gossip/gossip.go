package gossip

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"

	"covey/gossip/replica"
)

// Gossip is one agent's part in the cluster. All methods are safe for concurrent use.
type Gossip struct {
	cfg       Config
	log       *slog.Logger
	transport *transport
	serf      *serf.Serf
	refused   *refusals
	roster    *roster
	census    census
	peers     *peersFile // nil if nothing is kept
	rival     *rivalry
	keyring   *memberlist.Keyring // nil: gossip is in the open

	mu     sync.Mutex // guards all that follows, up to joining
	core   *replica.Core
	dir    *directory
	known  map[replica.ID]string // last name of each id, for the log
	settle time.Time             // when what is only presumed alive must have shown up; zero if not set
	twin   *twin                 // another node with our id, nil if there is none
	again  *time.Timer
	pace   pace
	mends  mends
	epochs map[replica.ID]uint64 // of each life that membership told of

	opinions  map[string]*opinion // under way, by name
	accused   accusations
	vigil     *vigil
	unwatched bool // members changed since the vigil was told whom to watch
	counts    struct{ accused, acquitted, contradicted atomic.Uint64 }

	savedKeys [][]byte // the keyring as it is kept

	joining chan struct{} // holds a token while a join is under way
	failed  chan error    // why the agent cannot go on
	leaving chan struct{}
	leave   sync.Once
	stop    chan struct{}
	stopped sync.Once
	loop    sync.WaitGroup
}

const (
	tickInterval = time.Second
	// settleAfter is how long after the first peer was met a node that was alive
	// before our restart may take to show up.
	settleAfter = 3 * time.Second
	moreDelay   = 2 * time.Millisecond // between flushes that a budget held back
	maxBatch    = 256                  // inputs taken before one flush
	leaveDrain  = 200 * time.Millisecond
)

// New brings back what is kept of the other agents, binds the gossip port and starts
// membership. By the time it returns, Config.Apply has been told all that was kept.
func New(cfg Config) (*Gossip, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Network == nil {
		cfg.Network = systemNetwork{}
	}
	if cfg.Timing == (Timing{}) {
		cfg.Timing = Profiles()[DefaultProfile]
	}
	keyring, err := cfg.keyring()
	if err != nil {
		return nil, err
	}
	core, err := replica.New(replica.Config{Self: cfg.ID, Epoch: cfg.Epoch, Rings: cfg.Rings, Validate: cfg.Validate}, time.Now())
	if err != nil {
		return nil, err
	}
	g := &Gossip{
		cfg: cfg, log: cfg.Logger, core: core, keyring: keyring, savedKeys: cfg.Keys,
		refused: newRefusals(cfg.Logger),
		roster:  newRoster(),
		rival:   &rivalry{name: cfg.Name},
		dir:     newDirectory(),
		known:   map[replica.ID]string{},
		epochs:  map[replica.ID]uint64{},
		accused: newAccusations(),

		opinions: map[string]*opinion{},
		again:    time.NewTimer(0),
		pace:     newPace(),
		joining:  make(chan struct{}, 1),
		failed:   make(chan error, 1),
		leaving:  make(chan struct{}),
		stop:     make(chan struct{}),
	}
	<-g.again.C
	if err := checkMembersFile(cfg.MembersFile, cfg.Logger); err != nil {
		return nil, err
	}
	if err := g.restore(); err != nil {
		return nil, err
	}
	seal := newSealer(cfg.ID, cfg.label(), keyring, cfg.VerifyIncoming, cfg.VerifyOutgoing)
	if g.transport, err = newTransport(cfg.Network, cfg.BindIP, cfg.BindPort, seal, g.refused, g.arrive, cfg.Logger); err != nil {
		g.peers.close()
		return nil, err
	}
	events := make(chan serf.Event, 256)
	conf := cfg.serfConfig(g.transport, keyring, events, g.rival)
	conf.Logger = newSerfLogger(cfg.Logger, g.refused)
	conf.MemberlistConfig.Logger = conf.Logger
	if g.serf, err = serf.Create(conf); err != nil {
		g.transport.Shutdown()
		g.peers.close()
		return nil, fmt.Errorf("starting membership as node %q: %w", cfg.Name, err)
	}
	if ip, err := netip.ParseAddr(g.AdvertisedIP()); err == nil {
		g.rival.begin(netip.AddrPortFrom(ip.Unmap(), g.serf.LocalMember().Port))
	}
	g.vigil = newVigil(cfg.Network, g.accuse)
	g.loop.Go(func() { g.roster.follow(events, g.stop) })
	g.loop.Go(g.run)
	g.loop.Go(g.rejoin)
	return g, nil
}

// Run waits until the agent leaves or Close is called, and returns nil then. It
// returns an error when the agent must give way: another one that lives bears its name
// or its id, and was there before.
func (g *Gossip) Run() error {
	select {
	case <-g.stop:
		return nil
	case <-g.leaving:
		<-g.stop
		return nil
	case err := <-g.failed:
		return err
	case <-g.serf.ShutdownCh():
		select {
		case <-g.leaving:
			<-g.stop
			return nil
		case <-g.stop:
			return nil
		default:
		}
		return errors.New("membership ended by itself, which is a defect; start this agent again")
	}
}

// Close ends everything at once, as a crash would for the others, and waits. Leave
// first to stop gracefully.
func (g *Gossip) Close() error {
	g.stopped.Do(func() {
		_ = g.serf.Shutdown()
		g.mu.Lock() // nothing is begun after it
		close(g.stop)
		g.mu.Unlock()
	})
	g.vigil.close()
	g.loop.Wait()
	return errors.Join(g.transport.Shutdown(), g.peers.close())
}

// Put changes own entries. They are in the catalogue, and on their way to the others,
// when it returns.
func (g *Gossip) Put(puts ...replica.Put) {
	g.do(func() { g.core.Local(time.Now(), puts...) })
}

// do runs f while nothing else is at the core. When it returns, what follows here is
// applied; what follows for the others is sent, or will be with what else there is. It
// does nothing once the agent has stopped.
func (g *Gossip) do(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.hasStopped() {
		return
	}
	began := time.Now()
	f()
	g.perform(g.core.Take())
	g.round(began)
}

func (g *Gossip) hasStopped() bool {
	select {
	case <-g.stop:
		return true
	default:
		return false
	}
}

// arrive takes packets as they are read, if nobody is at the core and nothing is being
// gathered: to hand them to another goroutine would cost more than to take them. It
// never waits, since serf's packets come the same way; false says that it could not.
func (g *Gossip) arrive(packets []inbound) bool {
	if !g.mu.TryLock() {
		return false
	}
	defer g.mu.Unlock()
	if g.pace.resting || len(g.transport.frames) > 0 || g.hasStopped() {
		return false
	}
	began := time.Now()
	for _, in := range packets {
		g.receive(in)
	}
	g.round(began)
	return true
}

// run does what is to be done at a time, and takes what could not be when it came.
func (g *Gossip) run() {
	tick := time.NewTicker(tickInterval)
	defer tick.Stop()
	g.mu.Lock()
	g.pace.wake()
	g.mu.Unlock()
	for {
		packets, bulk := g.transport.frames, g.transport.bulk
		if g.isResting() {
			packets, bulk = nil, nil
		}
		select {
		case in := <-packets:
			g.work(func() { g.receive(in) })
		case in := <-bulk:
			g.work(func() { g.receive(in) })
		case <-g.pace.timer.C:
			g.work(g.pace.wake)
		case <-g.roster.changed:
			g.doNow(g.updateMembers)
		case now := <-tick.C:
			g.doNow(func() {
				g.core.Tick(now)
				g.settleMembers(now)
				g.settleAccusations(now)
				g.watchNeighbours()
				g.contestName(now)
				g.saveKeys()
				g.peers.tick(g.core, g.dir)
			})
		case <-g.again.C:
			g.doNow(func() {})
		case <-g.stop:
			return
		}
	}
}

func (g *Gossip) isResting() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pace.resting
}

// work runs f, and then a round if one is due.
func (g *Gossip) work(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	began := time.Now()
	f()
	g.round(began)
}

// doNow runs what is rare, and a round that never waits.
func (g *Gossip) doNow(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f()
	g.flush()
}

// round works off what is there, unless this agent is to gather more of it first. While
// it asks others for what it lacks it does not: the next answer waits for it.
func (g *Gossip) round(began time.Time) {
	if g.core.Pulling() {
		g.flush()
		return
	}
	if g.pace.due(began) {
		g.flush()
		g.pace.worked(began, time.Now())
	}
}

// flush takes what waits and carries out all that follows, so that a burst becomes few
// frames.
func (g *Gossip) flush() {
	g.drain()
	g.perform(g.core.Flush())
}

// drain takes the frames that wait already.
// It leaves streams to wait: their frames are large, and one to a flush is enough to
// keep each of them going.
func (g *Gossip) drain() {
	for range maxBatch {
		select {
		case in := <-g.transport.frames:
			g.receive(in)
		default:
			return
		}
	}
}

func (g *Gossip) receive(in inbound) {
	g.mends.hear(g.dir.ids[in.from], in)
	g.core.Receive(time.Now(), in.from, in.frame)
}

// perform carries out the core's effects, those on the catalogue before those on the
// network.
func (g *Gossip) perform(fx replica.Effects) {
	if fx.Epoch != 0 {
		g.log.Warn("peers remember a later epoch of this node than its own disk or clock: going on above it", "epoch", fx.Epoch)
		if g.cfg.RaisedEpoch != nil {
			g.cfg.RaisedEpoch(fx.Epoch)
		}
	}
	if len(fx.Changes) > 0 {
		g.cfg.Apply(fx.Changes)
		g.peers.add(g.cfg.ID, fx.Changes)
	}
	for _, f := range fx.Faults {
		g.refused.note(refusedFrame, "refused what a peer replicated", "peer", g.nameOf(f.Peer), "owner", g.nameOf(f.Owner), "reason", f.Err)
	}
	for i := range fx.Sends {
		g.send(&fx.Sends[i])
	}
	g.mend(fx.Estranged)
	if fx.More {
		g.again.Reset(moreDelay)
	}
}

func (g *Gossip) send(s *replica.Send) {
	m := g.dir.ids[s.To]
	if m == nil || !m.addr.IsValid() {
		return
	}
	if s.Stream {
		g.transport.streams.send(m.addr.String(), s.Frame)
		return
	}
	if err := g.transport.send(m.addr, s.Frame); err != nil {
		g.log.Debug("cannot send a replication packet; repair will make up for it", "peer", m.name, "error", err)
	}
}

func (g *Gossip) nameOf(id replica.ID) string {
	if m := g.dir.ids[id]; m != nil {
		return m.name
	}
	if id == g.cfg.ID {
		return g.cfg.Name
	}
	return id.String()
}

// Addr is where gossip listens.
func (g *Gossip) Addr() string { return g.transport.listener.Addr().String() }

// AdvertisedIP is the address the others know this agent by.
func (g *Gossip) AdvertisedIP() string { return g.serf.LocalMember().Addr.String() }
