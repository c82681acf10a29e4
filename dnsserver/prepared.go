package dnsserver

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"github.com/miekg/dns"

	"covey/lb"
)

// prepared is the answer to a question that is asked often, rendered so that giving it
// is a draw and a copy: the records of all that may be answered, without an order.
//
// It is made from what the full path answers, so the two cannot come to differ in what
// a record says. It holds as long as the service does not change, and is immutable but
// for the orders that its scribes go on from.
type prepared struct {
	name    string // as it stands in a packet, lower case
	qtype   uint16
	changed <-chan struct{} // closed when the service changed
	useless bool            // the full path must answer this one

	validity
	records []preparedRecord
	means   []float64     // lb.Mean of the weight of each
	levels  []uint16      // of each, which come before weights; nil if there is one only
	equal   bool          // all weights are the same: any order is as good as another
	first   *lb.Alias     // draws what stands first in an answer; nil if nothing has to
	limit   int           // of records in an answer
	glue    int           // distinct targets with additional records
	others  [][]byte      // the second glue of each target, for hosts with both IP versions; nil if there are none
	rolling []*lb.Rolling // by the scribe's number: the order of its last answer, which nobody else touches
	size    int           // bytes of an answer with the most there may be, from the header on, without OPT
}

// preparedRecord is one answer and what belongs to it in the additional section.
type preparedRecord struct {
	answer  []byte // from the owner, which is a pointer to the question, to the end
	glue    []byte // likewise, but without its owner; empty if there is none
	shared  int    // which of the distinct glue it is
	pointAt int    // where in answer the name is that owns the glue
}

const (
	// maxPrepared bounds the records of a prepared answer that is to have several; what has
	// more does not fit the packets of most clients.
	maxPrepared = lb.MaxDraw
	// maxPreparedSize is how long a prepared answer may be.
	maxPreparedSize = 4096
)

// validity is what a prepared answer hangs on besides its service. The zero value is
// nothing.
type validity struct {
	own       bool            // it is for the agent's own host only
	until     time.Time       // zero for ever
	hosts     <-chan struct{} // closed when there are other hosts; nil if they do not count
	ejections uint64          // lb.Balancer.Ejections
}

func validityOf(in *inquiry, ejections uint64) validity {
	v := validity{own: in.balanced.ByClient, until: in.balanced.Until, ejections: ejections}
	if in.balanced.OfHosts {
		v.hosts = in.view.WatchNodes()
	}
	return v
}

// over reports whether it has passed.
func (v *validity) over(r *Resolver) bool {
	if v.ejections != r.balancer.Ejections() || !v.until.IsZero() && !r.now().Before(v.until) {
		return true
	}
	if v.hosts == nil {
		return false
	}
	select {
	case <-v.hosts:
		return true
	default:
		return false
	}
}

// prepare renders the answer to a question about a service. It returns nil for names
// that are none, those with a tag that nobody has among them; about them nothing is kept.
func (r *Resolver) prepare(qname string, qtype uint16, wire []byte) *prepared {
	in := r.inquire(qname, qtype)
	in.whole, in.late = true, new(bool)
	if in.about.kind != service || in.view.Service(in.about.name) == nil {
		return nil
	}
	p := &prepared{name: string(wire), qtype: qtype, changed: in.view.WatchService(in.about.name), useless: true}
	ejections := r.balancer.Ejections()
	a := in.resolve()
	p.validity = validityOf(in, ejections)
	if a.rcode == dns.RcodeNameError && in.about.tag != "" {
		return nil // there is no end of such names
	}
	if *in.stale || a.rcode != dns.RcodeSuccess || a.foreign || len(a.authority) > 0 || len(a.entries) == 0 || in.balanced.InTurn() {
		return p
	}
	p.limit = len(a.entries)
	if most, _ := in.mostAddresses(); most > 0 && qtype != dns.TypeSRV {
		p.limit = min(p.limit, most)
	}
	if len(a.entries) > maxPrepared && p.limit > 1 {
		return p
	}
	glues := map[string]int{}
	var others [][]byte // by the same numbers
	longest := 0
	for i := range a.entries {
		rec, other, ok := prepareRecord(&a.entries[i], qname, qtype)
		if !ok {
			return p
		}
		if len(rec.glue) > 0 {
			key := string(rec.answer[rec.pointAt:]) + string(rec.glue) + string(other)
			n, met := glues[key]
			if !met {
				n = len(glues)
				glues[key] = n
				others = append(others, other)
			}
			rec.shared = n
		}
		p.records = append(p.records, rec)
		p.means = append(p.means, lb.Mean(a.entries[i].member.Weight))
		p.levels = append(p.levels, a.entries[i].member.Level)
		longest = max(longest, len(rec.answer)+glueSize(rec.glue)+glueSize(other))
	}
	p.glue = len(glues)
	if slices.ContainsFunc(others, func(rr []byte) bool { return len(rr) > 0 }) {
		p.others = others
	}
	p.equal = slices.Max(p.means) == slices.Min(p.means)
	if slices.Max(p.levels) == slices.Min(p.levels) {
		p.levels = nil
	}
	if p.limit == 1 || p.rolls() {
		p.first = lb.NewAlias(firstWeights(a.entries))
	}
	p.size = headerSize + len(wire) + 4
	if p.limit < len(p.records) {
		p.size += p.limit * longest
	} else {
		p.size += p.wholeSize()
	}
	p.useless = p.size > maxPreparedSize
	return p
}

func (p *prepared) wholeSize() int {
	size := 0
	met := make([]bool, p.glue)
	for i := range p.records {
		rec := &p.records[i]
		size += len(rec.answer)
		if len(rec.glue) > 0 && !met[rec.shared] {
			met[rec.shared] = true
			size += glueSize(rec.glue)
			if p.others != nil {
				size += glueSize(p.others[rec.shared])
			}
		}
	}
	return size
}

// glueSize is what additional records take behind a pointer to their owner.
func glueSize(rr []byte) int {
	if len(rr) == 0 {
		return 0
	}
	return 2 + len(rr)
}

// prepareRecord renders one entry; other is its second glue if it has two. It is not ok
// for one whose order is not drawn by weight, or that hangs on more than its service.
func prepareRecord(e *entry, qname string, qtype uint16) (rec preparedRecord, other []byte, ok bool) {
	if e.member == nil || !e.member.ip.IsValid() || e.rr.Header().Name != qname || e.rr.Header().Rrtype != qtype || len(e.glue) > 2 {
		return rec, nil, false
	}
	rest, ok := withoutOwner(e.rr)
	if !ok {
		return rec, nil, false
	}
	rec.answer = append([]byte{0xc0, headerSize}, rest...)
	srv, isSRV := e.rr.(*dns.SRV)
	for i, into := range []*[]byte{&rec.glue, &other}[:len(e.glue)] {
		if !isSRV || e.glue[i].Header().Name != srv.Target {
			return rec, nil, false
		}
		if *into, ok = withoutOwner(e.glue[i]); !ok {
			return rec, nil, false
		}
		rec.pointAt = 2 + 10 + 6 // behind the owner, type to rdlength, priority to port
	}
	return rec, other, true
}

// withoutOwner is a record as it is written, from the type on. Its names are not
// compressed: those of an SRV record may not be (RFC 2782), others do not occur.
func withoutOwner(rr dns.RR) ([]byte, bool) {
	buf := make([]byte, dns.Len(rr)+maxName)
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return nil, false
	}
	_, at, err := dns.UnpackDomainName(buf, 0)
	if err != nil {
		return nil, false
	}
	return append([]byte(nil), buf[at:n]...), true
}

// rolls reports whether one answer's order may go on from that of the answer before: where
// all records are answered, by weight. Of which of them a part is, is drawn for each.
func (p *prepared) rolls() bool {
	return p.levels == nil && !p.equal && p.limit == len(p.records)
}

// order draws the places of the records to answer with.
func (s *scribe) order(p *prepared) []uint8 {
	switch {
	case p.levels != nil:
		return s.draw.ByLevel(p.means, p.levels, p.limit)
	case p.equal:
		return s.draw.Evenly(len(p.records), p.limit)
	case !p.rolls() || s.number >= len(p.rolling): // which came later than this answer
		return s.draw.ByWeight(p.means, p.limit)
	}
	if p.rolling[s.number] == nil {
		p.rolling[s.number] = new(lb.Rolling)
	}
	return s.draw.Roll(p.rolling[s.number], p.first, p.means)
}

// firstWeights are the weights of those entries that may come first: the lowest level, and
// in it any if none has a weight.
func firstWeights(entries []entry) []float64 {
	lowest := slices.MinFunc(entries, func(a, b entry) int { return cmp.Compare(a.member.Level, b.member.Level) }).member.Level
	w := make([]float64, len(entries))
	sum := 0.0
	for i := range entries {
		if m := entries[i].member; m.Level == lowest {
			w[i] = m.Weight
			sum += w[i]
		}
	}
	for i := range entries {
		if sum == 0 && entries[i].member.Level == lowest {
			w[i] = 1
		}
	}
	return w
}

// write appends the records at the places drawn, then their glue, to a message that ends
// with the question, and returns how many additional records that are.
func (s *scribe) write(m []byte, p *prepared, places []uint8) (reply []byte, additional int) {
	if p.glue == 0 {
		for _, place := range places {
			m = append(m, p.records[place].answer...)
		}
		return m, 0
	}
	for i, place := range places {
		rec := &p.records[place]
		s.target[i] = uint16(len(m) + rec.pointAt)
		m = append(m, rec.answer...)
	}
	clear(s.met[:p.glue])
	for i, place := range places {
		rec := &p.records[place]
		if len(rec.glue) == 0 || s.met[rec.shared] {
			continue
		}
		s.met[rec.shared] = true
		m = binary.BigEndian.AppendUint16(m, 0xc000|s.target[i])
		m = append(m, rec.glue...)
		additional++
		if p.others != nil && len(p.others[rec.shared]) > 0 {
			m = binary.BigEndian.AppendUint16(m, 0xc000|s.target[i])
			m = append(m, p.others[rec.shared]...)
			additional++
		}
	}
	return m, additional
}
