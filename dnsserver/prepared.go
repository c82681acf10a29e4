package dnsserver

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/miekg/dns"
)

// prepared is the answer to a question that is asked often, rendered so that giving it
// is a draw and a copy: the records of all that may be answered, without an order.
//
// It is made from what the full path answers, so the two cannot come to differ in what
// a record says. It holds as long as the service does not change, and is immutable but
// for its order, which each answer draws anew.
type prepared struct {
	name    string // as it stands in a packet, lower case
	qtype   uint16
	changed <-chan struct{} // closed when the service changed
	useless bool            // the full path must answer this one

	records []preparedRecord
	equal   bool // all weights are the same: any order is as good as another
	limit   int  // of records in an answer
	glue    int  // distinct additional records
	size    int  // bytes of an answer with the most there may be, from the header on, without OPT
}

// preparedRecord is one answer and what belongs to it in the additional section.
type preparedRecord struct {
	mean    float64 // 1/weight: of the waiting time whose order is the order of answers
	late    float64 // added to it: those of weight 0 come after all others
	answer  []byte  // from the owner, which is a pointer to the question, to the end
	glue    []byte  // likewise, but without its owner; empty if there is none
	shared  int     // which of the distinct glue it is
	pointAt int     // where in answer the name is that owns the glue
}

const (
	// maxPrepared bounds the records of a prepared answer; what has more does not fit the
	// packets of most clients.
	maxPrepared = 256
	// maxPreparedSize is how long a prepared answer may be.
	maxPreparedSize = 4096
	// latest is longer than any waiting time of a weight of 1 or more.
	latest = 1e6
)

// prepare renders the answer to a question about a service. It returns nil for names
// that are none; about them nothing is kept.
func (r *Resolver) prepare(qname string, qtype uint16, wire []byte) *prepared {
	in := r.inquire(qname, qtype)
	in.whole = true
	if in.about.kind != service || in.view.Service(in.about.name) == nil {
		return nil
	}
	p := &prepared{name: string(wire), qtype: qtype, changed: in.view.WatchService(in.about.name), useless: true}
	a := in.resolve()
	if a.rcode != dns.RcodeSuccess || a.foreign || len(a.authority) > 0 || len(a.entries) == 0 || len(a.entries) > maxPrepared {
		return p
	}
	p.limit = len(a.entries)
	if r.addressLimit > 0 && qtype != dns.TypeSRV {
		p.limit = min(p.limit, r.addressLimit)
	}
	glues := map[string]int{}
	longest := 0
	for i := range a.entries {
		rec, ok := prepareRecord(&a.entries[i], qname, qtype)
		if !ok {
			return p
		}
		if len(rec.glue) > 0 {
			key := string(rec.answer[rec.pointAt:]) + string(rec.glue)
			n, met := glues[key]
			if !met {
				n = len(glues)
				glues[key] = n
			}
			rec.shared = n
		}
		p.records = append(p.records, rec)
		longest = max(longest, len(rec.answer)+len(rec.glue)+2)
	}
	p.glue = len(glues)
	p.equal = sameWeights(p.records)
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
			size += 2 + len(rec.glue)
		}
	}
	return size
}

// prepareRecord renders one entry. It is not ok for one whose order is not drawn by
// weight, or that hangs on more than its service.
func prepareRecord(e *entry, qname string, qtype uint16) (rec preparedRecord, ok bool) {
	if e.member == nil || !e.member.ip.IsValid() || e.rr.Header().Name != qname || e.rr.Header().Rrtype != qtype || len(e.glue) > 1 {
		return rec, false
	}
	rest, ok := withoutOwner(e.rr)
	if !ok {
		return rec, false
	}
	rec.answer = append([]byte{0xc0, headerSize}, rest...)
	rec.mean = 1 / float64(e.member.share)
	if e.member.share == 0 {
		rec.mean, rec.late = 1, latest
	}
	if len(e.glue) == 0 {
		return rec, true
	}
	srv, isSRV := e.rr.(*dns.SRV)
	if !isSRV || e.glue[0].Header().Name != srv.Target {
		return rec, false
	}
	rec.pointAt = 2 + 10 + 6 // behind the owner, type to rdlength, priority to port
	rec.glue, ok = withoutOwner(e.glue[0])
	return rec, ok
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

func sameWeights(records []preparedRecord) bool {
	for i := range records {
		if records[i].mean != records[0].mean || records[i].late != records[0].late {
			return false
		}
	}
	return true
}

// draw is the order of one answer: places in records, and room to find it in.
type draw struct {
	place [maxPrepared]uint16
	at    [maxPrepared]float64
	met   [maxPrepared]bool
}

// order draws an order: the first p.limit places are those to answer with.
func (d *draw) order(p *prepared, r *rand.Rand) {
	n := len(p.records)
	if p.equal {
		for i := range n {
			d.place[i] = uint16(i)
		}
		for i := range min(p.limit, n-1) { // Fisher, Yates
			j := i + int(uint32(uint64(uint32(r.Uint64()))*uint64(n-i)>>32))
			d.place[i], d.place[j] = d.place[j], d.place[i]
		}
		return
	}
	// See lb.Shuffle for why the order of these times is the one wanted. Answers have few
	// records, and only as many places are kept as are asked for.
	kept := 0
	for i := range n {
		rec := &p.records[i]
		at := r.ExpFloat64()*rec.mean + rec.late
		if kept == p.limit {
			if at >= d.at[kept-1] {
				continue
			}
			kept--
		}
		k := kept
		for ; k > 0 && d.at[k-1] > at; k-- {
			d.at[k], d.place[k] = d.at[k-1], d.place[k-1]
		}
		d.at[k], d.place[k] = at, uint16(i)
		kept++
	}
}

// write appends the answers in the order drawn, then their glue, to a message that ends
// with the question, and returns how many additional records that are.
func (p *prepared) write(m []byte, d *draw) (reply []byte, additional int) {
	var target [maxPrepared]uint16
	for i := range p.limit {
		rec := &p.records[d.place[i]]
		target[i] = uint16(len(m) + rec.pointAt)
		m = append(m, rec.answer...)
	}
	if p.glue == 0 {
		return m, 0
	}
	clear(d.met[:p.glue])
	for i := range p.limit {
		rec := &p.records[d.place[i]]
		if len(rec.glue) == 0 || d.met[rec.shared] {
			continue
		}
		d.met[rec.shared] = true
		m = binary.BigEndian.AppendUint16(m, 0xc000|target[i])
		m = append(m, rec.glue...)
		additional++
	}
	return m, additional
}
