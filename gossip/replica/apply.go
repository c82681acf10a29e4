package replica

import (
	"errors"
	"fmt"
)

// errGap says that a delta begins beyond what is known: what lies between must be
// pulled first.
var errGap = errors.New("a delta that begins beyond what is known")

// receiveDelta applies a delta from a peer and passes on what was new in it.
func (c *Core) receiveDelta(from ID, d *delta, answer bool) {
	if !c.plausible(d.epoch) {
		c.refuse(from, d.owner, fmt.Errorf("an epoch of %d, years ahead", d.epoch))
		return
	}
	if d.owner == c.cfg.Self {
		c.heardOfSelf(d.epoch, d.head)
		return
	}
	if c.buriedAt(d.owner, d.epoch) {
		c.stats.DeltasOld++
		return
	}
	o := c.owners[d.owner]
	if o == nil {
		if len(c.owners) >= c.cfg.MaxOwners {
			c.refuse(from, d.owner, fmt.Errorf("more than %d owners", c.cfg.MaxOwners))
			return
		}
		o = c.addOwner(d.owner)
	}
	if !o.barred.IsZero() && !c.elapsed(o.barred, c.cfg.QuarantineTTL) {
		c.stats.Refused++
		return
	}
	since, fresh, err := c.take(o, d)
	switch {
	case errors.Is(err, errGap):
		c.stats.DeltasGap++
		c.want(from, d.owner, d.epoch, d.head, !answer)
	case err != nil:
		o.barred = c.now
		o.staged = nil
		c.stats.Quarantined++
		c.refuse(from, d.owner, err)
	case !fresh:
		c.stats.DeltasOld++
		if o.staged != nil && from == o.id && d.epoch < o.staged.epoch {
			// The owner does not know of a later epoch of its own: it will raise its.
			c.send(from, encodeHeads(&heads{heads: []head{{o.id, o.staged.epoch, o.staged.version}}}))
		}
	default:
		c.stats.DeltasNew++
		c.progressed(from, o, d)
		if o.staged == nil && (!answer || c.forwards(o.id)) {
			c.pushOn(o.id, since, from)
		}
	}
}

// heardOfSelf deals with what a peer remembers of this node. Only a state ahead of
// ours says something: that we were set back.
func (c *Core) heardOfSelf(epoch, version uint64) {
	if newer(epoch, version, c.own.epoch, c.own.version) && c.plausible(epoch) && !c.leaving {
		c.raiseEpoch(epoch)
	}
}

// take applies a delta to an owner. It returns the version that the owner had before
// in that epoch (0 if all is new) and whether anything was new. On an error nothing
// is changed.
func (c *Core) take(o *owner, d *delta) (since uint64, fresh bool, err error) {
	cur, staged := o.cur, o.staged
	if cur != nil && d.epoch < cur.epoch || staged != nil && d.epoch < staged.epoch {
		return 0, false, nil
	}
	if cur != nil && d.epoch == cur.epoch && (d.from != 0 || cur.version >= d.gc) {
		// Below gc, keys deleted since may be missing from the delta.
		if d.from <= cur.version && cur.version >= d.gc {
			return c.advance(o, d)
		}
		if staged == nil || d.from > staged.version {
			return 0, false, errGap
		}
	}
	return c.stage(o, d)
}

// advance applies a delta that continues the present state.
func (c *Core) advance(o *owner, d *delta) (uint64, bool, error) {
	s := o.cur
	since := s.version
	if d.to <= since {
		s.collect(min(d.gc, since))
		return 0, false, nil
	}
	ch := Change{Owner: o.id, Raw: append([]byte(nil), d.raw...)}
	values, err := c.validate(o.id, s, d)
	if err != nil {
		return 0, false, err
	}
	for i := range d.entries {
		w := &d.entries[i]
		if w.version <= since {
			continue
		}
		s.set(w.version, c.record(w, values[i]))
		ch.Entries = append(ch.Entries, ChangedEntry{w.key, values[i], w.deleted})
	}
	s.version = d.to
	s.collect(d.gc)
	if o.staged != nil && o.staged.epoch == s.epoch && s.version >= o.staged.goal {
		o.staged = nil // overtaken
	}
	c.fx.Changes = append(c.fx.Changes, ch)
	c.rehash(o.id)
	return since, true, nil
}

// stage applies a delta to the state that will replace the present one, and replaces
// it when it is complete.
func (c *Core) stage(o *owner, d *delta) (uint64, bool, error) {
	t := o.staged
	if t != nil && (t.epoch < d.epoch || t.gc < d.gc && t.version < d.gc) {
		t = nil // begun before a later epoch, or before what it lacks was collected
	}
	if t == nil {
		if d.from != 0 {
			return 0, false, errGap
		}
		t = &staging{state: newState(d.epoch), goal: d.head, begun: c.now}
		t.gc = d.gc
	}
	if d.from > t.version {
		return 0, false, errGap
	}
	if d.head < t.gc {
		return 0, false, nil // its sender lacks deletions that t's first chunk left out
	}
	if d.to <= t.version && d.to != 0 {
		return 0, false, nil
	}
	values, err := c.validate(o.id, t.state, d)
	if err != nil {
		return 0, false, err
	}
	for i := range d.entries {
		w := &d.entries[i]
		if w.version > t.version {
			t.set(w.version, c.record(w, values[i]))
		}
	}
	t.version = max(t.version, d.to)
	t.last = c.now
	if c.now.Sub(t.begun) < goalMoves {
		// What changed since the first chunk may have moved beyond its head.
		t.goal = max(t.goal, d.head)
	}
	o.staged = t
	ch := Change{Owner: o.id, Raw: append([]byte(nil), d.raw...)}
	if t.version >= t.goal {
		c.stats.Resets++
		t.compact()
		o.cur, o.staged = t.state, nil
		ch.Reset = true
		for i := range t.log {
			if e := &t.log[i]; !e.deleted() {
				ch.Entries = append(ch.Entries, ChangedEntry{Key: e.record.Key(), Value: e.value()})
			}
		}
		c.rehash(o.id)
	}
	c.fx.Changes = append(c.fx.Changes, ch)
	return 0, true, nil
}

// validate reads the entries of a delta, and asks for every one that is new to s.
func (c *Core) validate(id ID, s *state, d *delta) ([]any, error) {
	if s.len()+d.count > c.cfg.MaxEntries {
		return nil, fmt.Errorf("more than %d entries", c.cfg.MaxEntries)
	}
	if err := d.readEntries(); err != nil {
		return nil, err
	}
	values := make([]any, len(d.entries))
	for i := range d.entries {
		w := &d.entries[i]
		if w.deleted || w.version <= s.version {
			continue
		}
		v, err := c.cfg.Validate(id, w.key, w.payload)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// record returns how a received entry is kept.
func (c *Core) record(w *wireEntry, value any) Record {
	if w.deleted {
		return &tombstone{w.key}
	}
	return keep(w.key, w.payload, value, c.body)
}
