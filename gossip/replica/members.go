package replica

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Membership is what the caller's failure detector says of a node.
//
//	Unknown --> Alive <--> Failed
//	Presumed --^    \-----------> (dropped)
//
// Only Alive nodes are sent to, and only their logs count in digests: a state that
// nobody living stands behind is kept by who has it, and spreads no further.
type Membership uint8

const (
	Unknown  Membership = iota // its log came before membership heard of it
	Presumed                   // restored from disk, not yet confirmed
	Alive
	Failed
)

// grave remembers that an owner left, so that no straggler's copy brings it back.
type grave struct {
	epoch  uint64 // the owner said itself that it left at this epoch; 0 if it did not
	closed bool   // membership says that it left, and not yet that it came back
	since  time.Time
}

// SetMember states what membership says of a node. Drop is for one that left.
func (c *Core) SetMember(now time.Time, id ID, m Membership) {
	c.now = now
	if id == c.cfg.Self {
		return
	}
	if g, ok := c.graves[id]; ok && m == Alive {
		g.closed = false
		c.graves[id] = g
	}
	if c.roster.Membership(id) == m {
		return
	}
	c.noteLived(id)
	c.setRoster(id, m)
	if m == Alive {
		c.met = append(c.met, id)
	} else {
		c.forgetPeer(id)
	}
	c.rehash(id)
}

// Drop forgets an owner that left or was replaced, and refuses what others know of
// it until it is alive again.
func (c *Core) Drop(now time.Time, id ID) {
	c.now = now
	// What it stated while it lived is void when it comes back: a peer that has not heard
	// of its leaving may still offer it then. A later epoch may be its return already.
	c.noteLived(id)
	epoch := uint64(0)
	if o := c.owners[id]; o != nil {
		epoch = o.lived
	}
	c.bury(id, epoch, true)
	c.setRoster(id, Unknown)
	c.forgetPeer(id)
	c.forget(id)
}

// ForgetUnclaimed forgets the logs of which membership knows no owner, as after Restore:
// they are of nodes that left since, or of which it was never told. Whoever lives has its
// log told by others; what is kept of the rest would only show when nothing hides it.
func (c *Core) ForgetUnclaimed(now time.Time) {
	c.now = now
	for _, id := range c.ownerIDs() {
		if c.roster.Membership(id) == Unknown {
			c.forget(id)
		}
	}
}

// setRoster keeps the sum of the living in step with the roster.
func (c *Core) setRoster(id ID, m Membership) {
	if was := c.roster.Membership(id); (was == Alive) != (m == Alive) {
		c.living ^= livingHash(id)
	}
	c.roster.Set(id, m)
}

// Living sums up who is alive, this node included. It is equal, but for one chance in
// 2^64, for those who hold the same nodes to be alive, and never 0 for them.
func (c *Core) Living() uint64 { return c.living }

func livingHash(id ID) uint64 { return ringHash(id, 1<<33) }

// noteLived is called before a node's membership changes.
func (c *Core) noteLived(id ID) {
	if o := c.owners[id]; o != nil && o.cur != nil && c.roster.Membership(id) == Alive {
		o.lived = o.cur.epoch
	}
}

// Leave tells the peers that this node leaves for good with what it registered.
func (c *Core) Leave(now time.Time) {
	c.now = now
	c.leaving = true
	c.rehash(c.cfg.Self)
	c.pushes.forgetOwner(c.cfg.Self)
	for _, peer := range c.targets() {
		q := c.pushes.of(peer)
		q.gone = append(q.gone, gone{c.cfg.Self, c.own.epoch})
	}
}

func (c *Core) receiveGone(from ID, g gone) {
	if !c.plausible(g.epoch) {
		c.refuse(from, g.owner, fmt.Errorf("it is said to have left at epoch %d, years ahead", g.epoch))
		return
	}
	if g.owner == c.cfg.Self {
		if g.epoch >= c.own.epoch && !c.leaving {
			c.raiseEpoch(g.epoch) // somebody is wrong: we are here
		}
		return
	}
	o := c.owners[g.owner]
	known := o != nil && (o.cur != nil || o.staged != nil)
	if known && o.cur != nil && o.cur.epoch > g.epoch || !known && c.buriedAt(g.owner, g.epoch) {
		return // it came back since, or this is no news
	}
	c.bury(g.owner, g.epoch, false)
	if known {
		c.empty(o)
	}
	for _, peer := range c.successors() {
		if peer != from && peer != g.owner {
			q := c.pushes.of(peer)
			q.gone = append(q.gone, g)
		}
	}
}

// bury notes that an owner left.
func (c *Core) bury(id ID, epoch uint64, closed bool) {
	g, ok := c.graves[id]
	if !ok && len(c.graves) >= c.cfg.MaxOwners {
		return
	}
	c.graves[id] = grave{max(g.epoch, epoch), g.closed || closed, c.now}
}

// buriedAt reports whether a state of that epoch is refused.
func (c *Core) buriedAt(id ID, epoch uint64) bool {
	g, ok := c.graves[id]
	return ok && (g.closed || epoch <= g.epoch)
}

// empty forgets what is known of an owner; its membership is not replication's to end.
func (c *Core) empty(o *owner) {
	c.unhash(o.id)
	c.pushes.forgetOwner(o.id)
	delete(c.pulls.wanted, o.id)
	o.cur, o.staged = nil, nil
	c.fx.Changes = append(c.fx.Changes, Change{Owner: o.id, Reset: true})
}

// forget removes an owner as if it had never been.
func (c *Core) forget(id ID) {
	if o := c.owners[id]; o != nil {
		c.empty(o)
		delete(c.owners, id)
	}
	c.fx.Changes = append(c.fx.Changes, Change{Owner: id, Dropped: true})
}

func (c *Core) forgetPeer(id ID) {
	is := func(m ID) bool { return m == id }
	c.met, c.offered = slices.DeleteFunc(c.met, is), slices.DeleteFunc(c.offered, is)
	c.pushes.forgetPeer(id)
	c.pulls.forgetPeer(id)
}

func (c *Core) addOwner(id ID) *owner {
	o := &owner{id: id, since: c.now}
	c.owners[id] = o
	return o
}

// expire forgets what nobody stands behind any more.
func (c *Core) expire() {
	var stale []ID
	for id, o := range c.owners {
		if c.roster.Membership(id) == Unknown && c.elapsed(o.since, c.cfg.ProvisionalTTL) {
			stale = append(stale, id)
		}
		if o.staged != nil && c.elapsed(o.staged.last, stagingIdle) {
			o.staged = nil // nobody has the rest: what is complete elsewhere counts again
		}
	}
	slices.SortFunc(stale, compareIDs)
	for _, id := range stale {
		c.forget(id)
	}
	for id, g := range c.graves {
		if c.now.Sub(g.since) >= c.cfg.GraveTTL {
			delete(c.graves, id)
		}
	}
}

// elapsed reports whether a span has passed since a time. If the clock was set back to
// before it, nobody knows, and the wait ends rather than last as long as the clock was
// set back; what a grave keeps out must not come in for that, so graves are not asked.
func (c *Core) elapsed(since time.Time, span time.Duration) bool {
	d := c.now.Sub(since)
	return d >= span || d < 0
}

// ownerIDs returns the other owners in an order that is the same in every run.
func (c *Core) ownerIDs() []ID {
	return slices.SortedFunc(maps.Keys(c.owners), compareIDs)
}

func compareIDs(a, b ID) int { return bytes.Compare(a[:], b[:]) }
