package gossip

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"time"

	"covey/gossip/replica"
)

// TestAPeerThatSendsWithoutEndStarvesNobody floods an agent, from one that has the key,
// with packets and with streams of well-formed frames, and updates another all the while.
func TestAPeerThatSendsWithoutEndStarvesNobody(t *testing.T) {
	key := func(c *Config) { c.Keys, c.VerifyIncoming, c.VerifyOutgoing = [][]byte{[]byte(keyA)}, true, true }
	a, b := start(t, "a", key), start(t, "b", key)
	join(t, b, a)
	rogue := newSealer(replica.ID{9}, "covey/dc1", ring(t, keyA), true, true)
	// As large as they may be, so that even a busy machine receives more than the budget.
	packet, err := rogue.seal([]byte{magicPacket}, bytes.Repeat([]byte("what nobody can read"), 3000))
	if err != nil {
		t.Fatal(err)
	}
	closed, err := rogue.seal(nil, []byte("what nobody can read"))
	if err != nil {
		t.Fatal(err)
	}
	var chunk []byte
	for range 100 {
		chunk = append(binary.BigEndian.AppendUint32(chunk, uint32(len(closed))), closed...)
	}
	ctx, stop := context.WithTimeout(t.Context(), 15*time.Second)
	var floods sync.WaitGroup
	defer floods.Wait()
	defer stop()
	udp := dial(t, "udp", a)
	floods.Go(func() {
		for ctx.Err() == nil {
			_, _ = udp.Write(packet)
		}
	})
	for range 4 {
		tcp := dial(t, "tcp", a)
		context.AfterFunc(ctx, func() { tcp.Close() })
		floods.Go(func() {
			_, err := tcp.Write([]byte{magicStream})
			for err == nil {
				_, err = tcp.Write(chunk)
			}
		})
	}
	for i := range 100 {
		put(b, "s/web", fmt.Sprint(i))
		a.sees(t, b, "s/web", fmt.Sprint(i))
	}
	// A machine that is busy with other things may not be able to send more than the budget
	// (TestABudgetIsOneSources shows that); then it is the loop that cannot keep up.
	shed := func(c map[string]uint64) uint64 { return c["packets_over_budget"] + c["replication_packets_dropped"] }
	for ctx.Err() == nil && shed(a.Counters()) == 0 {
		a.do(func() {}) // the flood has not reached its limit yet
	}
	c := a.Counters()
	if shed(c) == 0 || c["replication_refused"] == 0 {
		t.Errorf("a flood is not counted: %v", c)
	}
}

// TestAPeerThatNeverReadsIsBounded sends to one that accepts a stream and leaves it.
func TestAPeerThatNeverReadsIsBounded(t *testing.T) {
	a := start(t, "a", nil)
	l, err := systemNetwork{}.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	const frames = 300
	frame := make([]byte, 200<<10)
	for range frames {
		a.transport.streams.send(l.Addr().String(), frame)
	}
	s := a.transport.streams
	s.mu.Lock()
	waiting := s.out[l.Addr().String()].size
	s.mu.Unlock()
	if waiting > maxOutstanding {
		t.Errorf("%d bytes wait for one peer, %d are allowed", waiting, maxOutstanding)
	}
	if n := s.dropped.Load(); n < frames/2 {
		t.Errorf("%d of %d frames were dropped", n, frames)
	}
	b := start(t, "b", nil)
	join(t, b, a)
	put(a, "s/web", "v1")
	b.sees(t, a, "s/web", "v1")
}

// TestKeysAreRotatedWhileUpdatesFlow installs a key everywhere, makes it the one to
// seal with and removes the old one, while everyone writes.
func TestKeysAreRotatedWhileUpdatesFlow(t *testing.T) {
	key := func(c *Config) { c.Keys, c.VerifyIncoming, c.VerifyOutgoing = [][]byte{[]byte(keyA)}, true, true }
	agents := []*agent{start(t, "a", key), start(t, "b", key), start(t, "c", key)}
	for _, x := range agents[1:] {
		join(t, x, agents[0])
	}
	number := 0
	flow := func() {
		for range 10 {
			number++
			for _, x := range agents {
				put(x, "s/web", fmt.Sprint(number))
			}
		}
		for _, x := range agents {
			for _, y := range agents {
				x.sees(t, y, "s/web", fmt.Sprint(number))
			}
		}
	}
	flow()
	change := func(c KeyChange, key string) func() error {
		return func() error { _, err := agents[0].ChangeKey(c, []byte(key)); return err }
	}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"install", change(InstallKey, keyB)},
		{"use", change(UseKey, keyB)},
		{"remove", change(RemoveKey, keyA)},
	} {
		var done sync.WaitGroup
		var err error
		done.Go(func() { err = step.do() })
		flow()
		done.Wait()
		if err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		flow()
	}
	for _, x := range agents {
		if c := x.Counters(); c[refusedKey] != 0 || c["replication_refused"] != 0 {
			t.Errorf("while rotating, %s refused: %v", x.cfg.Name, c)
		}
		if keys := x.transport.sealer.keyring.GetKeys(); len(keys) != 1 || string(keys[0]) != keyB {
			t.Errorf("%s has the keys %q, want the new one alone", x.cfg.Name, keys)
		}
	}
	late := newSealer(replica.ID{9}, "covey/dc1", ring(t, keyA), true, true)
	b, err := late.seal(nil, []byte("sealed with the key that was removed"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := agents[1].transport.sealer.open(b); err == nil {
		t.Error("a removed key still opens frames")
	}
}
