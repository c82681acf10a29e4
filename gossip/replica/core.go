package replica

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"time"
)

// Config parametrises a Core. Zero fields mean the default given.
type Config struct {
	Self ID
	// Epoch must be above every epoch this owner had before: max(persisted, unix
	// milliseconds) + 1. Peers that remember a later one are heeded.
	Epoch uint64
	// Validate is asked for every entry before it is applied or forwarded. Its value
	// is handed on in Change, so that nobody decodes twice, and kept if it is a Record
	// that gives the payload back. nil accepts everything.
	Validate func(owner ID, key string, payload []byte) (any, error)

	// Roster is who is there; nil for one of the core's own.
	Roster Roster

	Rings       int           // successors a change is pushed to; by the size of the cluster if 0
	DirectBelow int           // with at most so many members the owner pushes to all; 16
	PacketSize  int           // frames up to so many bytes go as packets; 1200
	ChunkSize   int           // bytes of entries in one frame on a stream; 64 KiB
	AnswerSize  int           // bytes sent in answer to one pull; 1 MiB
	PullBatch   int           // owners asked for at once of one peer; 256
	PullTimeout time.Duration // without a frame, after which a pull is given up; 2 s
	FlushSize   int           // bytes pushed to one peer in one Flush; 256 KiB

	TombstoneTTL   time.Duration // how long own tombstones are kept; 1 h
	GraveTTL       time.Duration // how long an owner that left is refused; 24 h
	ProvisionalTTL time.Duration // how long an owner membership has not heard of is kept; 1 min
	QuarantineTTL  time.Duration // how long an owner that sent an invalid entry is passed over; 1 min

	MaxOwners  int // 200,000
	MaxEntries int // of one owner; 1,000,000
}

func (c *Config) setDefaults() {
	def := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	span := func(p *time.Duration, v time.Duration) {
		if *p == 0 {
			*p = v
		}
	}
	def(&c.DirectBelow, 16)
	def(&c.PacketSize, 1200)
	def(&c.ChunkSize, 64<<10)
	def(&c.AnswerSize, 1<<20)
	def(&c.PullBatch, 256)
	def(&c.FlushSize, 256<<10)
	def(&c.MaxOwners, 200_000)
	def(&c.MaxEntries, 1_000_000)
	span(&c.PullTimeout, 2*time.Second)
	span(&c.TombstoneTTL, time.Hour)
	span(&c.GraveTTL, 24*time.Hour)
	span(&c.ProvisionalTTL, time.Minute)
	span(&c.QuarantineTTL, time.Minute)
	if c.Roster == nil {
		c.Roster = NewRoster(max(c.Rings, ringsBySize(math.MaxInt)))
	}
	if c.Validate == nil {
		c.Validate = func(ID, string, []byte) (any, error) { return nil, nil }
	}
}

// Core is one node's replica of every owner's log.
type Core struct {
	cfg Config
	now time.Time // as of the last input

	own    *state
	buried []burial // own tombstones by version, for collecting them

	owners map[ID]*owner // all but self
	graves map[ID]grave
	roster Roster

	living  uint64 // XOR of livingHash over those alive, itself included
	met     []ID   // became alive since the last Flush
	offered []ID   // whom the own log has been offered to

	digest  digest
	pushes  pushes
	pulls   pulls
	ticks   uint64
	leaving bool // said goodbye: nothing of self is offered or defended any more

	fx    Effects
	stats Stats
	lag   lag

	writer entryWriter // with body: room to encode in
	body   []byte
	// encoded is for the peers of one flush; no state changes during it.
	encoded []encoded
}

// owner is another node's log as known here.
type owner struct {
	id     ID
	since  time.Time // first heard of
	lived  uint64    // the epoch it was in when membership last called it alive
	cur    *state    // nil until a whole state is there
	staged *staging  // a later epoch, or the same anew, still incomplete
	barred time.Time // since when it is quarantined; zero if it never was
	hash   uint64    // its part in the digest, 0 if it has none
}

// staging gathers an owner's whole state from chunks while cur goes on being served.
//
// Invariant: every chunk came from a sender whose head is at least gc. It begins after
// the collection gc, so an entry deleted by then is in no first chunk; a sender behind
// gc might still have it, and no later chunk would take it away.
type staging struct {
	*state
	goal  uint64 // complete at this version
	begun time.Time
	last  time.Time // when the last chunk came
}

const (
	stagingIdle = 10 * time.Second // without a chunk, after which a staging is dropped
	goalMoves   = 5 * time.Second  // for how long what changes meanwhile moves the goal
)

// Change is one all-or-nothing step of one owner's entries.
type Change struct {
	Owner   ID
	Reset   bool // what was known of the owner before is void
	Dropped bool // the owner is forgotten, its membership too
	Entries []ChangedEntry
	// Raw is the delta as received, for Restore. It is set for changes from peers
	// and for chunks that are staged only (those have no Entries).
	Raw []byte
}

// ChangedEntry is an entry put or deleted.
type ChangedEntry struct {
	Key     string
	Value   any // what Validate returned
	Deleted bool
}

// Send is a frame to be sent: as a packet, or on the stream to that peer.
type Send struct {
	To     ID
	Frame  []byte
	Stream bool
}

// Fault is a frame or a part of it that was refused.
type Fault struct {
	Peer  ID
	Owner ID // zero if the frame could not be read at all
	Err   error
}

// Effects is what the caller has to carry out, in the order given within each list.
type Effects struct {
	Changes []Change
	Sends   []Send
	Faults  []Fault
	// Estranged are peers that hold others to be alive than this node does. Replication
	// cannot mend that: the caller lets membership compare itself with one of them.
	Estranged []ID
	// Epoch is the own epoch if it was raised, to be persisted; else 0.
	Epoch uint64
	// More says that a budget held frames back: Flush again after a short while.
	More bool
}

// Stats counts what happened since the start.
type Stats struct {
	FramesIn, FramesOut, BytesIn, BytesOut  uint64
	DeltasNew, DeltasOld, DeltasGap         uint64
	Refused, Quarantined                    uint64
	Roots, Mismatches, Pulls, PullsTimedOut uint64
	Resets, EpochsRaised                    uint64
	Estranged                               uint64 // roots of peers that hold others to be alive
}

// New returns a core that knows nothing but itself.
func New(cfg Config, now time.Time) (*Core, error) {
	cfg.setDefaults()
	if cfg.Self == (ID{}) || cfg.Epoch == 0 || cfg.Epoch > maxCount {
		return nil, fmt.Errorf("replica: node id %v with epoch %d: an id, and an epoch of 1..%d, are needed", cfg.Self, cfg.Epoch, uint64(maxCount))
	}
	if cfg.Rings < 0 || cfg.Rings > MaxRings {
		return nil, fmt.Errorf("replica: %d rings: 1 to %d are possible, or 0 for as many as suit the size of the cluster", cfg.Rings, MaxRings)
	}
	return &Core{
		cfg:    cfg,
		now:    now,
		own:    newState(cfg.Epoch),
		owners: map[ID]*owner{},
		graves: map[ID]grave{},
		roster: cfg.Roster,
		living: livingHash(cfg.Self),
		pushes: pushes{byPeer: map[ID]*queue{}},
		pulls:  pulls{wanted: map[ID]*wanted{}, byPeer: map[ID]*session{}},
	}, nil
}

// Stats returns the counters.
func (c *Core) Stats() Stats { return c.stats }

// Epoch and Version say where the own log is.
func (c *Core) Epoch() uint64   { return c.own.epoch }
func (c *Core) Version() uint64 { return c.own.version }

// Put is a change to an own entry. A nil Payload deletes it.
type Put struct {
	Key     string
	Payload []byte
	Value   any // handed on in Change
}

// Local changes own entries. Puts that change nothing are passed over.
func (c *Core) Local(now time.Time, puts ...Put) {
	c.now = now
	from := c.own.version
	ch := Change{Owner: c.cfg.Self}
	for _, p := range puts {
		was := c.own.get(p.Key)
		deleted := p.Payload == nil
		if c.same(was, &p) {
			continue
		}
		c.own.version++
		if deleted {
			c.own.set(c.own.version, &tombstone{p.Key})
			c.buried = append(c.buried, burial{c.own.version, now})
		} else {
			c.own.set(c.own.version, keep(p.Key, p.Payload, p.Value, c.body))
		}
		ch.Entries = append(ch.Entries, ChangedEntry{p.Key, p.Value, deleted})
	}
	if len(ch.Entries) == 0 {
		return
	}
	c.fx.Changes = append(c.fx.Changes, ch)
	c.rehash(c.cfg.Self)
	c.pushOwn(from)
}

// same reports whether a put leaves an entry, which may be nil, as it is.
func (c *Core) same(was *entry, p *Put) bool {
	if was == nil || was.deleted() {
		return p.Payload == nil
	}
	return p.Payload != nil && bytes.Equal(was.record.AppendPayload(c.body[:0]), p.Payload)
}

// burial remembers when an own entry was deleted.
type burial struct {
	version uint64
	at      time.Time
}

// maxBuried bounds own tombstones however fast they come.
const maxBuried = 20_000

// collectOwn forgets own tombstones that are old enough, or too many.
func (c *Core) collectOwn() {
	n := max(0, len(c.buried)-maxBuried)
	for n < len(c.buried) && c.now.Sub(c.buried[n].at) >= c.cfg.TombstoneTTL {
		n++
	}
	if n > 0 {
		c.own.collect(c.buried[n-1].version)
		c.buried = append([]burial(nil), c.buried[n:]...)
	}
}

// raiseEpoch begins a new epoch above one that a peer remembers of us: our disk was
// set back, or our clock. All entries are numbered anew. The step differs from one
// incarnation to another, lest two that share an id raise to the same epoch and state
// different things in it.
func (c *Core) raiseEpoch(above uint64) {
	c.stats.EpochsRaised++
	step := 1 + mix(uint64(c.now.UnixNano())^mix(c.own.epoch^mix(c.own.version)))%1024
	next := newState(max(above, c.own.epoch, unixMilli(c.now)) + step)
	for _, e := range c.own.since(0) {
		if e.record == nil || e.deleted() {
			continue // a new epoch replaces all: tombstones have nothing to say in it
		}
		next.version++
		next.set(next.version, e.record)
	}
	c.own, c.buried = next, nil
	c.fx.Epoch = next.epoch
	c.rehash(c.cfg.Self)
	c.pushOwn(0)
}

// Plausible reports whether an epoch can be true: epochs are milliseconds of a clock,
// and nobody's is ten years ahead. A host may boot with a clock at zero, so ours does
// not count before the first release.
func Plausible(now time.Time, epoch uint64) bool {
	const firstRelease, tenYears = 1_796_000_000_000, 10 * 366 * 24 * 3600 * 1000
	return epoch <= max(unixMilli(now), firstRelease)+tenYears
}

func (c *Core) plausible(epoch uint64) bool { return Plausible(c.now, epoch) }

func unixMilli(t time.Time) uint64 { return uint64(max(0, t.UnixMilli())) }

// Receive takes a frame from a peer. The frame's bytes are not kept.
func (c *Core) Receive(now time.Time, from ID, b []byte) {
	c.now = now
	c.stats.FramesIn++
	c.stats.BytesIn += uint64(len(b))
	f, err := decodeFrame(b)
	if err != nil {
		c.refuse(from, ID{}, err)
		return
	}
	for _, g := range f.gone {
		c.receiveGone(from, g)
	}
	for i := range f.deltas {
		c.receiveDelta(from, &f.deltas[i], f.answers != 0)
	}
	if f.answers != 0 {
		c.answered(from, f.answers, f.last, f.cut)
	}
	switch {
	case f.root != nil:
		c.receiveRoot(from, f.root)
	case f.buckets != nil:
		c.receiveBuckets(from, f.buckets)
	case f.heads != nil:
		c.receiveHeads(from, f.heads)
	case f.pull != nil:
		c.receivePull(from, f.pull)
	}
}

func (c *Core) refuse(peer, owner ID, err error) {
	c.stats.Refused++
	c.fx.Faults = append(c.fx.Faults, Fault{peer, owner, err})
}

// Tick is to be called about once a second.
func (c *Core) Tick(now time.Time) {
	c.now = now
	c.ticks++
	c.collectOwn()
	c.expire()
	c.expirePulls()
	c.compareRoots()
}

// Flush encodes what is to be sent now and returns it with all else to be done.
func (c *Core) Flush() Effects {
	c.meetPeers()
	c.flushPushes()
	c.issuePulls()
	return c.Take()
}

// Take returns what is to be done already, and leaves what can be gathered to Flush.
func (c *Core) Take() Effects {
	fx := c.fx
	c.fx = Effects{}
	c.stats.FramesOut += uint64(len(fx.Sends))
	for i := range fx.Sends {
		c.stats.BytesOut += uint64(len(fx.Sends[i].Frame))
	}
	return fx
}

// send queues a frame; large ones go by stream.
func (c *Core) send(to ID, b []byte) {
	c.fx.Sends = append(c.fx.Sends, Send{To: to, Frame: b, Stream: len(b) > c.cfg.PacketSize})
}

// stateOf returns what is known of an owner, itself included; nil if nothing.
func (c *Core) stateOf(id ID) *state {
	if id == c.cfg.Self {
		return c.own
	}
	if o := c.owners[id]; o != nil {
		return o.cur
	}
	return nil
}

// Snapshot calls emit with deltas that Restore would bring every other owner's
// state back from.
func (c *Core) Snapshot(emit func(owner ID, raw []byte) error) error {
	for _, id := range c.ownerIDs() {
		s := c.owners[id].cur
		if s == nil {
			continue
		}
		for from := uint64(0); ; {
			raw, to := c.chunk(id, s, from)
			if err := emit(id, raw); err != nil {
				return err
			}
			if from = to; to == s.version {
				break
			}
		}
	}
	return nil
}

// Restore applies a delta from an earlier Snapshot or Change.Raw, without telling
// any peer.
func (c *Core) Restore(now time.Time, raw []byte) error {
	c.now = now
	d, err := decodeDelta(raw)
	if err != nil {
		return fmt.Errorf("restoring an owner's delta: %w", err)
	}
	if d.owner == c.cfg.Self || c.buriedAt(d.owner, d.epoch) {
		return nil
	}
	o := c.owners[d.owner]
	if o == nil {
		o = c.addOwner(d.owner)
	}
	switch _, _, err := c.take(o, &d); {
	case errors.Is(err, errGap):
		return nil // part of a state that was being gathered: repair brings it
	default:
		return err
	}
}
