package replica

import (
	"errors"
	"testing"
	"time"
)

// gathering is a replica that has the first of the three entries of an owner's state.
func gathering(t *testing.T) (r *Core, owner ID, full *state) {
	owner, full = ID{1}, said(7, 3)
	r = lone(t, Config{Self: ID{9}, Epoch: 1}, owner)
	r.Receive(noon, owner, appendDelta(nil, owner, full, 0, 1, full.since(0)[:1]))
	r.Flush()
	if o := r.owners[owner]; o.cur != nil || o.staged == nil || o.staged.goal != 3 {
		t.Fatalf("after one chunk of three: %+v", o)
	}
	return r, owner, full
}

// TestWhatMovesWhileAStateIsGatheredIsWaitedFor: an entry that is changed again moves
// beyond the head that the first chunk named. Swapping at that head would lose it.
func TestWhatMovesWhileAStateIsGatheredIsWaitedFor(t *testing.T) {
	r, owner, full := gathering(t)
	full.put(change{key: "b", version: 4, payload: "anew"}) // was at 2
	full.version = 4
	r.Receive(noon.Add(time.Second), owner, appendDelta(nil, owner, full, 1, 3, full.since(1)[:2]))
	if s := r.stateOf(owner); s != nil {
		t.Fatalf("it serves %v, without b", s.byKey())
	}
	r.Receive(noon.Add(time.Second), owner, appendDelta(nil, owner, full, 3, 4, full.since(3)))
	if s := r.stateOf(owner); s == nil || s.len() != 3 || s.get("b") == nil {
		t.Fatalf("it came to %+v", s)
	}
}

// TestAnOwnerThatNeverRestsIsServedAllTheSame: the goal moves for a while only.
func TestAnOwnerThatNeverRestsIsServedAllTheSame(t *testing.T) {
	r, owner, full := gathering(t)
	late := noon.Add(goalMoves)
	full.put(change{key: "d", version: 4, payload: "x"})
	full.version = 4
	r.Receive(late, owner, appendDelta(nil, owner, full, 1, 3, full.since(1)[:2]))
	if s := r.stateOf(owner); s == nil || s.version != 3 {
		t.Fatalf("at the head that the first chunk named, it serves %+v", s)
	}
}

// TestGatheringBeginsAgainAfterACollection: a key that was deleted and collected since
// the first chunk is in no later one.
func TestGatheringBeginsAgainAfterACollection(t *testing.T) {
	r, owner, full := gathering(t)
	full.put(change{key: "a", version: 4, deleted: true})
	full.version = 4
	full.collect(4)
	r.Receive(noon, owner, appendDelta(nil, owner, full, 1, 4, full.since(1)))
	if s := r.stateOf(owner); s != nil && s.get("a") != nil {
		t.Fatal("it serves a key that was deleted before it began to serve")
	}
	pulls := 0
	for _, f := range framesTo(t, r.Flush(), owner) {
		if f.pull != nil {
			pulls++
		}
	}
	if pulls != 1 {
		t.Fatalf("%d pulls, it must ask anew", pulls)
	}
	r.Receive(noon, owner, appendDelta(nil, owner, full, 0, 4, full.since(0)))
	s := r.stateOf(owner)
	if s == nil || s.len() != 2 || s.get("a") != nil || s.gc != 4 {
		t.Fatalf("it came to %+v", s)
	}
}

// TestAWaitEndsIfTheClockIsSetBack: otherwise a pull without an answer would last, and
// keep all others from its peer, for as long as the clock was set back.
func TestAWaitEndsIfTheClockIsSetBack(t *testing.T) {
	r, owner, _ := gathering(t)
	peer := ID{2}
	r.SetMember(noon, peer, Alive)
	r.Receive(noon, peer, encodeHeads(&heads{heads: []head{{ID{3}, 5, 1}}}))
	r.Flush()
	if len(r.pulls.byPeer) != 1 {
		t.Fatalf("%d pulls are under way", len(r.pulls.byPeer))
	}
	r.Tick(noon.Add(-time.Hour))
	if r.stats.PullsTimedOut != 1 || len(r.pulls.wanted) != 0 {
		t.Errorf("the pull goes on: %d wanted", len(r.pulls.wanted))
	}
	if r.owners[owner].staged != nil {
		t.Error("what was gathered is kept")
	}
}

// TestAReplicaCollectsWhatItsOwnerCollected: else it would keep tombstones for ever.
func TestAReplicaCollectsWhatItsOwnerCollected(t *testing.T) {
	r, owner, full := gathering(t)
	r.Receive(noon, owner, appendDelta(nil, owner, full, 1, 3, full.since(1)))
	full.put(change{key: "a", version: 4, deleted: true})
	full.put(change{key: "b", version: 5, deleted: true})
	full.version = 5
	r.Receive(noon, owner, appendDelta(nil, owner, full, 3, 5, full.since(3)))
	if s := r.stateOf(owner); s.len() != 3 {
		t.Fatalf("two tombstones and one entry are due, it has %d", s.len())
	}
	full.collect(4)
	r.Receive(noon, owner, appendDelta(nil, owner, full, 4, 5, full.since(4))) // nothing new in it, but for the collection
	if s := r.stateOf(owner); s.get("a") != nil || s.len() != 2 || s.gc != 4 {
		t.Errorf("after one was collected: %v", s.byKey())
	}
	full.put(change{key: "d", version: 6, payload: "x"})
	full.version = 6
	full.collect(5)
	r.Receive(noon, owner, appendDelta(nil, owner, full, 5, 6, full.since(5)))
	if s := r.stateOf(owner); s.get("b") != nil || s.len() != 2 || s.gc != 5 {
		t.Errorf("after both were collected: %v", s.byKey())
	}
}

// TestAnOwnerIsPassedOverForAMinuteAfterAnInvalidEntry, whole deltas and all.
func TestAnOwnerIsPassedOverForAMinuteAfterAnInvalidEntry(t *testing.T) {
	owner := ID{1}
	validate := func(_ ID, key string, _ []byte) (any, error) {
		if key == "bad" {
			return nil, errors.New("bad")
		}
		return nil, nil
	}
	r := lone(t, Config{Self: ID{9}, Epoch: 1, Validate: validate}, owner)
	take := func(at time.Time, c change) *state {
		s := newState(7)
		s.put(c)
		s.version = 1
		r.Receive(at, owner, appendDelta(nil, owner, s, 0, 1, s.since(0)))
		r.Flush()
		return r.stateOf(owner)
	}
	good := change{key: "good", version: 1}
	if s := take(noon, change{key: "bad", version: 1}); s != nil || r.stats.Quarantined != 1 {
		t.Fatalf("an invalid entry is served: %+v", s)
	}
	if s := take(noon.Add(59*time.Second), good); s != nil {
		t.Error("it is heard within the minute")
	}
	if s := take(noon.Add(61*time.Second), good); s == nil {
		t.Error("it is not heard after the minute")
	}
}
