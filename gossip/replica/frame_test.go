package replica

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

// sampleFrames are one of each part, for the fuzz corpus.
func sampleFrames() [][]byte {
	id := ID{1, 2, 3}
	s := newState(7)
	s.version = 2
	s.put(change{key: "n", version: 1, payload: "node"})
	s.put(change{key: "s/web", version: 2, deleted: true})
	h := &heads{heads: []head{{id, 7, 2}}}
	h.cover(200)
	hashes := bucketHashes{salt: 4}
	hashes.hashes[3] = 9
	return [][]byte{
		appendDelta(nil, id, s, 0, 2, s.since(0)),
		appendAnswer(appendDelta(nil, id, s, 1, 2, s.since(1)), 5, true, false),
		encodeRoot(root{3, 4, 5}),
		encodeBuckets(&hashes),
		encodeHeads(h),
		encodePull(&pull{number: 5, wants: []want{{id, 7, 1, 0}}}),
		appendGone(nil, gone{id, 7}),
	}
}

// readFrame reads a frame with all entries.
func readFrame(b []byte) (*frame, error) {
	f, err := decodeFrame(b)
	if err != nil {
		return nil, err
	}
	for i := range f.deltas {
		if err := f.deltas[i].readEntries(); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func TestFramesSurviveTheWire(t *testing.T) {
	expected := []frame{
		{deltas: []delta{{owner: ID{1, 2, 3}, epoch: 7, to: 2, head: 2, count: 2, entries: []wireEntry{{key: "n", version: 1, payload: []byte("node")}, {key: "s/web", version: 2, deleted: true}}}}},
		{deltas: []delta{{owner: ID{1, 2, 3}, epoch: 7, from: 1, to: 2, head: 2, count: 1, entries: []wireEntry{{key: "s/web", version: 2, deleted: true}}}}, answers: 5, last: true},
		{root: &root{3, 4, 5}},
		{buckets: func() *bucketHashes { b := &bucketHashes{salt: 4}; b.hashes[3] = 9; return b }()},
		{heads: func() *heads { h := &heads{heads: []head{{ID{1, 2, 3}, 7, 2}}}; h.cover(200); return h }()},
		{pull: &pull{number: 5, wants: []want{{ID{1, 2, 3}, 7, 1, 0}}}},
		{gone: []gone{{ID{1, 2, 3}, 7}}},
	}
	for i, b := range sampleFrames() {
		f, err := readFrame(b)
		if err != nil {
			t.Fatal(i, err)
		}
		for j := range f.deltas {
			f.deltas[j].raw = nil
		}
		if !reflect.DeepEqual(*f, expected[i]) {
			t.Errorf("frame %d came back as %+v, want %+v", i, *f, expected[i])
		}
	}
}

func TestFramesThatContradictThemselvesAreRefused(t *testing.T) {
	id := ID{1}
	s := newState(7)
	s.version = 9
	e := func(v uint64) change { return change{key: "k", version: v, payload: "x"} }
	huge := newState(maxCount + 1)
	huge.version = 1
	for name, b := range map[string][]byte{
		"no owner":             appendDelta(nil, ID{}, s, 0, 9, nil),
		"an absurd epoch":      appendDelta(nil, id, huge, 0, 1, nil),
		"entries out of order": appendDelta(nil, id, s, 0, 9, entries(e(3), e(2))),
		"an entry beyond":      appendDelta(nil, id, s, 0, 8, entries(e(9))),
		"an entry before":      appendDelta(nil, id, s, 0, 9, entries(e(0))),
		"from beyond to":       appendDelta(nil, id, s, 9, 8, nil),
		"no key":               appendDelta(nil, id, s, 0, 9, entries(change{version: 1})),
		"a long key":           appendDelta(nil, id, s, 0, 9, entries(change{key: string(make([]byte, maxKeyLen+1)), version: 1})),
		"short buckets":        appendBytes(nil, 3, appendBytes(nil, 1, []byte("short"))),
		"a short id":           appendBytes(nil, 6, appendBytes(nil, 1, []byte("short"))),
		"too long":             make([]byte, MaxFrame+1),
		"truncated":            sampleFrames()[0][:20],
	} {
		now := time.Unix(1_700_000_000, 0)
		c, err := New(Config{Self: ID{9}, Epoch: 3}, now)
		if err != nil {
			t.Fatal(err)
		}
		c.SetMember(now, id, Alive)
		c.Receive(now, id, b)
		if fx := c.Take(); len(fx.Faults) != 1 || len(fx.Changes) > 0 {
			t.Errorf("a frame with %s: faults %v, changes %v", name, fx.Faults, fx.Changes)
		}
	}
}

// FuzzReceive sends anything to a core: it must neither panic nor grow, and whatever
// it takes it must be able to pass on.
func FuzzReceive(f *testing.F) {
	for _, b := range sampleFrames() {
		f.Add(b)
		f.Add(bytes.Repeat(b, 3))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		now := time.Unix(1_700_000_000, 0)
		c, err := New(Config{Self: ID{9}, Epoch: 3, MaxOwners: 100}, now)
		if err != nil {
			t.Fatal(err)
		}
		peer, other := ID{8}, ID{1, 2, 3}
		c.Local(now, Put{Key: "n", Payload: []byte("self")})
		c.SetMember(now, peer, Alive)
		c.SetMember(now, other, Alive)
		c.Flush()
		c.Receive(now, peer, b)
		c.Receive(now, peer, b)
		sent := 0
		for range 5 {
			now = now.Add(time.Second)
			c.Tick(now)
			fx := c.Flush()
			for _, s := range fx.Sends {
				sent += len(s.Frame)
				if _, err := readFrame(s.Frame); err != nil {
					t.Errorf("it sends a frame that cannot be read: %v", err)
				}
			}
		}
		if limit := 4*c.cfg.AnswerSize + 20*len(b); sent > limit {
			t.Errorf("%d bytes came of %d", sent, len(b))
		}
		if len(c.owners) > 102 {
			t.Errorf("%d owners", len(c.owners))
		}
	})
}
