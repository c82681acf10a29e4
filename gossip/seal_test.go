package gossip

import (
	"bytes"
	"errors"
	"testing"

	"github.com/hashicorp/memberlist"

	"covey/gossip/replica"
)

func ring(t testing.TB, keys ...string) *memberlist.Keyring {
	t.Helper()
	raw := make([][]byte, len(keys))
	for i, k := range keys {
		raw[i] = []byte(k)
	}
	k, err := memberlist.NewKeyring(raw, raw[0])
	if err != nil {
		t.Fatal(err)
	}
	return k
}

const (
	keyA = "aaaaaaaaaaaaaaaa"
	keyB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestOnlyTheClustersFramesAreOpened(t *testing.T) {
	self := replica.ID{1}
	mine := newSealer(replica.ID{2}, "covey/dc1", ring(t, keyA), true, true)
	open := newSealer(replica.ID{2}, "covey/dc1", nil, true, true)
	for _, c := range []struct {
		name     string
		from, to *sealer
		want     error
	}{
		{"the same key", newSealer(self, "covey/dc1", ring(t, keyA), true, true), mine, nil},
		{"a new primary key", newSealer(self, "covey/dc1", ring(t, keyB, keyA), true, true), newSealer(self, "covey/dc1", ring(t, keyA, keyB), true, true), nil},
		{"another key", newSealer(self, "covey/dc1", ring(t, keyB), true, true), mine, errKey},
		{"another label", newSealer(self, "covey/dc2", ring(t, keyA), true, true), mine, errKey},
		{"another label in the open", newSealer(self, "covey/dc2", nil, true, true), open, errLabel},
		{"both in the open", newSealer(self, "covey/dc1", nil, true, true), open, nil},
		{"in the open to a keyed one", newSealer(self, "covey/dc1", nil, true, true), mine, errPlain},
		{"keyed to one in the open", newSealer(self, "covey/dc1", ring(t, keyA), true, true), open, errEncrypted},
		{"on the way to a key: not yet sealing", newSealer(self, "covey/dc1", ring(t, keyA), false, false), newSealer(self, "covey/dc1", ring(t, keyA), false, true), nil},
	} {
		b, err := c.from.seal(nil, []byte("frame"))
		if err != nil {
			t.Fatal(err)
		}
		from, frame, err := c.to.open(b)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if err == nil && (from != self || string(frame) != "frame") {
			t.Errorf("%s: %q from %v", c.name, frame, from)
		}
		if len(b) > len("frame")+sealOverhead {
			t.Errorf("%s: %d bytes of overhead, more than %d", c.name, len(b)-len("frame"), sealOverhead)
		}
	}
}

func TestARotatedKeyIsFollowed(t *testing.T) {
	keys := ring(t, keyA)
	a, b := newSealer(replica.ID{1}, "l", keys, true, true), newSealer(replica.ID{2}, "l", ring(t, keyB), true, true)
	if err := keys.AddKey([]byte(keyB)); err != nil {
		t.Fatal(err)
	}
	if err := keys.UseKey([]byte(keyB)); err != nil {
		t.Fatal(err)
	}
	sealed, err := a.seal(nil, []byte("frame"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.open(sealed); err != nil {
		t.Error(err)
	}
	if err := keys.RemoveKey([]byte(keyA)); err != nil {
		t.Fatal(err)
	}
	old := newSealer(replica.ID{3}, "l", ring(t, keyA), true, true)
	sealed, _ = old.seal(nil, []byte("frame"))
	if _, _, err := a.open(sealed); !errors.Is(err, errKey) {
		t.Errorf("a removed key still opens: %v", err)
	}
}

func TestEveryChangedByteIsNoticed(t *testing.T) {
	s := newSealer(replica.ID{1}, "l", ring(t, keyA), true, true)
	b, err := s.seal(nil, []byte("frame"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		for _, change := range []func([]byte) []byte{
			func(c []byte) []byte { c[i] ^= 1; return c },
			func(c []byte) []byte { return c[:i] },
		} {
			if _, _, err := s.open(change(bytes.Clone(b))); err == nil {
				t.Errorf("a change at byte %d passed", i)
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	sealed := newSealer(replica.ID{1}, "l", ring(f, keyA), true, true)
	open := newSealer(replica.ID{1}, "l", nil, false, false)
	for _, s := range []*sealer{sealed, open} {
		b, err := s.seal(nil, []byte("frame"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _ = sealed.open(b)
		if _, frame, err := open.open(b); err == nil && len(frame) > len(b) {
			t.Error("a frame longer than what it came in")
		}
	})
}

func BenchmarkSealAndOpen(b *testing.B) {
	s := newSealer(replica.ID{1}, "l", ring(b, keyB), true, true)
	frame := make([]byte, 300)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = s.seal(buf[:0], frame)
		if _, _, err := s.open(buf); err != nil {
			b.Fatal(err)
		}
	}
}
