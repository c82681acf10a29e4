package replica

// Size is what a core holds at a moment. At rest only Owners, Entries and Graves are
// above 0.
type Size struct {
	Owners  int // whose log is held, hidden ones and its own included
	Entries int // in those logs, tombstones included
	Graves  int // ids that are refused, because they left
	Staged  int // logs that are being gathered
	Pushes  int // owners that wait to be sent, once for each peer
	Pulls   int // owners that are to be asked for, or are asked for
}

// Size counts what is held. It takes time in proportion to the owners.
func (c *Core) Size() Size {
	s := Size{Owners: 1, Entries: c.own.len(), Graves: len(c.graves), Pulls: len(c.pulls.wanted)}
	for _, o := range c.owners {
		if o.cur != nil {
			s.Owners++
			s.Entries += o.cur.len()
		}
		if o.staged != nil {
			s.Staged++
		}
	}
	for _, q := range c.pushes.byPeer {
		s.Pushes += len(q.from) + len(q.gone)
	}
	return s
}
