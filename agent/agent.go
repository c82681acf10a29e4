package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/run"
	"github.com/prometheus/client_golang/prometheus"

	"covey/agent/config"
	"covey/agentcheck"
	"covey/catalog"
	"covey/dnsserver"
	"covey/gossip"
	"covey/gossip/replica"
	"covey/health"
	"covey/httpapi"
	"covey/internal/journal"
	"covey/lb"
)

// Options are what an agent is given besides its configuration.
type Options struct {
	Logger  *slog.Logger // nil for silence
	Version string
	// Reread reads the configuration anew, for Reload; nil if that cannot be done.
	Reread func() (*config.Config, error)
	// FS is where registrations are kept, those made here and the others'; nil for the
	// system's.
	FS journal.FS
	// Network is what gossip uses; nil for the system's.
	Network gossip.Network
	// Mute leaves out DNS and HTTP, which need real sockets; these would stop the clock
	// of a simulation. Status is not to be called then.
	Mute bool
}

// Agent is one running agent. Its methods are safe for concurrent use.
//
//	New (binds, brings back what was known) -> Run (serves) -> Close
type Agent struct {
	cfg     *config.Config
	opts    Options
	log     *slog.Logger
	started time.Time
	id      catalog.NodeID

	dir      dataDir
	catalog  *catalog.Store
	commits  *committer
	health   *health.Monitor
	gossip   *gossip.Gossip
	dns      *dnsserver.Server
	balancer *lb.Balancer
	http     *httpapi.Server
	proxies  *agentcheck.Server // nil if nobody is to ask

	tap         *logTap
	events      *events
	coordinates coordinates
	members     members

	access *accessFiles

	timeline timeline
	loads    *loads
	pressure pressure

	raised  atomic.Uint64 // an epoch that is to be kept, 0 if none is
	leave   sync.Once
	leaving chan struct{} // closed to begin a graceful stop
	closed  sync.Once
}

// New brings back what the agent knew, and binds all its addresses. From then on it
// answers; Run lets changes happen. An error names what could not be had and what to
// do about it; nothing stays bound or locked then.
func New(cfg *config.Config, o Options) (*Agent, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Agent{cfg: cfg, opts: o, started: time.Now(), leaving: make(chan struct{}), loads: newLoads(), pressure: pressure{file: pressureFile}}
	a.tap, a.events = newLogTap(o.Logger.Handler()), newEvents(a.started)
	a.log = slog.New(a.tap)
	for _, step := range []func() error{a.openState, a.openGossip, a.openServers} {
		if err := step(); err != nil {
			a.Close()
			return nil, err
		}
	}
	return a, nil
}

// openState reads what is kept of this host's registrations.
func (a *Agent) openState() (err error) {
	if a.dir, err = openDataDir(a.cfg.DataDir); err != nil {
		return err
	}
	if a.id, err = a.dir.nodeID(a.cfg.NodeID); err != nil {
		return err
	}
	c := newCommitter()
	c.log, c.node = a.log, a.node
	c.index = func() uint64 { return a.catalog.View().Index() }
	c.outdated = func() []string { return a.catalog.Outdated(a.id) }
	a.health = health.New(health.Config{
		Logger: a.log, Report: a.report, Load: a.takeLoad, Scripts: a.cfg.EnableLocalScriptChecks, DockerHost: os.Getenv("DOCKER_HOST"),
		Catalog: func() health.Catalog { return health.Catalog{View: a.catalog.View(), Node: a.cfg.NodeName} },
	})
	c.health = a.health
	a.commits = c
	if path := a.dir.file("local.log"); path != "" {
		if err := a.openJournal(path); err != nil {
			return err
		}
	}
	// Neither epoch nor index may go back, whatever the clock did meanwhile.
	now := time.Now()
	if !replica.Plausible(now, c.start.Epoch) {
		a.log.Warn("the epoch kept on disk is years ahead and not used", "epoch", c.start.Epoch)
		c.start.Epoch = 0
	}
	seed := max(uint64(now.UnixMicro()), c.start.Index+indexMargin)
	c.start = startRecord{Epoch: max(uint64(now.UnixMilli()), c.start.Epoch) + 1, Index: seed}
	a.catalog = catalog.NewStore(seed)
	c.registry.nodeMeta = a.cfg.NodeMeta
	b := newBatch(c.registry, now)
	b.write(record{Start: &c.start})
	b.durable = true
	if err := b.applyFile(a.cfg.Services, a.cfg.Checks); err != nil {
		return err
	}
	// A full disk keeps nobody from answering: peers would tell of a later epoch.
	if err := c.keep(b); err != nil {
		c.unsaved = true
		c.tellDisk(err)
	}
	return nil
}

// indexMargin is more than the catalogue's index can grow between two notes of it.
const indexMargin = 1_000_000

func (a *Agent) openJournal(path string) error {
	c := a.commits
	log, recovery, err := journal.Open(path, journal.Options{FS: a.opts.FS, Logger: a.log}, func(b []byte) error {
		return c.registry.replay(b, &c.start)
	})
	if err != nil {
		return fmt.Errorf("cannot bring back what is registered on this host: %w", err)
	}
	c.journal, c.compacted = log, log.Size()
	if recovery.Created && a.dir.before {
		a.log.Warn("the data directory has been used before, but its journal of registrations is missing: what was registered on this host is gone",
			"file", path)
	}
	if !recovery.Intact() {
		a.log.Warn("the journal of registrations was damaged; what could be read is in use",
			"file", path, "records", recovery.Records, "unfinished_bytes", recovery.TruncatedBytes,
			"damaged", recovery.DamagedRecords, "original_saved_to", recovery.SavedTo)
	}
	return nil
}

// openGossip brings back the others' registrations and joins in.
func (a *Agent) openGossip() (err error) {
	cfg := gossip.Config{
		Name:       a.cfg.NodeName,
		ID:         replica.ID(a.id),
		Epoch:      a.commits.start.Epoch,
		Rings:      a.cfg.GossipRings,
		Timing:     gossip.Profiles()[a.cfg.GossipProfile],
		Datacenter: a.cfg.Datacenter,
		Build:      a.opts.Version,

		BindIP:   a.cfg.BindAddr.String(),
		BindPort: a.cfg.Ports.SerfLAN,

		VerifyIncoming: a.cfg.EncryptVerifyIncoming,
		VerifyOutgoing: a.cfg.EncryptVerifyOutgoing,

		MembersFile: a.dir.file("members.snapshot"),
		PeersFile:   a.dir.file("peers.log"),
		FS:          a.opts.FS,

		Validate:    a.validate,
		Apply:       a.apply,
		SetMember:   a.setMember,
		RaisedEpoch: a.keepEpoch,
		UserEvent:   a.receiveEvent,

		Network: a.opts.Network,
		Logger:  a.log,
	}
	if a.cfg.AdvertiseAddr.IsValid() {
		cfg.AdvertiseIP = a.cfg.AdvertiseAddr.String()
	}
	if len(a.cfg.Encrypt) > 0 {
		if cfg.Keys, err = a.keys(); err != nil {
			return err
		}
		cfg.SaveKeys = a.saveKeys
	}
	if a.gossip, err = gossip.New(cfg); err != nil {
		return err
	}
	a.commits.publish, a.commits.pack = a.gossip.Put, a.catalog.Pack
	a.catalog.SetLiveness(a.id, catalog.Alive)
	a.commits.showAll()
	return nil
}

func (a *Agent) openServers() (err error) {
	if a.opts.Mute {
		return nil
	}
	a.balancer = a.newBalancer()
	if a.dns, err = dnsserver.New(a.dnsConfig()); err != nil {
		return err
	}
	if err := a.openAgentCheck(); err != nil {
		return err
	}
	return a.openHTTP()
}

// openHTTP binds the HTTP API, with the tokens and certificates that it wants.
func (a *Agent) openHTTP() (err error) {
	if a.access, err = newAccessFiles(a.cfg); err != nil {
		return err
	}
	a.http, err = httpapi.New(httpapi.Config{
		Addr:     a.cfg.HTTPAddr(),
		TLSAddr:  a.cfg.HTTPSAddr(),
		TLS:      a.access.serverTLS(),
		Tokens:   a.access.tokens.Load(),
		Socket:   httpapi.Socket(a.cfg.Sockets),
		MaxConns: a.cfg.HTTP.MaxConns,

		MaxConnsPerClient: a.cfg.HTTP.MaxConnsPerClient,

		Agent:      a,
		Catalog:    a.catalog,
		Lookup:     a.dns.Lookup,
		Outcome:    a.reportOutcome,
		Collectors: []prometheus.Collector{metrics{a}},
		Datacenter: a.cfg.Datacenter,
		NodeName:   a.cfg.NodeName,
		Version:    a.opts.Version,
		Logger:     a.log,

		AllowedHosts: append([]string{a.cfg.NodeName + ".node." + a.cfg.Domain}, a.cfg.HTTP.AllowedHosts...),
	})
	if err == nil && !a.access.closed() {
		a.log.Warn("whoever reaches the HTTP API may register, deregister and stop this agent: give it tokens (http_config.token_file), client certificates (tls.https.verify_incoming) or a loopback address",
			"http", a.http.Addr())
	}
	return err
}

// dnsConfig is how names are answered.
func (a *Agent) dnsConfig() dnsserver.Config {
	return dnsserver.Config{
		Addr:       a.cfg.DNSAddr(),
		Domain:     a.cfg.Domain,
		AltDomain:  a.cfg.AltDomain,
		Datacenter: a.cfg.Datacenter,
		NodeName:   a.cfg.NodeName,
		Logger:     a.log,
		Catalog:    a.catalog,

		Recursors:        a.cfg.DNS.Recursors,
		RecursorStrategy: a.cfg.DNS.RecursorStrategy,
		RecursorTimeout:  a.cfg.DNS.RecursorTimeout,

		ResponseRateLimit:  a.cfg.DNS.ResponseRateLimit,
		ResponseRateSlip:   a.cfg.DNS.ResponseRateSlip,
		ResponseRateExempt: a.cfg.DNS.ResponseRateExempt,

		MaxTCPConns:          a.cfg.DNS.MaxTCPConns,
		MaxTCPConnsPerClient: a.cfg.DNS.MaxTCPConnsPerClient,
		TCPIdleTimeout:       a.cfg.DNS.TCPIdleTimeout,

		NodeTTL:    a.cfg.DNS.NodeTTL,
		ServiceTTL: a.cfg.DNS.ServiceTTL,
		SOA:        dnsserver.SOA(a.cfg.DNS.SOA),
		ServerID:   a.cfg.DNS.ServerID,
		MaxUDPSize: a.cfg.DNS.MaxUDPSize,
		Version:    a.opts.Version,

		OnlyPassing:    a.cfg.DNS.OnlyPassing,
		UDPAnswerLimit: a.cfg.DNS.UDPAnswerLimit,
		ARecordLimit:   a.cfg.DNS.ARecordLimit,
		PortableUDP:    a.cfg.DNS.PortableUDP,
		SRVWeightScale: a.cfg.DNS.SRVWeightScale,
		Balancer:       a.balancer,
	}
}

// node is this node's record with the given checks.
func (a *Agent) node(checks []catalog.Check) *catalog.Node {
	ip := a.gossip.AdvertisedIP()
	tagged := map[string]string{"lan": ip, "wan": ip}
	family := "ipv4"
	if isIPv6(ip) {
		family = "ipv6"
	}
	tagged["lan_"+family], tagged["wan_"+family] = ip, ip
	for family, ip := range map[string]netip.Addr{"ipv4": a.cfg.AdvertiseAddrIPv4, "ipv6": a.cfg.AdvertiseAddrIPv6} {
		if ip.IsValid() {
			tagged["lan_"+family], tagged["wan_"+family] = ip.String(), ip.String()
		}
	}
	return &catalog.Node{
		ID:              a.id,
		Name:            a.cfg.NodeName,
		Address:         ip,
		Datacenter:      a.cfg.Datacenter,
		Meta:            a.cfg.NodeMeta,
		TaggedAddresses: tagged,
		Checks:          checks,
		Zone:            a.cfg.Zone,
		Region:          a.cfg.Region,
	}
}

// report takes what a check found. It waits until that is in the registry: a report
// that came late could undo what was set after it.
func (a *Agent) report(r health.Report) {
	err := a.commits.find(context.Background(), func(b *batch) error {
		b.setStatus(r.CheckID, checkState{Status: r.Status, Output: r.Output, Withdrawn: r.Wish}, false)
		return nil
	})
	if err != nil {
		a.log.Debug("what a check found was not taken", "check", r.CheckID, "error", err)
	}
}

// keepEpoch keeps an epoch that had to be raised. It is called from gossip's loop,
// which the committer may be waiting for, so it must not wait for the committer: the
// greatest epoch is left for whoever comes first.
func (a *Agent) keepEpoch(epoch uint64) {
	if a.raised.Swap(epoch) != 0 {
		return // someone is on the way already, and will find this one
	}
	go func() {
		err := a.commits.find(context.Background(), func(b *batch) error {
			a.commits.start.Epoch = max(a.commits.start.Epoch, a.raised.Swap(0))
			b.write(record{Start: &a.commits.start})
			b.durable = true
			return nil
		})
		if err != nil {
			a.log.Warn("the raised epoch was not kept; the next start may have to raise it again", "error", err)
		}
	}()
}

// Run serves until ctx ends, a graceful leave was asked for, or some part fails, and
// returns nil unless it was the last. It leaves the cluster gracefully if so
// configured, and closes the agent.
func (a *Agent) Run(ctx context.Context) error {
	running, stop := context.WithCancel(context.Background())
	defer stop()
	var g run.Group
	g.Add(func() error { return a.attend(ctx, running) }, func(error) { stop() })
	g.Add(func() error { return a.join(running) }, func(error) { stop() })
	g.Add(a.commits.run, func(error) { a.commits.stop() })
	g.Add(func() error { return a.health.Run(running) }, func(error) { stop() })
	g.Add(func() error { a.loads.follow(running, a.tellLoads); return nil }, func(error) { stop() })
	g.Add(a.gossip.Run, func(error) { a.gossip.Close() })
	if !a.opts.Mute {
		g.Add(func() error { a.timeline.follow(running, a.catalog.View); return nil }, func(error) { stop() })
		g.Add(a.dns.Run, func(error) { a.dns.Close() })
		g.Add(a.http.Run, func(error) { a.http.Close() })
		if a.proxies != nil {
			g.Add(a.proxies.Run, func(error) { a.proxies.Close() })
		}
		if a.access.any() {
			g.Add(func() error { return a.keepAccess(running) }, func(error) { stop() })
		}
		a.log.Info("agent is running", "node", a.cfg.NodeName, "id", a.id, "datacenter", a.cfg.Datacenter,
			"gossip", a.gossip.Addr(), "http", a.http.Addr(), "dns", a.dns.Addr(), "encrypted", len(a.cfg.Encrypt) > 0,
			"data_dir", a.cfg.DataDir)
	}
	err := g.Run()
	return errors.Join(err, a.Close())
}

// attend waits for the end and says goodbye.
func (a *Agent) attend(ctx, running context.Context) error {
	asked := false
	select {
	case <-ctx.Done():
	case <-a.leaving:
		asked = true
	case <-running.Done():
		return nil
	}
	if asked || a.cfg.LeaveOnTerminate {
		if err := a.gossip.Leave(); err != nil {
			a.log.Warn("the others could not be told that this agent leaves; they will find out", "error", err)
		}
	}
	return nil
}

// Close ends everything at once and waits. A graceful stop comes first by ending
// Run's context. Closing again does nothing.
func (a *Agent) Close() error {
	var errs []error
	a.closed.Do(func() {
		if a.http != nil {
			errs = append(errs, a.http.Close())
		}
		if a.proxies != nil {
			errs = append(errs, a.proxies.Close())
		}
		if a.dns != nil {
			errs = append(errs, a.dns.Close())
		}
		if a.health != nil {
			errs = append(errs, a.health.Close())
		}
		if a.gossip != nil {
			errs = append(errs, a.gossip.Close())
		}
		if a.commits != nil {
			a.commits.end()
		}
		if a.commits != nil && a.commits.journal != nil {
			errs = append(errs, a.commits.journal.Close())
		}
		errs = append(errs, a.dir.close())
	})
	return errors.Join(errs...)
}
