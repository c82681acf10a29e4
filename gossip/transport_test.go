package gossip

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"covey/gossip/replica"
)

func dial(t *testing.T, network string, a *agent) net.Conn {
	t.Helper()
	c, err := net.Dial(network, a.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// TestNoiseOnThePortHurtsNobody sends what no agent would, and then sees that the
// cluster works and has counted it.
func TestNoiseOnThePortHurtsNobody(t *testing.T) {
	key := func(c *Config) { c.Keys, c.VerifyIncoming, c.VerifyOutgoing = [][]byte{[]byte(keyA)}, true, true }
	a, b := start(t, "a", key), start(t, "b", key)
	join(t, b, a)
	rng := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) []byte {
		p := make([]byte, n)
		for i := range p {
			p[i] = byte(rng.Uint32())
		}
		return p
	}
	udp := dial(t, "udp", a)
	for i := range 2000 {
		p := noise(rng.IntN(1400))
		if i%2 == 0 && len(p) > 0 {
			p[0] = magicPacket
		}
		if _, err := udp.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	stranger := newSealer(replica.ID{7}, "covey/dc1", ring(t, keyB), true, true)
	sealed, err := stranger.seal([]byte{magicPacket}, []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := udp.Write(sealed); err != nil {
		t.Fatal(err)
	}
	for _, body := range [][]byte{
		{},
		{magicStream},
		{magicStream, 0, 0},
		binary.BigEndian.AppendUint32([]byte{magicStream}, 1<<31), // a length that is absurd
		append(binary.BigEndian.AppendUint32([]byte{magicStream}, 200_000), noise(100)...),
		append(binary.BigEndian.AppendUint32([]byte{magicStream}, 100), noise(100)...),
		noise(5000),
	} {
		c := dial(t, "tcp", a)
		if _, err := c.Write(body); err != nil {
			t.Logf("writing %d bytes: %v", len(body), err)
		}
	}
	put(b, "s/web", "v1")
	a.sees(t, b, "s/web", "v1")
	put(a, "s/web", "v1")
	b.sees(t, a, "s/web", "v1")
	if n := a.Counters()[refusedKey]; n == 0 {
		t.Errorf("nothing was counted: %v", a.Counters())
	}
}

// TestAReplayedFrameChangesNothing records what an agent sends and plays it back
// after the state has moved on.
func TestAReplayedFrameChangesNothing(t *testing.T) {
	a, b := start(t, "a", nil), start(t, "b", nil)
	join(t, b, a)
	put(b, "s/web", "v1")
	a.sees(t, b, "s/web", "v1")
	var recorded []byte
	b.do(func() {
		err := b.core.Snapshot(func(replica.ID, []byte) error { return nil })
		if err != nil {
			t.Error(err)
		}
	})
	// What b sends of itself at this moment is what a newcomer would get.
	c := start(t, "c", nil)
	if _, err := c.Join(b.Addr()); err != nil {
		t.Fatal(err)
	}
	c.sees(t, b, "s/web", "v1")
	c.do(func() {
		_ = c.core.Snapshot(func(owner replica.ID, raw []byte) error {
			if owner == b.id {
				recorded = bytes.Clone(raw)
			}
			return nil
		})
	})
	put(b, "s/web", "")
	put(b, "s/done", "yes")
	a.sees(t, b, "s/done", "yes")
	a.sees(t, b, "s/web", "")
	frame := append([]byte{0x0a}, binary.AppendUvarint(nil, uint64(len(recorded)))...) // Frame.deltas
	sealed, err := b.transport.sealer.seal([]byte{magicPacket}, append(frame, recorded...))
	if err != nil {
		t.Fatal(err)
	}
	before := a.Counters()["replication_deltas_old"]
	if _, err := dial(t, "udp", a).Write(sealed); err != nil {
		t.Fatal(err)
	}
	for a.Counters()["replication_deltas_old"] == before {
		select {
		case <-t.Context().Done():
		case <-time.After(time.Millisecond):
		}
	}
	a.sees(t, b, "s/web", "")
}

// TestASenderThatNeverEndsIsBounded holds open as many streams as one host may, and
// finds the next one refused while the cluster goes on.
func TestASenderThatNeverEndsIsBounded(t *testing.T) {
	a, b := start(t, "a", nil), start(t, "b", nil)
	join(t, b, a)
	for range inboundPerHost + 5 {
		c := dial(t, "tcp", a)
		if _, err := c.Write(binary.BigEndian.AppendUint32([]byte{magicStream}, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	last := dial(t, "tcp", a)
	_, _ = last.Write([]byte{magicStream})
	if _, err := io.ReadAll(last); err != nil {
		t.Logf("the stream was ended: %v", err)
	}
	put(b, "s/web", "v1")
	a.sees(t, b, "s/web", "v1")
}
