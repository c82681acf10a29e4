package replica

// Size is what a core holds at a moment. At rest only Owners, Entries, Graves and
// LogPlaces are above 0.
type Size struct {
	Owners  int // whose log is held, hidden ones and its own included
	Entries int // in those logs, tombstones included
	Graves  int // ids that are refused, because they left
	Staged  int // logs that are being gathered
	Pushes  int // owners that wait to be sent, once for each peer
	Pulls   int // owners that are to be asked for, or are asked for

	StagedEntries int // in the logs that are being gathered
	LogPlaces     int // in all logs, superseded entries included
	QueuePlaces   int // in the queues of pushes and pulls, given up ones included
}

// Size counts what is held. It takes time in proportion to the owners.
func (c *Core) Size() Size {
	s := Size{Owners: 1, Entries: c.own.len(), Graves: len(c.graves), Pulls: len(c.pulls.wanted), LogPlaces: len(c.own.log)}
	for _, o := range c.owners {
		if o.cur != nil {
			s.Owners++
			s.Entries += o.cur.len()
			s.LogPlaces += len(o.cur.log)
		}
		if o.staged != nil {
			s.Staged++
			s.StagedEntries += o.staged.len()
			s.LogPlaces += len(o.staged.log)
		}
	}
	for _, q := range c.pushes.byPeer {
		s.Pushes += len(q.from) + len(q.gone)
		s.QueuePlaces += len(q.order)
	}
	for _, p := range c.pulls.byPeer {
		s.QueuePlaces += len(p.queue) + len(p.asked)
	}
	return s
}

// Head says how far an owner's log is held whole, this node's own included; ok is false
// if nothing is.
func (c *Core) Head(owner ID) (epoch, version uint64, ok bool) {
	s := c.stateOf(owner)
	if s == nil {
		return 0, 0, false
	}
	return s.epoch, s.version, true
}

// Digest sums up the heads of the living owners. It is equal, but for one chance in
// 2^64, for those who hold the same logs of them.
func (c *Core) Digest() uint64 { return c.digest.root }
