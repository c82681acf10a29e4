package replica

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// log is what one owner did over a few epochs, as the model of what its deltas come to.
type log struct {
	owner  ID
	epochs []logEpoch
}

type logEpoch struct {
	epoch   uint64
	changes []change // of version 1, 2, ...
	gcs     []uint64 // how far tombstones were collected, one time and another
	said    history
}

func randomLog(rng *rand.Rand) *log {
	l := &log{owner: ID{1}}
	for i := range uint64(1 + rng.IntN(3)) {
		e := logEpoch{epoch: 7 + i, gcs: []uint64{0}, said: history{}}
		present := map[string]bool{}
		for range 1 + rng.IntN(20) {
			key := fmt.Sprint("s/", rng.IntN(6))
			c := change{key: key, version: uint64(len(e.changes)) + 1, deleted: present[key] && rng.IntN(2) == 0}
			if !c.deleted {
				c.payload = fmt.Sprint(rng.Uint32())
			}
			present[key] = !c.deleted
			e.changes = append(e.changes, c)
			e.said.add(c)
			if rng.IntN(8) == 0 {
				e.gcs = append(e.gcs, c.version)
			}
		}
		l.epochs = append(l.epochs, e)
	}
	return l
}

// at is the state of who has seen all up to a version, and of collections the one gc.
func (e *logEpoch) at(version, gc uint64) *state {
	s := newState(e.epoch)
	for _, c := range e.changes[:version] {
		s.put(c)
	}
	s.version = version
	s.collect(gc)
	return s
}

// anyone is the state at some replica, at some time.
func (e *logEpoch) anyone(rng *rand.Rand) *state {
	version := uint64(rng.IntN(len(e.changes) + 1))
	gc := e.gcs[rng.IntN(len(e.gcs))]
	if gc > version {
		gc = 0
	}
	return e.at(version, gc)
}

// final is the owner's own state at the end.
func (l *log) final() *state {
	e := &l.epochs[len(l.epochs)-1]
	return e.at(uint64(len(e.changes)), slices.Max(e.gcs))
}

// deltas splits what a state has to say since a version at random.
func (l *log) deltas(rng *rand.Rand, s *state, since uint64) (raws [][]byte) {
	for {
		list, to := changes(s.since(since)), s.version
		if n := rng.IntN(6) + 1; n < len(list) {
			list, to = list[:n], list[n-1].version
		}
		raws = append(raws, encodeDelta(l.owner, s, since, to, entries(list...)))
		if since = to; since == s.version {
			return raws
		}
	}
}

// pool is deltas from several peers in all stages of knowledge, the owner's own among
// them, so that everything can be known from them.
func (l *log) pool(rng *rand.Rand) (raws [][]byte) {
	raws = l.deltas(rng, l.final(), 0)
	for range rng.IntN(6) {
		s := l.epochs[rng.IntN(len(l.epochs))].anyone(rng)
		raws = append(raws, l.deltas(rng, s, uint64(rng.IntN(2)*rng.IntN(int(s.version)+1)))...)
	}
	return raws
}

// merger is a replica of the one owner, held to the model after each delta.
type merger struct {
	*Core
	t    *testing.T
	log  *log
	now  time.Time
	view map[string]string // by the changes it told of
}

func newMerger(t *testing.T, l *log, self byte) *merger {
	m := &merger{t: t, log: l, now: time.Unix(1_700_000_000, 0), view: map[string]string{}}
	var err error
	if m.Core, err = New(Config{Self: ID{self}, Epoch: 1}, m.now); err != nil {
		t.Fatal(err)
	}
	return m
}

// merge takes a delta, from a peer or from disk, and reports whether it changed anything.
func (m *merger) merge(rng *rand.Rand, raw []byte) bool {
	var before want
	if s := m.stateOf(m.log.owner); s != nil {
		before = want{epoch: s.epoch, version: s.version, gc: s.gc}
	}
	if rng.IntN(4) == 0 {
		if err := m.Restore(m.now, raw); err != nil {
			m.t.Errorf("restoring: %v", err)
		}
	} else {
		m.Receive(m.now, ID{byte(100 + rng.IntN(3))}, appendBytes(nil, 1, raw))
	}
	fx := m.Flush()
	for _, f := range fx.Faults {
		m.t.Errorf("refused: %v", f.Err)
	}
	s := m.stateOf(m.log.owner)
	if s == nil {
		return len(fx.Changes) > 0
	}
	if len(fx.Changes) == 0 && before == (want{epoch: s.epoch, version: s.version, gc: s.gc}) {
		return false // as it was, which was looked at then
	}
	if newer(before.epoch, before.version, s.epoch, s.version) {
		m.t.Errorf("it went back from %d.%d to %d.%d", before.epoch, before.version, s.epoch, s.version)
	}
	for _, e := range m.log.epochs {
		if e.epoch != s.epoch {
			continue
		}
		if err := e.said.holds(s); err != nil {
			m.t.Errorf("at %d.%d: %v", s.epoch, s.version, err)
		}
	}
	m.tell(fx.Changes, s)
	return len(fx.Changes) > 0
}

// tell keeps what one is told in changes, which must be what the state has.
func (m *merger) tell(changes []Change, s *state) {
	for _, ch := range changes {
		if ch.Reset {
			clear(m.view)
		}
		for _, e := range ch.Entries {
			if e.Deleted {
				delete(m.view, e.Key)
			} else {
				m.view[e.Key] = s.text(e.Key)
			}
		}
	}
	present := 0
	for key, e := range s.byKey() {
		if e.deleted {
			continue
		}
		if present++; m.view[key] != e.payload {
			m.t.Errorf("%q is %q, told was %q", key, e.payload, m.view[key])
		}
	}
	if present != len(m.view) {
		m.t.Errorf("%d entries are there, told was of %v", present, m.view)
	}
}

// TestMergingIsCommutativeAssociativeAndIdempotent has three replicas take the same
// deltas, each in its own order and some of them again and again, and deltas of one
// another's states meanwhile. When nothing brings anything new any more, all must have
// what the owner has. COVEY_TEST_SEEDS sets how many cases; a failure names its seed.
func TestMergingIsCommutativeAssociativeAndIdempotent(t *testing.T) {
	cases := 100_000
	if raced || testing.Short() {
		cases = 5_000 // there is one goroutine: the detector has nothing to find, and takes ten times as long
	}
	if n, err := strconv.Atoi(os.Getenv("COVEY_TEST_SEEDS")); err == nil {
		cases = n
	}
	const each = 1000
	var staged atomic.Int64
	t.Run("seeds", func(t *testing.T) {
		for first := 0; first < cases; first += each {
			t.Run(fmt.Sprint(first), func(t *testing.T) {
				t.Parallel()
				for seed := first; seed < min(first+each, cases) && !t.Failed(); seed++ {
					staged.Add(int64(mergeCase(t, uint64(seed))))
					if t.Failed() {
						t.Errorf("that was seed %d", seed)
					}
				}
			})
		}
	})
	if staged.Load() == 0 && cases >= 100 {
		t.Error("no state came in more than one delta")
	}
}

// mergeCase is one case. It returns how often a state was half gathered.
func mergeCase(t *testing.T, seed uint64) (staged int) {
	rng := rand.New(rand.NewPCG(seed, 2))
	l := randomLog(rng)
	pool := l.pool(rng)
	replicas := []*merger{newMerger(t, l, 11), newMerger(t, l, 12), newMerger(t, l, 13)}
	for range 3 * len(pool) {
		m := replicas[rng.IntN(3)]
		m.now = m.now.Add(time.Duration(rng.IntN(1000)) * time.Millisecond) // past what moves a staging's goal
		raw := pool[rng.IntN(len(pool))]
		if s := replicas[rng.IntN(3)].stateOf(l.owner); s != nil && rng.IntN(3) == 0 {
			raws := l.deltas(rng, s, uint64(rng.IntN(int(s.version)+1)))
			raw = raws[rng.IntN(len(raws))]
		}
		m.merge(rng, raw)
		if o := m.owners[l.owner]; o != nil && o.staged != nil {
			staged++
		}
	}
	for _, m := range replicas {
		m.mergeAll(rng, pool)
		s := m.stateOf(l.owner)
		if s == nil || s.epoch != l.final().epoch || s.version != l.final().version {
			t.Errorf("it came to %+v, the owner is at %+v", s, l.final())
			continue
		}
		if err := sameEntries(s, l.final()); err != nil {
			t.Error(err)
		}
		if o := m.owners[l.owner]; o.staged != nil {
			t.Errorf("it still gathers %d.%d of %d", o.staged.epoch, o.staged.version, o.staged.goal)
		}
	}
	return staged
}

// mergeAll takes everything again and again, until none of it brings anything new. Each
// round brings at least one delta of a state forward, so there cannot be many.
func (m *merger) mergeAll(rng *rand.Rand, pool [][]byte) {
	for range 2*len(pool) + 2 {
		rng.Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
		changed := false
		for _, raw := range pool {
			changed = m.merge(rng, raw) || changed
		}
		if !changed {
			return
		}
	}
	m.t.Error("the same deltas bring something new without end")
}

// TestACollectedKeyStaysDeleted: a state whose first chunk came after a deletion was
// collected takes no chunk of a peer that has not heard of the deletion, for no later
// chunk would take the key away again.
func TestACollectedKeyStaysDeleted(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	owner, late := ID{1}, ID{3}
	r, err := New(Config{Self: ID{9}, Epoch: 1}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []ID{owner, late} {
		r.SetMember(now, id, Alive)
	}
	state := func(upTo, gc uint64) *state {
		e := logEpoch{epoch: 7}
		for i, c := range []change{{key: "a"}, {key: "b"}, {key: "c"}, {key: "c", deleted: true}} {
			c.version = uint64(i) + 1
			e.changes = append(e.changes, c)
		}
		return e.at(upTo, gc)
	}
	lagging, cur := state(3, 0), state(4, 4)
	r.Receive(now, owner, appendDelta(nil, owner, cur, 0, 1, cur.since(0)[:1]))
	r.Receive(now, late, appendDelta(nil, owner, lagging, 1, 3, lagging.since(1)))
	r.Receive(now, owner, appendDelta(nil, owner, cur, 1, 4, cur.since(1)))
	s := r.stateOf(owner)
	if s == nil || s.version != 4 || s.get("c") != nil {
		t.Fatalf("c is back: %+v", s)
	}
}
