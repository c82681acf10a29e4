package gossip

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"covey/gossip/replica"
)

// vigil keeps an idle connection to each of a few other agents. When the process of an
// agent ends on a host that lives, its kernel closes the connection and refuses the next
// one: then those who watched know at once what probing would need seconds to find out.
//
// Whoever stalls is not refused, and who cannot be reached is not either: about those
// only probing says something.
type vigil struct {
	network Network
	refused func(replica.ID) // told that an agent watched is not there any more

	mu     sync.Mutex // guards what follows
	posts  map[replica.ID]*post
	closed bool

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// post is the watch over one agent.
type post struct {
	addr   netip.AddrPort
	cancel context.CancelFunc
}

const (
	// watchers is how many agents watch each one. One that is accused by two has failed,
	// so one of the three may have died with it.
	watchers = 3

	redialAfter = 5 * time.Second // where a connection cannot be had, or does not last
	lasting     = time.Second     // a connection that lasted so long is dialled again at once

	// The sockets of a process that was killed close one after the other, and the one that
	// listens may be the last: for some hundred microseconds its kernel accepts who dials
	// again, and hangs up. So who was hung up on dials again a few times.
	quickRedials = 4
	quickAfter   = 5 * time.Millisecond
)

func newVigil(n Network, refused func(replica.ID)) *vigil {
	ctx, cancel := context.WithCancel(context.Background())
	return &vigil{network: n, refused: refused, posts: map[replica.ID]*post{}, ctx: ctx, cancel: cancel}
}

// keep watches the agents at the addresses given, and no others.
func (v *vigil) keep(wanted map[replica.ID]netip.AddrPort) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return
	}
	for id, p := range v.posts {
		if wanted[id] != p.addr {
			p.cancel()
			delete(v.posts, id)
		}
	}
	for id, addr := range wanted {
		if v.posts[id] != nil {
			continue
		}
		ctx, cancel := context.WithCancel(v.ctx)
		v.posts[id] = &post{addr: addr, cancel: cancel}
		v.wg.Go(func() { v.watch(ctx, id, addr.String()) })
	}
}

// watch holds one connection after the other until ctx ends.
func (v *vigil) watch(ctx context.Context, id replica.ID, addr string) {
	held := false // there has been a connection that lasted
	quick := 0    // redials that are left
	for ctx.Err() == nil {
		pause := redialAfter
		lasted, err := v.hold(ctx, addr)
		switch {
		case ctx.Err() != nil:
			return
		case held && errors.Is(err, syscall.ECONNREFUSED):
			v.refused(id)
			held = false
		case err == nil && lasted >= lasting:
			held, quick = true, quickRedials
			continue
		case err == nil && quick > 0:
			quick--
			pause = quickAfter
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// hold dials and waits for the end of the connection. The error is of dialling.
func (v *vigil) hold(ctx context.Context, addr string) (lasted time.Duration, err error) {
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := v.network.Dial(dialing, addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	began := time.Now()
	if _, err := conn.Write([]byte{magicVigil}); err == nil {
		_, _ = io.Copy(io.Discard, io.LimitReader(conn, 1)) // nothing is said
	}
	return time.Since(began), nil
}

func (v *vigil) close() {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.cancel()
	v.wg.Wait()
}
