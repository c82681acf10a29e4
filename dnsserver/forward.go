package dnsserver

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/miekg/dns"

	"covey/dnsserver/recursor"
	"covey/internal/fault"
)

// openRecursors has names outside the domains asked of others, if there are any.
func (r *Resolver) openRecursors(c *Config) error {
	if len(c.Recursors) == 0 {
		return nil
	}
	client, err := recursor.New(recursor.Config{
		Servers:  c.Recursors,
		Strategy: c.RecursorStrategy,
		Timeout:  c.RecursorTimeout,
		Logger:   c.Logger,
		Ours:     r.zone.holds,
	})
	if err != nil {
		return err
	}
	r.recursors, r.recursion, r.lookupOutside = client, bitRA, r.askOutside
	return nil
}

func (r *Resolver) closeRecursors() {
	if r.recursors != nil {
		r.recursors.Close()
	}
}

// holds reports whether a name is in one of the domains.
func (z *zone) holds(name string) bool {
	kind := z.parse(name).kind
	return kind != outside && kind != reverse
}

// askOutside resolves a host name that is an instance's address.
func (r *Resolver) askOutside(name string, qtype uint16) (rrs []dns.RR, ok bool) {
	reply, err := r.recursors.Ask(recursor.Question{Name: name, Qtype: qtype})
	if err != nil {
		return nil, false
	}
	if reply.Rcode != dns.RcodeSuccess {
		return nil, true
	}
	return reply.Answer, true
}

// forwards reports whether a question is for the recursors: its name is outside, and the
// client wants it resolved.
func (r *Resolver) forwards(q *dns.Msg, a *answer) bool {
	return r.recursors != nil && a.foreign && a.rcode == dns.RcodeRefused &&
		q.RecursionDesired && q.Question[0].Qclass == dns.ClassINET
}

// forward answers with what the recursors say. Aliases from outside that lead into the
// zone are followed here, since nobody else knows what is there.
func (in *inquiry) forward(q *dns.Msg, opt *dns.OPT, t Transport) answer {
	if in.late != nil {
		*in.late = true
		return answer{}
	}
	reply, err := in.recursors.Ask(recursor.Question{
		Name: in.qname, Qtype: in.qtype, DO: opt != nil && opt.Do(), CD: q.CheckingDisabled, From: t.Client,
	})
	if errors.Is(err, recursor.ErrLoop) {
		in.faults.Error("dns: a recursor sends the questions back that it is asked; they are answered SERVFAIL until it no longer does",
			"recursor", t.Client.String(), "name", in.qname)
	}
	if err != nil {
		return answer{rcode: dns.RcodeServerFailure, foreign: true}
	}
	a := answer{rcode: reply.Rcode, foreign: true, authority: reply.Authority}
	for _, rr := range reply.Answer {
		a.entries = append(a.entries, entry{rr: rr})
	}
	if n := len(a.entries); n > 0 {
		a.entries[n-1].glue = reply.Additional // goes first, all of it, if there is no room
	}
	if reply.Leads == "" {
		return a
	}
	a.rcode = dns.RcodeSuccess
	if next, ok := in.follow(reply.Leads, in.qtype); ok {
		a.rcode, a.authority = next.rcode, next.authority // RFC 6604: those of the last name
		a.entries = append(a.entries, next.entries...)
	}
	return a
}

// waiting are the questions that wait for recursors, of which there are never more than
// a limit.
type waiting struct {
	places  chan struct{}
	refused atomic.Uint64
}

func newWaiting(limit int) *waiting { return &waiting{places: make(chan struct{}, limit)} }

func (w *waiting) addTo(s *Stats) {
	s.Waiting, s.WaitingRefused = uint64(len(w.places)), w.refused.Load()
}

// answerLater answers a packet, of which RespondAtOnce said that it has to wait, on a
// goroutine of its own, and hands the reply to send then. If too many wait already it
// returns a reply instead, which says SERVFAIL; send is not called then.
func (s *Server) answerLater(packet []byte, t Transport, send func(reply []byte)) (refusal []byte) {
	select {
	case s.waiting.places <- struct{}{}:
	default:
		s.waiting.refused.Add(1)
		refusal = echo(packet, dns.RcodeServerFailure, nil)
		s.counts.answered(t, dns.TypeNone, dns.RcodeServerFailure, refusal)
		return refusal
	}
	packet = append([]byte(nil), packet...) // the caller goes on to use it
	s.running.Go(func() {
		reply := s.Respond(packet, t, nil)
		<-s.waiting.places // now: a client that is slow to take the reply holds no place
		if reply != nil {
			send(reply)
		}
	})
	return nil
}

// checkRecursors returns an error if one of the recursors is this server, which would ask
// itself for ever.
func checkRecursors(recursors []netip.AddrPort, addr netip.AddrPort) error {
	for _, r := range recursors {
		ip := r.Addr().Unmap()
		if r.Port() != addr.Port() || ip != addr.Addr().Unmap() && !(addr.Addr().IsUnspecified() && ofThisHost(ip)) {
			continue
		}
		return fault.Field("recursors", "%s is where this agent itself answers DNS: name a server that resolves other names, or remove it", r)
	}
	return nil
}

// ofThisHost reports whether an address is one of this host's.
func ofThisHost(ip netip.Addr) bool {
	if ip.IsLoopback() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false // a question that comes back is found out later, too
	}
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Unmap() == ip.WithZone("") {
			return true
		}
	}
	return false
}
