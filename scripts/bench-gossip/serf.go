package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/memberlist"
	"github.com/hashicorp/serf/serf"

	"covey/e2e/rig"
	"covey/scripts/measure"
)

const (
	eventSize   = 200 // bytes, about what an instance takes
	serfJoin    = 60 * time.Second
	serfSingle  = 30 * time.Second
	serfBacklog = 4096 // events that wait for a node's reader
)

// serfCluster is some serf nodes in this process, on real loopback sockets, with
// serf's defaults for a local network and without a key.
type serfCluster struct {
	nodes []*serf.Serf
	stop  chan struct{}
	wg    sync.WaitGroup

	began    time.Time
	arrivals []arrivals // by event
}

// arrivals is when one event was seen, by node, in nanoseconds after the cluster began;
// 0 until it was.
type arrivals struct {
	at   []atomic.Int64
	left atomic.Int64
	done chan struct{}
}

// serfPeers prints what serf's user events take for the same updates.
func (b *bench) serfPeers() error {
	c, err := newSerfCluster(b.serfNodes, b.serfUpdates+b.burst)
	if err != nil {
		return err
	}
	defer c.end()
	if err := c.singles(b.serfUpdates); err != nil {
		return err
	}
	return c.burst(b.serfUpdates, b.burst, b.serfLimit)
}

func newSerfCluster(nodes, events int) (*serfCluster, error) {
	c := &serfCluster{stop: make(chan struct{}), began: time.Now(), arrivals: make([]arrivals, events)}
	for i := range c.arrivals {
		a := &c.arrivals[i]
		a.at, a.done = make([]atomic.Int64, nodes), make(chan struct{})
		a.left.Store(int64(nodes))
	}
	var first string
	for i := range nodes {
		place, err := rig.FindPlace()
		if err != nil {
			c.end()
			return nil, err
		}
		if err := c.add(i, place, first); err != nil {
			c.end()
			return nil, err
		}
		if i == 0 {
			first = fmt.Sprintf("%s:%d", place.IP, place.Gossip)
		}
	}
	// Who joined early may have missed who joined late, and would hear of it with the next
	// exchange of states, a minute later; the first node knows all.
	for _, n := range c.nodes[1:] {
		if _, err := n.Join([]string{first}, true); err != nil {
			c.end()
			return nil, fmt.Errorf("joining serf nodes again: %w", err)
		}
	}
	_, err := rig.Until(serfJoin, func() error {
		for i, n := range c.nodes {
			if known := n.NumNodes(); known != nodes {
				return fmt.Errorf("serf node %d knows %d of %d", i, known, nodes)
			}
		}
		return nil
	})
	if err != nil {
		c.end()
		return nil, err
	}
	time.Sleep(quietTime)
	return c, nil
}

func (c *serfCluster) add(i int, place rig.Place, join string) error {
	quiet := log.New(io.Discard, "", 0)
	m := memberlist.DefaultLANConfig()
	m.BindAddr, m.BindPort = place.IP, place.Gossip
	m.AdvertiseAddr, m.AdvertisePort = place.IP, place.Gossip
	m.Logger = quiet
	s := serf.DefaultConfig()
	s.NodeName = fmt.Sprintf("serf-%d", i)
	s.MemberlistConfig, s.Logger = m, quiet
	events := make(chan serf.Event, serfBacklog)
	s.EventCh = events
	node, err := serf.Create(s)
	if err != nil {
		return fmt.Errorf("starting serf node %d on %s: %w", i, place.IP, err)
	}
	c.nodes = append(c.nodes, node)
	c.wg.Go(func() { c.follow(i, events) })
	if join == "" {
		return nil
	}
	if _, err := node.Join([]string{join}, true); err != nil {
		return fmt.Errorf("joining serf node %d: %w", i, err)
	}
	return nil
}

// follow notes the events that a node sees.
func (c *serfCluster) follow(node int, events <-chan serf.Event) {
	for {
		select {
		case e := <-events:
			u, ok := e.(serf.UserEvent)
			if !ok || len(u.Payload) != eventSize {
				continue
			}
			a := &c.arrivals[binary.BigEndian.Uint32(u.Payload)]
			if a.at[node].CompareAndSwap(0, int64(time.Since(c.began))) && a.left.Add(-1) == 0 {
				close(a.done)
			}
		case <-c.stop:
			return
		}
	}
}

func (c *serfCluster) end() {
	for _, n := range c.nodes {
		_ = n.Shutdown()
	}
	close(c.stop)
	c.wg.Wait()
}

func (c *serfCluster) send(node, event int) error {
	payload := make([]byte, eventSize)
	binary.BigEndian.PutUint32(payload, uint32(event))
	if err := c.nodes[node].UserEvent("update", payload, false); err != nil {
		return fmt.Errorf("serf user event %d: %w", event, err)
	}
	return nil
}

func (c *serfCluster) singles(updates int) error {
	var every, each measure.Latencies
	for n := range updates {
		sent := time.Since(c.began)
		if err := c.send(n%len(c.nodes), n); err != nil {
			return err
		}
		a := &c.arrivals[n]
		select {
		case <-a.done:
		case <-time.After(serfSingle):
			return fmt.Errorf("a serf user event is not everywhere after %v", serfSingle)
		}
		var last time.Duration
		for i := range a.at {
			took := time.Duration(a.at[i].Load()) - sent
			each, last = append(each, took), max(last, took)
		}
		every = append(every, last)
		time.Sleep(rand.N(2 * restTime))
	}
	row(fmt.Sprintf("peer: %d serf nodes in one process, LAN defaults, %d user events of %d bytes: sent to seen by all", len(c.nodes), updates, eventSize), "%v", every)
	row("the same, each node by itself", "%v", each)
	return nil
}

// burst sends events within a second at one node, and prints what was seen of them
// within limit.
func (c *serfCluster) burst(first, events int, limit time.Duration) error {
	sent := make([]time.Duration, events)
	began := time.Now()
	for n := range events {
		time.Sleep(time.Until(began.Add(burstSpan * time.Duration(n) / time.Duration(events))))
		sent[n] = time.Since(c.began)
		if err := c.send(0, first+n); err != nil {
			return err
		}
	}
	took := time.Since(began)
	deadline := time.After(limit - took)
	expired := false
	var every measure.Latencies
	seen := 0
	for n := range events {
		a := &c.arrivals[first+n]
		if !expired {
			select {
			case <-a.done:
			case <-deadline:
				expired = true
			}
		}
		var last time.Duration
		nodes := 0
		for i := range a.at {
			if at := time.Duration(a.at[i].Load()); at != 0 {
				nodes++
				last = max(last, at-sent[n])
			}
		}
		if seen += nodes; nodes == len(c.nodes) {
			every = append(every, last)
		}
	}
	row(fmt.Sprintf("peer: burst of %d user events at one serf node within %.2f s, watched for %v", events, took.Seconds(), limit),
		"%d of %d seen by all (%.2f %% of all sightings); of those %v", len(every), events,
		100*float64(seen)/float64(events*len(c.nodes)), every)
	return nil
}
