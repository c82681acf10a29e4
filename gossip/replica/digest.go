package replica

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// digest sums up (owner, epoch, version) of every living owner, itself included. It
// is kept up to date with each change, at no cost that grows with the cluster.
type digest struct {
	root    uint64
	buckets [buckets]uint64
	owners  int
	self    uint64 // this node's own part
}

// smallCluster is up to how many owners a mismatch is answered with all heads at
// once: they are no larger than the bucket hashes would be.
const smallCluster = 64

func bucketOf(id ID) int { return int(ringHash(id, 1<<32) >> 56) }

func headHash(id ID, s *state) uint64 {
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	return mix(mix(mix(hi^mix(lo))^s.epoch)^s.version) | 1 // never 0, which means none
}

// part is the owner's place in the digest.
func (c *Core) part(id ID) *uint64 {
	if id == c.cfg.Self {
		return &c.digest.self
	}
	return &c.owners[id].hash
}

// rehash brings the digest up to date with an owner's state and membership.
func (c *Core) rehash(id ID) {
	c.unhash(id)
	s := c.stateOf(id)
	if s == nil || id != c.cfg.Self && c.roster.Membership(id) != Alive || id == c.cfg.Self && c.leaving {
		return
	}
	h := headHash(id, s)
	*c.part(id) = h
	c.digest.root ^= h
	c.digest.buckets[bucketOf(id)] ^= h
	c.digest.owners++
}

func (c *Core) unhash(id ID) {
	if id != c.cfg.Self && c.owners[id] == nil {
		return
	}
	p := c.part(id)
	if *p == 0 {
		return
	}
	c.digest.root ^= *p
	c.digest.buckets[bucketOf(id)] ^= *p
	c.digest.owners--
	*p = 0
}

// compareRoots sends the root to the next of the ring successors.
func (c *Core) compareRoots() {
	if peers := c.roster.Successors(c.cfg.Self, c.rings()); len(peers) > 0 && !c.leaving {
		peer := peers[c.ticks%uint64(len(peers))]
		c.askOfPresumed(peer)
		c.sendRoot(peer)
	}
}

func (c *Core) sendRoot(to ID) {
	c.stats.Roots++
	c.send(to, encodeRoot(root{c.digest.root, uint64(c.digest.owners), c.living}))
}

func (c *Core) receiveRoot(from ID, r *root) {
	if r.living != 0 && r.living != c.living && !c.leaving {
		c.stats.Estranged++
		c.fx.Estranged = append(c.fx.Estranged, from)
	}
	c.lag.hear(c.now, r.hash == c.digest.root)
	if r.hash == c.digest.root {
		return
	}
	c.stats.Mismatches++
	if c.digest.owners > smallCluster || r.owners > smallCluster {
		// The peer's root is as good a salt as any: it differs as often as the digests do.
		c.send(from, encodeBuckets(c.digest.salted(r.hash^c.ticks)))
		return
	}
	all := &heads{}
	for i := range buckets {
		all.cover(i)
	}
	c.sendHeads(from, all)
}

// salted cuts the buckets to what is sent of them.
func (d *digest) salted(salt uint64) *bucketHashes {
	out := &bucketHashes{salt: salt}
	for i, h := range d.buckets {
		out.hashes[i] = uint32(mix(h^salt)) >> (32 - 8*bucketHashSize)
	}
	return out
}

func (c *Core) receiveBuckets(from ID, theirs *bucketHashes) {
	differing := &heads{}
	ours := c.digest.salted(theirs.salt)
	for i, h := range theirs.hashes {
		if h != ours.hashes[i] {
			differing.cover(i)
		}
	}
	c.sendHeads(from, differing)
}

// listed returns the heads of the living owners in the buckets that h covers, but for
// those in except, by bucket and id.
func (c *Core) listed(h *heads, except map[ID]struct{}) []head {
	var list []head
	add := func(id ID, s *state, part uint64) {
		if _, ok := except[id]; !ok && part != 0 && h.has(bucketOf(id)) {
			list = append(list, head{id, s.epoch, s.version})
		}
	}
	add(c.cfg.Self, c.own, c.digest.self)
	for id, o := range c.owners {
		add(id, o.cur, o.hash)
	}
	slices.SortFunc(list, func(a, b head) int {
		return cmp.Or(bucketOf(a.owner)-bucketOf(b.owner), compareIDs(a.owner, b.owner))
	})
	return list
}

// askOfPresumed names the owners that were brought back from disk and are not met yet:
// whoever knows that one of them left will say so.
func (c *Core) askOfPresumed(peer ID) {
	ask := &heads{} // covers nothing
	for _, id := range c.ownerIDs() {
		if s := c.owners[id].cur; s != nil && c.roster.Membership(id) == Presumed {
			ask.heads = append(ask.heads, head{id, s.epoch, s.version})
		}
	}
	for list := range slices.Chunk(ask.heads, headsPerFrame) {
		c.send(peer, encodeHeads(&heads{heads: list}))
	}
}

// headsPerFrame keeps a frame of heads within one chunk.
const headsPerFrame = 1500

// sendHeads lists the living owners in the buckets that h covers, in as many frames
// as it takes; each frame covers whole buckets.
func (c *Core) sendHeads(to ID, h *heads) {
	list := c.listed(h, nil)
	part := &heads{}
	for i := range buckets {
		if !h.has(i) {
			continue
		}
		n := 0
		for n < len(list) && bucketOf(list[n].owner) == i {
			n++
		}
		if len(part.heads)+n > headsPerFrame && len(part.heads) > 0 {
			c.send(to, encodeHeads(part))
			part = &heads{}
		}
		part.cover(i)
		part.heads = append(part.heads, list[:n]...)
		list = list[n:]
	}
	c.send(to, encodeHeads(part))
}

// receiveHeads pulls what the peer is ahead with, and offers what it lacks.
func (c *Core) receiveHeads(from ID, h *heads) {
	listed := make(map[ID]struct{}, len(h.heads))
	offer := &heads{} // covers nothing: an answer
	for _, x := range h.heads {
		listed[x.owner] = struct{}{}
		if !c.plausible(x.epoch) {
			c.refuse(from, x.owner, fmt.Errorf("an epoch of %d, years ahead", x.epoch))
			continue
		}
		if x.owner != c.cfg.Self && c.buriedAt(x.owner, x.epoch) {
			q := c.pushes.of(from)
			q.gone = append(q.gone, gone{x.owner, max(x.epoch, c.graves[x.owner].epoch)})
			continue
		}
		s := c.stateOf(x.owner)
		switch {
		case x.owner == c.cfg.Self && newer(x.epoch, x.version, s.epoch, s.version):
			c.heardOfSelf(x.epoch, x.version)
		case s == nil || newer(x.epoch, x.version, s.epoch, s.version):
			c.want(from, x.owner, x.epoch, x.version, false)
		case !newer(s.epoch, s.version, x.epoch, x.version):
		case s.epoch == x.epoch:
			c.pushes.of(from).add(x.owner, x.version)
		default:
			offer.heads = append(offer.heads, head{x.owner, s.epoch, s.version})
		}
	}
	offer.heads = append(offer.heads, c.listed(h, listed)...)
	for list := range slices.Chunk(offer.heads, headsPerFrame) {
		c.send(from, encodeHeads(&heads{heads: list}))
	}
}
