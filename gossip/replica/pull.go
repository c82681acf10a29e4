package replica

import (
	"slices"
	"time"
)

// pulls are the owners to be asked for. At most one pull is under way with each peer,
// and each answer is bounded, so both sides hold a bounded amount whatever is missing;
// the next pull begins where the last answer ended, at this peer or another.
type pulls struct {
	wanted map[ID]*wanted
	byPeer map[ID]*session
	order  []ID // of peers, so that every run is the same
	number uint64
}

// wanted is an owner known to be ahead elsewhere.
type wanted struct {
	peer           ID
	epoch, version uint64
	forward        bool // a push told of it: pass it on when it is here
	progress       bool // something came since it was last asked for
}

// session is what is asked of one peer.
type session struct {
	queue  []ID // to be asked for
	asked  []ID // in the pull that is under way
	number uint64
	heard  time.Time // when that one was sent or last answered; zero if none is under way
}

func (p *pulls) of(peer ID) *session {
	s := p.byPeer[peer]
	if s == nil {
		s = &session{}
		p.byPeer[peer] = s
		p.order = append(p.order, peer)
	}
	return s
}

// forgetPeer gives up what is asked of a peer. Whatever it was to give will be found
// missing again.
func (p *pulls) forgetPeer(peer ID) {
	s := p.byPeer[peer]
	if s == nil {
		return
	}
	for _, id := range slices.Concat(s.queue, s.asked) {
		if w := p.wanted[id]; w != nil && w.peer == peer {
			delete(p.wanted, id)
		}
	}
	delete(p.byPeer, peer)
	p.order = slices.DeleteFunc(p.order, func(id ID) bool { return id == peer })
}

// Pulling reports whether something is known to be missing here and is asked for.
func (c *Core) Pulling() bool { return len(c.pulls.wanted) > 0 }

// want notes that a peer is at (epoch, version) of an owner.
func (c *Core) want(peer, owner ID, epoch, version uint64, forward bool) {
	if c.roster.Membership(peer) != Alive {
		return // it cannot be asked
	}
	if w := c.pulls.wanted[owner]; w != nil {
		if newer(epoch, version, w.epoch, w.version) {
			w.epoch, w.version = epoch, version
		}
		w.forward = w.forward || forward
		return
	}
	if len(c.pulls.wanted) >= c.cfg.MaxOwners {
		return
	}
	c.pulls.wanted[owner] = &wanted{peer: peer, epoch: epoch, version: version, forward: forward}
	s := c.pulls.of(peer)
	s.queue = append(s.queue, owner)
}

// forwards reports whether an owner that is being pulled is to be passed on.
func (c *Core) forwards(owner ID) bool {
	w := c.pulls.wanted[owner]
	return w != nil && w.forward
}

// progressed notes that something new of an owner has come.
func (c *Core) progressed(peer ID, o *owner, d *delta) {
	w := c.pulls.wanted[o.id]
	if w == nil {
		return
	}
	w.progress = true
	if peer == w.peer && newer(d.epoch, d.head, w.epoch, w.version) {
		w.epoch, w.version = d.epoch, d.head
	}
}

// satisfied reports whether what was wanted is here.
func (c *Core) satisfied(owner ID, w *wanted) bool {
	s := c.stateOf(owner)
	return s != nil && !newer(w.epoch, w.version, s.epoch, s.version)
}

// issuePulls asks every peer with which no pull is under way.
func (c *Core) issuePulls() {
	for _, peer := range slices.Clone(c.pulls.order) {
		s := c.pulls.byPeer[peer]
		if !s.heard.IsZero() {
			continue
		}
		p := &pull{}
		for len(s.queue) > 0 && len(p.wants) < c.cfg.PullBatch {
			id := s.queue[0]
			s.queue = s.queue[1:]
			w := c.pulls.wanted[id]
			if w == nil || w.peer != peer {
				continue
			}
			if c.satisfied(id, w) {
				delete(c.pulls.wanted, id)
				continue
			}
			w.progress = false
			s.asked = append(s.asked, id)
			p.wants = append(p.wants, c.have(id))
		}
		if len(p.wants) == 0 {
			c.pulls.forgetPeer(peer)
			continue
		}
		c.pulls.number++
		p.number = c.pulls.number
		s.number, s.heard = p.number, c.now
		c.stats.Pulls++
		c.send(peer, encodePull(p))
	}
}

// have says from where on an owner is wanted: a state that is being gathered goes on
// where it stopped.
func (c *Core) have(id ID) want {
	o := c.owners[id]
	switch {
	case o == nil:
		return want{owner: id}
	case o.staged != nil:
		return want{id, o.staged.epoch, o.staged.version, o.staged.gc}
	case o.cur != nil:
		return want{id, o.cur.epoch, o.cur.version, o.cur.gc}
	}
	return want{owner: id}
}

// answered takes note of a frame that answers a pull.
//
// An answer that was cut by its limit says nothing of the owners it did not come to;
// they are asked for again, unless it brought nothing at all.
func (c *Core) answered(peer ID, number uint64, last, cut bool) {
	s := c.pulls.byPeer[peer]
	if s == nil || s.number != number || s.heard.IsZero() {
		return
	}
	s.heard = c.now
	if !last {
		return
	}
	progress := false
	for _, id := range s.asked {
		w := c.pulls.wanted[id]
		progress = progress || w == nil || w.progress
	}
	for _, id := range s.asked {
		w := c.pulls.wanted[id]
		switch {
		case w == nil || w.peer != peer:
		case c.satisfied(id, w):
			delete(c.pulls.wanted, id)
		case w.progress || cut && progress:
			s.queue = append(s.queue, id)
		default: // the peer could not give it
			delete(c.pulls.wanted, id)
		}
	}
	s.asked, s.heard = nil, time.Time{}
}

// expirePulls gives up on peers that went silent.
func (c *Core) expirePulls() {
	for _, peer := range slices.Clone(c.pulls.order) {
		if s := c.pulls.byPeer[peer]; !s.heard.IsZero() && c.elapsed(s.heard, c.cfg.PullTimeout) {
			c.stats.PullsTimedOut++
			c.pulls.forgetPeer(peer)
		}
	}
}

// receivePull answers with deltas, as far as AnswerSize goes.
func (c *Core) receivePull(from ID, p *pull) {
	if p.number == 0 {
		return // no answer could be told from a push
	}
	out := packer{core: c, to: from, answers: p.number, limit: c.cfg.ChunkSize}
	for _, w := range p.wants {
		s := c.stateOf(w.owner)
		if s == nil || !newer(s.epoch, s.version, w.epoch, w.version) {
			continue
		}
		at := w.version
		if w.epoch != s.epoch || w.version < s.gc && w.gc < s.gc {
			at = 0
		}
		for at < s.version || at == 0 {
			if out.total >= c.cfg.AnswerSize {
				out.cut = true
				break
			}
			raw, to := c.chunk(w.owner, s, at)
			out.add(appendBytes(nil, 1, raw))
			if at = to; to == 0 {
				break
			}
		}
	}
	out.flush(true)
}
