package gossip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"covey/gossip/replica"
)

// heard is a connection on which bytes have come, and then its end.
type heard struct {
	net.Conn // nil: nothing else is done with it
	in       *bytes.Reader
	closed   bool
}

func (h *heard) Read(b []byte) (int, error)      { return h.in.Read(b) }
func (h *heard) SetReadDeadline(time.Time) error { return nil }
func (h *heard) RemoteAddr() net.Addr            { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7} }
func (h *heard) Close() error                    { h.closed = true; return nil }

// framed is what a sender writes after the first byte of its stream.
func framed(s *sealer, frames ...string) (b []byte) {
	for _, f := range frames {
		sealed, _ := s.seal(nil, []byte(f))
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(sealed))), sealed...)
	}
	return b
}

// FuzzStream: whatever comes on a stream, the frames taken from it are those that a dumb
// reading finds before the first fault, and the stream is closed.
func FuzzStream(f *testing.F) {
	open := newSealer(replica.ID{1}, "l", nil, false, false)
	whole := framed(open, "first", "", "third, which is longer")
	f.Add(whole)
	f.Add(whole[:len(whole)-3])
	f.Add(append(bytes.Clone(whole), 0, 0, 0, 0))
	f.Add(append(bytes.Clone(whole), 0xff, 0xff, 0xff, 0xff, 1, 2, 3))
	f.Add(framed(newSealer(replica.ID{1}, "another", nil, false, false), "x"))
	f.Add(framed(newSealer(replica.ID{1}, "l", ring(f, keyA), true, true), "x"))
	f.Add([]byte{0, 4})
	s := newStreams(nil, open, slog.New(slog.DiscardHandler))
	f.Fuzz(func(t *testing.T, data []byte) {
		want, fault := dumbly(open, data)
		conn := &heard{in: bytes.NewReader(data)}
		var got [][]byte
		err := s.receive(conn, func(in inbound) bool { got = append(got, in.frame); return true })
		if (err != nil) != fault {
			t.Errorf("it ended with %v, at a fault: %v", err, fault)
		}
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("%q was taken, it held %q", got, want)
		}
		if !conn.closed {
			t.Error("the stream was not closed")
		}
		got = nil
		if s.receive(&heard{in: bytes.NewReader(data)}, func(in inbound) bool { got = append(got, in.frame); return false }); len(got) > 1 {
			t.Error("it goes on though nobody takes what comes")
		}
	})
}

// dumbly reads the frames of a stream until its end or a fault.
func dumbly(s *sealer, data []byte) (frames [][]byte, fault bool) {
	for len(data) >= 4 {
		n := int(binary.BigEndian.Uint32(data))
		if data = data[4:]; n > replica.MaxFrame+sealOverhead {
			return frames, true
		}
		if len(data) < n {
			return frames, false
		}
		_, frame, err := s.open(data[:n])
		if err != nil {
			return frames, true
		}
		frames, data = append(frames, frame), data[n:]
	}
	return frames, false
}

// FuzzPeersRecord: whatever a record of the peers file holds, it is refused or taken,
// and what was taken is written again as a record that says the same.
func FuzzPeersRecord(f *testing.F) {
	owner := replica.ID{2}
	source, err := replica.New(replica.Config{Self: replica.ID{7}, Epoch: 3}, time.Now())
	if err != nil {
		f.Fatal(err)
	}
	source.SetMember(time.Now(), owner, replica.Alive)
	source.Local(time.Now(), replica.Put{Key: "n", Payload: []byte("node")}, replica.Put{Key: "s/web", Payload: []byte("web")}, replica.Put{Key: "n"})
	for _, s := range source.Flush().Sends { // its first field is the delta
		if len(s.Frame) > 2 && s.Frame[0] == 1<<3|2 && s.Frame[1] < 0x80 {
			f.Add(append([]byte{recordDelta}, s.Frame[2:]...))
		}
	}
	f.Add(nameRecord("web-1", &bearer{id: owner, addr: netip.MustParseAddrPort("10.0.0.1:7946"), state: replica.Alive}))
	f.Add(nameRecord("web-2", &bearer{id: owner, addr: netip.MustParseAddrPort("[fe80::1%eth0]:7946"), state: replica.Failed}))
	f.Add(nameRecord("", &bearer{id: owner}))
	f.Add(append([]byte{recordForgotten}, "web-1"...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, record []byte) {
		if name, b, err := parse(record); err == nil {
			again, c, err := parse(nameRecord(name, &b))
			if err != nil || again != name || c != b {
				t.Errorf("%q, %+v came back as %q, %+v, %v", name, b, again, c, err)
			}
		}
		first := restored(t, [][]byte{record, record})
		second := restored(t, first)
		if !slices.EqualFunc(first, second, bytes.Equal) {
			t.Errorf("%x was restored to %x, and that to %x", record, first, second)
		}
	})
}

func parse(record []byte) (string, bearer, error) {
	if len(record) == 0 || record[0] != recordName {
		return "", bearer{}, errors.New("another kind of record")
	}
	return parseName(record[1:])
}

// restored is what an agent that began from records would write anew.
func restored(t *testing.T, records [][]byte) (out [][]byte) {
	now := time.Unix(1_800_000_000, 0)
	self := replica.ID{9}
	core, err := replica.New(replica.Config{Self: self, Epoch: 1, MaxOwners: 10}, now)
	if err != nil {
		t.Fatal(err)
	}
	g := &Gossip{cfg: Config{ID: self}, core: core, dir: newDirectory()}
	for _, r := range records {
		if g.restoreRecord(now, r) != nil {
			continue // one owner's word, as when the file is read
		}
	}
	for name, b := range g.dir.names {
		out = append(out, nameRecord(name, b))
	}
	if err := core.Snapshot(func(_ replica.ID, raw []byte) error {
		out = append(out, append([]byte{recordDelta}, raw...))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}
