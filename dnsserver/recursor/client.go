package recursor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// Client asks the configured servers. Its methods are safe to call at once.
type Client struct {
	config  Config
	servers []*server
	done    context.Context // ends with Close
	close   context.CancelFunc
	probes  sync.WaitGroup

	mu      sync.Mutex // guards flights, and that no probe begins after closing
	flights map[key]*flight

	counts counts
}

// New returns a client. The error, of kind fault.Invalid, tells every fault of the
// configuration; no server is asked.
func New(c Config) (*Client, error) {
	c.setDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	client := &Client{config: c, flights: map[key]*flight{}}
	client.done, client.close = context.WithCancel(context.Background())
	for _, addr := range c.Servers {
		addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
		client.servers = append(client.servers, &server{addr: addr, timeout: c.Timeout, log: c.Logger, counts: &client.counts})
	}
	return client, nil
}

// Close ends what is under way with an error, and waits for what runs besides.
func (c *Client) Close() {
	c.mu.Lock()
	c.close()
	c.mu.Unlock()
	c.probes.Wait()
}

// Question is what is asked.
type Question struct {
	Name  string // in any case
	Qtype uint16 // of class IN
	DO    bool   // with DNSSEC's records, if there are any
	CD    bool   // without validating them

	// From is who has us ask, so that a question which comes back is known by its bearer;
	// not valid if that is no matter.
	From netip.Addr
}

// Reply is what a server said about the question, and only that.
type Reply struct {
	Rcode      int // NOERROR or NXDOMAIN
	Answer     []dns.RR
	Authority  []dns.RR
	Additional []dns.RR // addresses of what the answer points to

	// Leads is the name of our own to which the answer's aliases lead; "" if they do not.
	// Then Rcode says nothing, and there is nothing but aliases.
	Leads string
}

// Errors of Ask, besides those of the network.
var (
	// ErrLoop says that the question is our own, which a server sent back to us.
	ErrLoop = errors.New("a server asks us what we asked it")
	// ErrClosed says that the client was closed.
	ErrClosed = errors.New("the client is closed")
)

// key is what makes two questions the same.
type key struct {
	name   string // lower case
	qtype  uint16
	do, cd bool
}

// flight is one question on its way.
type flight struct {
	sent  string        // the name in the case it was sent in
	ended chan struct{} // closed when m and err are set
	m     *dns.Msg
	err   error
}

// Ask asks the servers until one has an answer. It waits for as long as they may take.
func (c *Client) Ask(q Question) (*Reply, error) {
	name := dns.CanonicalName(q.Name)
	k := key{name, q.Qtype, q.DO, q.CD}
	c.mu.Lock()
	f := c.flights[k]
	if f == nil {
		f = &flight{sent: scramble(name), ended: make(chan struct{})}
		c.flights[k] = f
		c.mu.Unlock()
		c.fly(f, k)
	} else {
		c.mu.Unlock()
		if c.isOurs(q, f.sent) {
			c.counts.loops.Add(1)
			return nil, ErrLoop
		}
		c.counts.joined.Add(1)
		<-f.ended
	}
	if f.err != nil {
		return nil, f.err
	}
	return sift(f.m, q, c.config.Ours), nil
}

// fly sends a question and lets those who wait for it know.
func (c *Client) fly(f *flight, k key) {
	f.err = ErrClosed // unless send returns
	defer func() {
		c.mu.Lock()
		delete(c.flights, k)
		c.mu.Unlock()
		close(f.ended)
	}()
	f.m, f.err = c.send(f.sent, k)
}

// leastLetters is how many letters a name must have for its case to tell that it is ours:
// then one of 4096 questions in random case looks so by chance.
const leastLetters = 12

// isOurs reports whether a question is the one we sent: it comes from where a server of
// ours is, and has the case that we drew for it. Servers on this host may call from another
// loopback address than they listen on.
func (c *Client) isOurs(q Question, sent string) bool {
	return q.Name == sent && letters(sent) >= leastLetters && q.Name != strings.ToLower(q.Name) &&
		slices.ContainsFunc(c.servers, func(s *server) bool {
			at := s.addr.Addr()
			return at == q.From || at.IsLoopback() && q.From.IsLoopback()
		})
}

// send asks one server after the other.
func (c *Client) send(name string, k key) (*dns.Msg, error) {
	c.counts.asked.Add(1)
	order := c.order(time.Now())
	c.probe(order[1:], name, k)
	var errs []error
	for i, s := range order {
		if c.done.Err() != nil {
			return nil, ErrClosed
		}
		if i > 0 {
			c.counts.retried.Add(1)
		}
		m, err := s.ask(c.done, newQuery(name, k))
		if err == nil {
			return m, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", s.addr, err))
	}
	if c.done.Err() != nil {
		return nil, ErrClosed
	}
	c.counts.failed.Add(1)
	return nil, errors.Join(errs...)
}

// order is the servers, the one to ask first before the others.
func (c *Client) order(now time.Time) []*server {
	order := slices.Clone(c.servers)
	switch c.config.Strategy {
	case Random:
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	case Fastest:
		scores := make(map[*server]time.Duration, len(order))
		for _, s := range order {
			scores[s] = s.estimate.score()
		}
		slices.SortStableFunc(order, func(a, b *server) int { return int(scores[a] - scores[b]) })
		order[0].estimate.due(now) // it is asked now
	}
	return order
}

// probe asks those of the servers that have not been asked for a while what is asked
// anyhow, only to see how long they take. Nobody waits for that.
func (c *Client) probe(others []*server, name string, k key) {
	if c.config.Strategy != Fastest {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done.Err() != nil {
		return
	}
	now := time.Now()
	for _, s := range others {
		if s.estimate.due(now) {
			c.counts.probes.Add(1)
			c.probes.Go(func() { _, _ = s.ask(c.done, newQuery(name, k)) })
		}
	}
}

// Stats is what was counted since the start.
type Stats struct {
	Asked   uint64 // questions that were sent on
	Joined  uint64 // the same as one under way, with which they shared the answer
	Retried uint64 // times that another server had to be asked
	Probes  uint64 // questions sent only to measure a server
	TCP     uint64 // asked again over TCP
	Ignored uint64 // packets from a server that were no reply to what it was asked
	Failed  uint64 // questions that no server answered
	Loops   uint64 // questions of ours that came back
}

type counts struct {
	asked, joined, retried, probes, tcp, ignored, failed, loops atomic.Uint64
}

// Stats returns the counters as they are now.
func (c *Client) Stats() Stats {
	n := &c.counts
	return Stats{
		Asked: n.asked.Load(), Joined: n.joined.Load(), Retried: n.retried.Load(), Probes: n.probes.Load(),
		TCP: n.tcp.Load(), Ignored: n.ignored.Load(), Failed: n.failed.Load(), Loops: n.loops.Load(),
	}
}
