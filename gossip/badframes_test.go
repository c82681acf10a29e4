package gossip

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"covey/gossip/replica"
)

// delta is a frame with one record of an owner.
func delta(owner replica.ID, epoch, version uint64, key string) []byte {
	message := func(num protowire.Number, body []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), body)
	}
	number := func(num protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), v)
	}
	record := append(append(message(1, []byte(key)), number(2, version)...), message(3, []byte("v"))...)
	d := append(append(message(1, owner[:]), number(2, epoch)...), number(4, version)...)
	return message(1, append(d, message(7, record)...))
}

// TestEveryBadFrameIsDroppedAndCounted sends an agent what it must not take, one after
// the other, and sees each counted where an operator would look for it. All the while
// another one's updates arrive.
func TestEveryBadFrameIsDroppedAndCounted(t *testing.T) {
	key := func(c *Config) {
		c.Keys, c.VerifyIncoming, c.VerifyOutgoing = [][]byte{[]byte(keyA)}, true, true
		c.Validate = func(_ replica.ID, key string, payload []byte) (any, error) {
			if key == "s/no good" {
				return nil, errors.New("a name that is none")
			}
			return string(payload), nil
		}
	}
	a, b := start(t, "a", key), start(t, "b", key)
	join(t, b, a)
	number := 0
	update := func() {
		number++
		put(b, "s/web", string(rune('a'+number)))
		a.sees(t, b, "s/web", string(rune('a'+number)))
	}
	update()
	first := delta(b.id, b.cfg.Epoch, 1, "s/web") // long superseded
	update()

	mine := newSealer(replica.ID{9}, "covey/dc1", ring(t, keyA), true, true)
	sealed := func(s *sealer, frame []byte) []byte {
		closed, err := s.seal(nil, frame)
		if err != nil {
			t.Fatal(err)
		}
		return closed
	}
	good := delta(replica.ID{9}, uint64(time.Now().UnixMilli()), 1, "s/x")
	whole := sealed(mine, good)
	flipped := append([]byte(nil), whole...)
	flipped[len(flipped)/2] ^= 1
	future := append([]byte{wireVersion + 1}, whole[1:]...)
	length := func(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

	for _, c := range []struct {
		name    string
		stream  bool
		body    []byte // behind the first byte
		counter string
	}{
		{"cut off", false, whole[:len(whole)-9], refusedKey},
		{"cut off within its head", false, whole[:7], refusedFrame},
		{"changed on the way", false, flipped, refusedKey},
		{"under another key", false, sealed(newSealer(replica.ID{9}, "covey/dc1", ring(t, keyB), true, true), good), refusedKey},
		{"under another label", false, sealed(newSealer(replica.ID{9}, "covey/dc2", ring(t, keyA), true, true), good), refusedKey},
		{"in the open", false, sealed(newSealer(replica.ID{9}, "covey/dc1", nil, false, false), good), refusedPlain},
		{"of a later protocol", false, future, refusedVersion},
		{"cut off before it was sealed", false, sealed(mine, good[:len(good)-3]), "replication_refused"},
		{"no frame at all, sealed", false, sealed(mine, []byte("what nobody can read")), "replication_refused"},
		{"a version at the top of its range", false, sealed(mine, delta(replica.ID{9}, 1, math.MaxUint64, "s/x")), "replication_refused"},
		{"an epoch at the top of its range", false, sealed(mine, delta(replica.ID{9}, math.MaxUint64, 1, "s/x")), "replication_refused"},
		{"an epoch years ahead", false, sealed(mine, delta(replica.ID{9}, 1<<55, 1, "s/x")), "replication_refused"},
		{"an invalid record", false, sealed(mine, delta(replica.ID{8}, 1, 1, "s/no good")), "replication_quarantined"},
		{"a key that is too long", false, sealed(mine, delta(replica.ID{8}, 1, 1, string(make([]byte, 400)))), "replication_refused"},
		{"replayed", false, sealed(mine, first), "replication_deltas_old"},
		{"a stream of one that is too long", true, length(replica.MaxFrame + sealOverhead + 1), refusedFrame},
		{"a stream of one that is absurdly long", true, length(math.MaxUint32), refusedFrame},
		{"a stream under another key", true, append(length(len(flipped)), flipped...), refusedKey},
		{"a stream cut short", true, append(length(len(whole)), whole[:20]...), "streams_cut_short"},
	} {
		before := a.Counters()[c.counter]
		network, magic := "udp", byte(magicPacket)
		if c.stream {
			network, magic = "tcp", magicStream
		}
		conn := dial(t, network, a)
		if _, err := conn.Write(append([]byte{magic}, c.body...)); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		for limit := time.Now().Add(20 * time.Second); a.Counters()[c.counter] != before+1; {
			if now := a.Counters()[c.counter]; now > before+1 || time.Now().After(limit) {
				t.Errorf("%s: %s went from %d to %d", c.name, c.counter, before, now)
				break
			}
		}
		update()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.view); n != 1 { // of b; what the others stated is nowhere
		t.Errorf("it has taken records: %v", a.view)
	}
}
