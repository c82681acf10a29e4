package simnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"covey/internal/bubble"
)

// connected returns both ends of a stream from x to y.
func connected(t *testing.T, x, y *Host) (dialed, accepted net.Conn) {
	t.Helper()
	l, err := y.Listen(y.IP().String() + ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if dialed, err = x.Dial(t.Context(), l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if accepted, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialed.Close(); accepted.Close() })
	return dialed, accepted
}

func TestAStreamKeepsBytesAndOrderWhereEverythingIsLost(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		n := New(seed, Link{Delay: LongTail(time.Millisecond, 5*time.Millisecond), Loss: 0.3, Stick: 0.01, StickFor: time.Second})
		x, y := connected(t, n.Host("10.0.0.1"), n.Host("10.0.0.2"))
		r := rand.New(rand.NewPCG(seed, 1))
		want := make([]byte, 1<<20)
		for i := range want {
			want[i] = byte(r.Uint32())
		}
		go func() {
			for b := want; len(b) > 0; {
				k := min(len(b), 1+r.IntN(4096))
				if _, err := x.Write(b[:k]); err != nil {
					t.Error(err)
				}
				b = b[k:]
			}
			x.Close()
		}()
		got, err := io.ReadAll(y)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d of %d bytes, equal is %v: %v", len(got), len(want), bytes.Equal(got, want), err)
		}
		if c := n.Counts(); c.Resent == 0 || c.Stuck == 0 || c.Bytes != uint64(len(want)) {
			t.Errorf("%v", c)
		}
	})
}

func TestAWriterWaitsForAReader(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		n := New(seed, Link{})
		x, y := connected(t, n.Host("10.0.0.1"), n.Host("10.0.0.2"))
		x.SetWriteDeadline(time.Now().Add(time.Minute))
		if k, err := x.Write(make([]byte, 2*window)); k != window || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("wrote %d: %v", k, err)
		}
		x.SetWriteDeadline(time.Time{})
		go io.ReadFull(y, make([]byte, window))
		if k, err := x.Write(make([]byte, window)); k != window || err != nil {
			t.Errorf("wrote %d: %v", k, err)
		}
		y.SetReadDeadline(time.Now().Add(time.Second))
		if k, err := io.Copy(io.Discard, y); k != window || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read %d: %v", k, err)
		}
		y.Close()
		if _, err := x.Write([]byte{1}); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("nobody reads: %v", err)
		}
	})
}

func TestAStreamOverACutWaitsForTheEndOfIt(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		n := New(seed, Link{Delay: Uniform(time.Millisecond, time.Millisecond)})
		a, b := n.Host("10.0.0.1"), n.Host("10.0.0.2")
		x, y := connected(t, a, b)
		n.Cut([]*Host{a}, []*Host{b})
		if _, err := x.Write([]byte("late")); err != nil {
			t.Fatal(err)
		}
		x.Close()
		y.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := y.Read(make([]byte, 9)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("over a cut link: %v", err)
		}
		y.SetReadDeadline(time.Time{})
		go func() { time.Sleep(time.Hour); n.Mend() }()
		start := time.Now()
		if got, err := io.ReadAll(y); string(got) != "late" || err != nil || time.Since(start) != time.Hour {
			t.Errorf("read %q after %v: %v", got, time.Since(start), err)
		}
	})
}

func TestStreamsBreakForBothEnds(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		n := New(seed, Link{Reset: 1})
		x, y := connected(t, n.Host("10.0.0.1"), n.Host("10.0.0.2"))
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := y.Read(make([]byte, 9)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("the reader got %v", err)
			}
		})
		bubble.Wait()
		if _, err := x.Write([]byte{1}); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the writer got %v", err)
		}
		wg.Wait()
		if c := n.Counts(); c.Resets != 1 {
			t.Errorf("%v", c)
		}
	})
}

func TestDialingFailsInEachWayItCan(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		n := New(seed, Link{Delay: Uniform(time.Millisecond, time.Millisecond)})
		a, b := n.Host("10.0.0.1"), n.Host("10.0.0.2")
		dial := func(want error, took time.Duration) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			start := time.Now()
			c, err := a.Dial(ctx, "10.0.0.2:7946")
			if !errors.Is(err, want) || took >= 0 && time.Since(start) != took {
				t.Errorf("%v after %v, want %v after %v", err, time.Since(start), want, took)
			}
			if err == nil {
				c.Close()
			}
		}
		dial(syscall.ECONNREFUSED, 2*time.Millisecond)
		l, err := b.Listen("10.0.0.2:7946")
		if err != nil {
			t.Fatal(err)
		}
		dial(nil, 2*time.Millisecond)
		n.Cut([]*Host{b}, []*Host{a})
		dial(os.ErrDeadlineExceeded, 5*time.Second)
		n.Mend()
		n.SetLinkBetween(a, b, Link{DialFail: 1})
		for range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			if _, err := a.Dial(ctx, "10.0.0.2:7946"); err == nil {
				t.Error("it was opened")
			}
			cancel()
		}
		n.SetLinkBetween(a, b, Link{Loss: 0.5})
		for range 20 {
			dial(nil, -1)
		}
		n.SetLinkBetween(a, b, Link{})
		for range backlog - 21 {
			dial(nil, -1)
		}
		dial(syscall.ECONNREFUSED, -1) // too many wait
		l.Close()
		if c := n.Counts(); c.DialsFailed == 0 || c.DialsCut == 0 || c.Refused != 2 || c.Resent == 0 {
			t.Errorf("%v", c)
		}
	})
}

func TestAClosedListenerBreaksWhatNobodyTook(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		n := New(seed, Link{})
		a, b := n.Host("10.0.0.1"), n.Host("10.0.0.2")
		l, _ := b.Listen("10.0.0.2:7946")
		c, err := a.Dial(t.Context(), "10.0.0.2:7946")
		if err != nil {
			t.Fatal(err)
		}
		go func() { time.Sleep(time.Second); l.Close() }()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the stream got %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the listener got %v", err)
		}
	})
}

func TestAFrozenHostAcceptsAndReadsLater(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		n := New(seed, Link{})
		a, b := n.Host("10.0.0.1"), n.Host("10.0.0.2")
		x, y := connected(t, a, b)
		b.Freeze(7 * time.Second)
		start := time.Now()
		go x.Write([]byte{1})
		if _, err := y.Read(make([]byte, 1)); err != nil || time.Since(start) != 7*time.Second {
			t.Errorf("read after %v: %v", time.Since(start), err)
		}
	})
}
