package replica

// change is an entry as the models of the tests write it down.
type change struct {
	key     string
	version uint64
	payload string
	deleted bool
}

func (c change) entry() entry {
	if c.deleted {
		return entry{c.version, &tombstone{c.key}}
	}
	return entry{c.version, &raw{key: c.key, payload: c.payload}}
}

func (e *entry) change() change {
	return change{e.record.Key(), e.version, string(e.record.AppendPayload(nil)), e.deleted()}
}

func (s *state) put(c change) { s.set(c.version, c.entry().record) }

// changes are the entries of a log that are not superseded.
func changes(log []entry) []change {
	var list []change
	for i := range log {
		if log[i].record != nil {
			list = append(list, log[i].change())
		}
	}
	return list
}

func entries(list ...change) []entry {
	out := make([]entry, len(list))
	for i, c := range list {
		out[i] = c.entry()
	}
	return out
}

// byKey is what a state has, as its index finds it.
func (s *state) byKey() map[string]change {
	m := map[string]change{}
	for _, c := range changes(s.log) {
		if e := s.get(c.key); e != nil {
			m[c.key] = e.change()
		}
	}
	return m
}

// encodeDelta writes a delta of entries that need not be a state's own.
func encodeDelta(owner ID, s *state, from, to uint64, list []entry) []byte {
	var w entryWriter
	b := appendDeltaHead(nil, owner, s, from, to)
	for i := range list {
		if list[i].record != nil {
			b = w.append(b, &list[i])
		}
	}
	return b
}

// appendDelta writes it as a field of a frame.
func appendDelta(b []byte, owner ID, s *state, from, to uint64, list []entry) []byte {
	return appendBytes(b, 1, encodeDelta(owner, s, from, to, list))
}
