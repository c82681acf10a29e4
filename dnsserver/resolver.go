package dnsserver

import (
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/miekg/dns"

	"covey/catalog"
	"covey/dnsserver/recursor"
	"covey/lb"
)

// Resolver answers questions, given as messages or as packets, without a socket. Its
// methods are safe to call at once.
type Resolver struct {
	zone     *zone
	origin   origin
	ttls     *ttls
	catalog  interface{ View() *catalog.View }
	nodeName string
	log      *slog.Logger
	faults   quietly // logs of what should not happen
	serverID string  // "" to say nothing of this server
	version  string

	onlyPassing    bool
	udpAnswerLimit int // 0: none
	addressLimit   int // 0: none
	maxUDPSize     int

	// recursors are asked about names outside the domains; nil if nobody is.
	recursors *recursor.Client

	recursion byte // bitRA if there are recursors

	// lookupOutside resolves a name that is in none of the domains: what stands for a host
	// name that is an instance's address. What it returns may begin with aliases; ok is
	// false if nobody could be asked. nil if names outside are not resolved.
	lookupOutside func(name string, qtype uint16) (rrs []dns.RR, ok bool)

	nodesAt    nodesAt
	servicesAt servicesAt

	balancer    *lb.Balancer
	weightScale int // levels of SRV weights a unit; 0 for lb's choice
	now         func() time.Time

	counts counts
	random func() *rand.Rand // a source for one question
}

// NewResolver returns a resolver. The error tells every fault of the configuration,
// by the key a user would write; Addr is not looked at.
func NewResolver(c Config) (*Resolver, error) {
	c.setDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	r := &Resolver{
		zone:           newZone(&c),
		origin:         newOrigin(&c.SOA),
		ttls:           newTTLs(&c),
		catalog:        c.Catalog,
		nodeName:       c.NodeName,
		log:            c.Logger,
		onlyPassing:    c.OnlyPassing,
		udpAnswerLimit: c.UDPAnswerLimit,
		addressLimit:   c.ARecordLimit,
		maxUDPSize:     c.MaxUDPSize,
		serverID:       c.ServerID,
		version:        c.Version,
		balancer:       c.Balancer,
		weightScale:    c.SRVWeightScale,
		now:            time.Now,
		random:         func() *rand.Rand { return rand.New(runtimeSource{}) },
	}
	r.faults.log = c.Logger
	if err := r.openRecursors(&c); err != nil {
		return nil, err
	}
	return r, nil
}

// runtimeSource is the runtime's own generator, which needs no lock.
type runtimeSource struct{}

func (runtimeSource) Uint64() uint64 { return rand.Uint64() }

// Answer returns the reply to a message, nil if it deserves none. It changes nothing
// of q. It may wait for recursors.
func (r *Resolver) Answer(q *dns.Msg, t Transport) *dns.Msg { return r.answer(q, t, nil) }

// answer is Answer. If late is not nil it waits for nobody, and sets late if it would
// have to; the message is of no use then.
func (r *Resolver) answer(q *dns.Msg, t Transport, late *bool) *dns.Msg {
	if q.Response {
		return nil // or two servers would talk to each other for ever
	}
	m := newReply(q)
	m.RecursionAvailable = r.recursors != nil
	opt, ok := ednsOf(q)
	switch {
	case q.Opcode != dns.OpcodeQuery:
		return r.refuse(m, opt, dns.RcodeNotImplemented)
	case !ok || len(q.Question) != 1: // RFC 6891 section 6.1.1, RFC 9619
		return r.refuse(m, opt, dns.RcodeFormatError)
	case opt != nil && opt.Version() != 0:
		return r.refuse(m, opt, dns.RcodeBadVers)
	}
	question := q.Question[0]
	if rcode := unanswerable(question); rcode != dns.RcodeSuccess {
		if rr := r.chaos(question); rr != nil {
			rcode, m.Answer = dns.RcodeSuccess, []dns.RR{rr}
		}
		return r.refuse(m, opt, rcode)
	}
	size := r.size(t, opt)
	in := r.inquire(question.Name, question.Qtype)
	in.room, in.client, in.late = size/leastRecord, r.client(t), late
	if !t.Local {
		in.remote = in.client
	}
	a, most := in.resolve(), r.most(t, opt)
	if r.forwards(q, &a) {
		a, most = in.forward(q, opt, t), maxSize
	}
	m.Rcode, m.Authoritative, m.Ns = a.rcode, !a.foreign, a.authority
	reply := r.replyOPT(opt)
	if *in.stale {
		markStale(reply)
	}
	fit(m, reply, a.entries, size, most, in.client)
	return m
}

// inquire begins an inquiry into a name of the zone, on the view of this moment.
func (r *Resolver) inquire(qname string, qtype uint16) *inquiry {
	about := r.zone.parse(qname)
	return &inquiry{
		Resolver: r,
		view:     r.catalog.View(),
		rand:     r.random(),
		qname:    qname,
		qtype:    qtype,
		about:    about,
		tags:     about.tags(),
		room:     maxSize / leastRecord,
		followed: new(int),
		sought:   new(int),
		stale:    new(bool),
	}
}

// unanswerable returns the rcode for questions that no name has an answer to.
func unanswerable(q dns.Question) int {
	switch {
	case q.Qtype == dns.TypeNone || q.Qtype == dns.TypeOPT:
		return dns.RcodeFormatError
	case q.Qtype >= firstMetaType && q.Qtype < dns.TypeANY:
		return dns.RcodeNotImplemented // AXFR and IXFR among them
	case q.Qclass != dns.ClassINET && q.Qclass != dns.ClassANY:
		return dns.RcodeRefused
	}
	return dns.RcodeSuccess
}

// firstMetaType begins the types that are no data, which end with ANY: RFC 6895
// section 3.1.
const firstMetaType = 128
