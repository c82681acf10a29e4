package replica

import "slices"

// pushes are the owners to be pushed, by peer. A queue holds owners, not messages:
// however often one changes before it is sent, it is sent once, as it is then.
type pushes struct {
	byPeer map[ID]*queue
	order  []ID // of peers, so that every run is the same
}

type queue struct {
	from  map[ID]uint64 // owner -> what the peer is thought to have
	order []ID          // of owners, oldest first
	gone  []gone
}

func (p *pushes) of(peer ID) *queue {
	q := p.byPeer[peer]
	if q == nil {
		q = &queue{from: map[ID]uint64{}}
		p.byPeer[peer] = q
		p.order = append(p.order, peer)
	}
	return q
}

func (p *pushes) forgetPeer(peer ID) {
	if p.byPeer[peer] != nil {
		delete(p.byPeer, peer)
		p.order = slices.DeleteFunc(p.order, func(id ID) bool { return id == peer })
	}
}

func (p *pushes) forgetOwner(owner ID) {
	for _, q := range p.byPeer {
		delete(q.from, owner) // its place in order is passed over
	}
}

// add marks an owner as changed since a version.
func (q *queue) add(owner ID, since uint64) {
	was, queued := q.from[owner]
	if !queued {
		q.order = append(q.order, owner)
		was = since
	}
	q.from[owner] = min(was, since)
}

// fanout is on how many rings a change is passed on. Where the owner tells everyone
// itself, one is enough to make up for a lost packet.
func (c *Core) fanout() int {
	if c.direct() {
		return 1
	}
	return c.rings()
}

// MaxRings is the most that Config.Rings may be.
const MaxRings = 16

// rings is on how many rings this node has successors.
func (c *Core) rings() int {
	if c.cfg.Rings != 0 {
		return c.cfg.Rings
	}
	return ringsBySize(c.roster.Living())
}

// ringsBySize is on how many rings a change goes if nothing else is said. A change misses
// about n*loss^d of n members until repair finds them, so more members want another ring.
// Nodes that count differently for a while differ in one successor.
func ringsBySize(living int) int {
	if living <= 20_000 {
		return 3
	}
	return 4
}

func (c *Core) direct() bool { return c.roster.Living() <= c.cfg.DirectBelow }

// successors are whom this node passes things on to.
func (c *Core) successors() []ID { return c.roster.Successors(c.cfg.Self, c.fanout()) }

// targets are whom the own changes are pushed to.
func (c *Core) targets() []ID {
	if !c.direct() {
		return c.successors()
	}
	return slices.DeleteFunc(c.roster.All(), func(id ID) bool { return id == c.cfg.Self })
}

func (c *Core) pushOwn(since uint64) {
	if c.leaving {
		return
	}
	for _, peer := range c.targets() {
		c.pushes.of(peer).add(c.cfg.Self, since)
	}
}

// pushOn passes on what came from a peer.
func (c *Core) pushOn(owner ID, since uint64, from ID) {
	for _, peer := range c.successors() {
		if peer != from && peer != owner {
			c.pushes.of(peer).add(owner, since)
		}
	}
}

// meetPeers offers the own log to peers that became targets, and compares roots with
// members that came or came back: a newcomer and a healed partition are repaired now,
// not at the next tick.
func (c *Core) meetPeers() {
	if len(c.met) == 0 || c.leaving {
		return
	}
	targets := c.targets()
	for _, peer := range targets {
		if !slices.Contains(c.offered, peer) {
			c.pushes.of(peer).add(c.cfg.Self, 0)
		}
	}
	c.offered = targets
	for _, peer := range c.roster.Successors(c.cfg.Self, c.rings()) {
		if slices.Contains(c.met, peer) {
			c.askOfPresumed(peer)
			c.sendRoot(peer)
		}
	}
	c.met = nil
}

// flushPushes encodes what is queued, packing small deltas into common packets. What
// goes to several peers, as most does, is encoded once.
func (c *Core) flushPushes() {
	defer func() { c.encoded = nil }()
	for _, peer := range slices.Clone(c.pushes.order) {
		q := c.pushes.byPeer[peer]
		p := packer{core: c, to: peer}
		for _, g := range q.gone {
			p.add(appendGone(nil, g))
		}
		q.gone = nil
		for len(q.order) > 0 && p.total < c.cfg.FlushSize {
			owner := q.order[0]
			from, queued := q.from[owner]
			s := c.stateOf(owner)
			if !queued || s == nil || from >= s.version {
				q.order = q.order[1:]
				delete(q.from, owner)
				continue
			}
			e := c.encode(owner, s, from)
			p.add(e.part)
			q.from[owner] = e.to
		}
		p.flush(true)
		if len(q.order) > 0 {
			c.fx.More = true
		} else {
			c.pushes.forgetPeer(peer)
		}
	}
}

// encoded is a delta as it was encoded for a peer in this flush.
type encoded struct {
	owner    ID
	from, to uint64
	part     []byte // of a frame
}

// maxEncoded is how many deltas are kept for the next peer. A flush is of few, unless
// much differs, and then peers differ too.
const maxEncoded = 32

// encode returns the delta that chunk makes, as a part of a frame.
func (c *Core) encode(owner ID, s *state, from uint64) encoded {
	for i := range c.encoded {
		if e := &c.encoded[i]; e.owner == owner && e.from == from {
			return *e
		}
	}
	raw, to := c.chunk(owner, s, from)
	e := encoded{owner, from, to, appendBytes(make([]byte, 0, len(raw)+8), 1, raw)}
	if len(c.encoded) < maxEncoded {
		c.encoded = append(c.encoded, e)
	}
	return e
}

// chunk encodes one delta of at most ChunkSize or one entry, beginning at version
// from, and returns the version it reaches.
//
// A from below the state's gc is told apart by the receiver, who knows whether it
// began before the collection and asks anew.
func (c *Core) chunk(owner ID, s *state, from uint64) (raw []byte, to uint64) {
	body, last := c.body[:0], from
	to = s.version
	for _, e := range s.since(from) {
		if e.record == nil {
			continue
		}
		end := len(body)
		if body = c.writer.append(body, &e); len(body) > c.cfg.ChunkSize && end > 0 {
			body, to = body[:end], last
			break
		}
		last = e.version
	}
	c.body = body
	raw = appendDeltaHead(make([]byte, 0, maxDeltaHead+len(body)), owner, s, from, to)
	return append(raw, body...), to
}

// packer gathers parts of frames for one peer.
type packer struct {
	core    *Core
	to      ID
	limit   int    // bytes of a frame; PacketSize if 0
	answers uint64 // the pull that is answered, 0 if none
	buf     []byte
	total   int
	stream  bool // a frame went by stream: the rest must follow it there, in order
	cut     bool // the answer's limit was reached
}

// add appends a part, sending what is there first if both do not fit a frame.
func (p *packer) add(part []byte) {
	limit := p.limit
	if limit == 0 {
		limit = p.core.cfg.PacketSize
	}
	if len(p.buf) > 0 && len(p.buf)+len(part) > limit {
		p.flush(false)
	}
	p.buf = append(p.buf, part...)
	p.total += len(part)
}

// flush sends what is there. The last frame of an answer is sent even if empty.
func (p *packer) flush(last bool) {
	if p.answers != 0 && (last || len(p.buf) > 0) {
		p.buf = appendAnswer(p.buf, p.answers, last, p.cut && last)
	}
	if len(p.buf) == 0 {
		return
	}
	p.stream = p.stream || len(p.buf) > p.core.cfg.PacketSize
	p.core.fx.Sends = append(p.core.fx.Sends, Send{To: p.to, Frame: p.buf, Stream: p.stream})
	p.buf = nil
}
