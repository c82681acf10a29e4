package replica

import (
	"testing"
	"time"
)

var noon = time.Unix(1_700_000_000, 0)

// lone returns a core that sees the peers alive and has said what there was to say.
func lone(t *testing.T, cfg Config, peers ...ID) *Core {
	t.Helper()
	c, err := New(cfg, noon)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range peers {
		c.SetMember(noon, id, Alive)
	}
	c.Flush()
	return c
}

// framesTo decodes what is sent to a peer.
func framesTo(t *testing.T, fx Effects, peer ID) (all []*frame) {
	t.Helper()
	for _, s := range fx.Sends {
		if s.To != peer {
			continue
		}
		f, err := readFrame(s.Frame)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// said is a state of so many entries, each changed once.
func said(epoch uint64, entries int) *state {
	s := newState(epoch)
	for i := range entries {
		s.put(change{key: string(rune('a' + i)), version: uint64(i) + 1, payload: "x"})
	}
	s.version = uint64(entries)
	return s
}

// TestTwoThatShareAnIDRaiseToDifferentEpochs: a node and the copy of it that was started
// from an old disk both hear of one epoch ahead of theirs, each at its own time. If both
// went to the same one, they would state different things at the same versions.
func TestTwoThatShareAnIDRaiseToDifferentEpochs(t *testing.T) {
	self, peer := ID{1}, ID{2}
	ahead := unixMilli(noon) + 1_000_000_000 // beyond all their clocks
	raised := map[uint64]bool{}
	incarnations := []struct {
		epoch uint64
		puts  int
		at    time.Time
	}{
		{5, 0, noon}, {5, 1, noon}, {5, 0, noon.Add(time.Millisecond)}, {6, 0, noon}, {6, 1, noon.Add(time.Second)},
	}
	for _, is := range incarnations {
		c := lone(t, Config{Self: self, Epoch: is.epoch}, peer)
		for i := range is.puts {
			c.Local(is.at, Put{Key: string(rune('a' + i)), Payload: []byte("x")})
		}
		c.Receive(is.at, peer, encodeHeads(&heads{heads: []head{{self, ahead, 1}}}))
		if c.Epoch() <= ahead || c.Flush().Epoch != c.Epoch() {
			t.Errorf("at epoch %d after hearing of %d", c.Epoch(), ahead)
		}
		raised[c.Epoch()] = true
	}
	if len(raised) != len(incarnations) {
		t.Errorf("%d incarnations raised to the epochs %v", len(incarnations), raised)
	}
}

// TestAnOwnerIsToldOfALaterEpochThatIsBeingGathered: what is gathered does not count in
// digests, so nothing else would tell the owner that it was set back. Until it raises its
// epoch, nobody who gathers takes what it says.
func TestAnOwnerIsToldOfALaterEpochThatIsBeingGathered(t *testing.T) {
	owner, peer := ID{1}, ID{2}
	r := lone(t, Config{Self: ID{9}, Epoch: 1}, owner, peer)
	later, present := said(8, 3), said(7, 1)
	r.Receive(noon, peer, appendDelta(nil, owner, later, 0, 1, later.since(0)[:1]))
	r.Flush()
	r.Receive(noon, owner, appendDelta(nil, owner, present, 0, 1, present.since(0)))
	for _, f := range framesTo(t, r.Flush(), owner) {
		if f.heads != nil && len(f.heads.heads) == 1 && f.heads.heads[0] == (head{owner, 8, 1}) {
			return
		}
	}
	t.Error("the owner is not told that it was in epoch 8 already")
}

// TestWhatWasSaidByTheEpochOfLeavingIsRefused: the epoch that an owner left at is over,
// and so are the ones before. A later one is its return.
func TestWhatWasSaidByTheEpochOfLeavingIsRefused(t *testing.T) {
	owner, straggler := ID{1}, ID{2}
	r := lone(t, Config{Self: ID{9}, Epoch: 1}, owner, straggler)
	offer := func(epoch uint64) {
		s := said(epoch, 2)
		r.Receive(noon, straggler, appendDelta(nil, owner, s, 0, 2, s.since(0)))
		r.Flush()
	}
	offer(7)
	r.Receive(noon, owner, appendGone(nil, gone{owner, 7}))
	r.Flush()
	for _, epoch := range []uint64{6, 7} {
		if offer(epoch); r.stateOf(owner) != nil {
			t.Fatalf("it left at epoch 7, and is back as of %d", epoch)
		}
		r.Receive(noon, straggler, encodeHeads(&heads{heads: []head{{owner, epoch, 2}}}))
		told := false
		for _, f := range framesTo(t, r.Flush(), straggler) {
			told = told || len(f.gone) == 1 && f.gone[0] == gone{owner, 7}
		}
		if !told {
			t.Errorf("a straggler that has it as of %d is not told that it left", epoch)
		}
	}
	if offer(8); r.stateOf(owner) == nil {
		t.Error("it came back at epoch 8, and is refused")
	}
}

// TestWhoLeavesDefendsNothing: the word of its leaving comes back to it, and so may its
// own log. If it answered either with a new epoch, it would never be gone.
func TestWhoLeavesDefendsNothing(t *testing.T) {
	self, peer, newcomer := ID{1}, ID{2}, ID{3}
	ahead := said(unixMilli(noon)+5, 1)
	leaver := func() *Core {
		c := lone(t, Config{Self: self, Epoch: 5}, peer)
		c.Local(noon, Put{Key: "a", Payload: []byte("x")})
		c.Flush()
		c.Leave(noon)
		if got := framesTo(t, c.Flush(), peer); len(got) != 1 || len(got[0].gone) != 1 {
			t.Fatalf("its goodbye was %+v", got)
		}
		return c
	}
	for name, happens := range map[string]func(*Core){
		"its goodbye comes back":      func(c *Core) { c.Receive(noon, peer, appendGone(nil, gone{self, 5})) },
		"a later goodbye comes":       func(c *Core) { c.Receive(noon, peer, appendGone(nil, gone{self, 9})) },
		"its own log is offered":      func(c *Core) { c.Receive(noon, peer, appendDelta(nil, self, ahead, 0, 1, ahead.since(0))) },
		"its own log is listed":       func(c *Core) { c.Receive(noon, peer, encodeHeads(&heads{heads: []head{{self, ahead.epoch, 1}}})) },
		"it changes something yet":    func(c *Core) { c.Local(noon, Put{Key: "b", Payload: []byte("x")}) },
		"somebody joins":              func(c *Core) { c.SetMember(noon, newcomer, Alive) },
		"a second passes":             func(c *Core) { c.Tick(noon.Add(time.Second)) },
		"a peer sees another cluster": func(c *Core) { c.Receive(noon, peer, encodeRoot(root{hash: c.digest.root, living: 12345})) },
	} {
		c := leaver()
		happens(c)
		fx := c.Flush()
		if c.Epoch() != 5 || fx.Epoch != 0 || len(fx.Sends) > 0 || len(fx.Estranged) > 0 {
			t.Errorf("%s: it is at epoch %d, sends %d frames and is estranged from %d", name, c.Epoch(), len(fx.Sends), len(fx.Estranged))
		}
		if c.digest.owners != 0 || c.digest.root != 0 {
			t.Errorf("%s: its own log is in its digest", name)
		}
	}
}

// TestWhoIsHereDefendsItself is the same for one that does not leave.
func TestWhoIsHereDefendsItself(t *testing.T) {
	self, peer := ID{1}, ID{2}
	for name, b := range map[string][]byte{
		"called gone at its epoch":     appendGone(nil, gone{self, 5}),
		"called gone at a later epoch": appendGone(nil, gone{self, 9}),
		"listed at a later epoch":      encodeHeads(&heads{heads: []head{{self, 9, 1}}}),
		"listed further on":            encodeHeads(&heads{heads: []head{{self, 5, 2}}}),
	} {
		c := lone(t, Config{Self: self, Epoch: 5}, peer)
		c.Local(noon, Put{Key: "a", Payload: []byte("x")})
		c.Flush()
		c.Receive(noon, peer, b)
		sent := framesTo(t, c.Flush(), peer)
		if c.Epoch() <= 9 || len(sent) != 1 || len(sent[0].deltas) != 1 || sent[0].deltas[0].epoch != c.Epoch() {
			t.Errorf("%s: it is at epoch %d and sends %+v", name, c.Epoch(), sent)
		}
	}
	c := lone(t, Config{Self: self, Epoch: 5}, peer)
	c.Receive(noon, peer, appendGone(nil, gone{self, 4}))
	if c.Epoch() != 5 {
		t.Error("word of an earlier leaving raised its epoch")
	}
}
