package dnsserver

import (
	"sort"
	"strings"

	"github.com/miekg/dns"
)

// leastRecord is the size of the smallest record that is answered: an A record whose
// owner is a compression pointer.
const leastRecord = 16

// fit puts into m as much of the entries as size bytes hold, but no more than most,
// and returns how many answers that are.
//
// Answers go before glue: a client can ask for what an answer points to, but takes
// who is missing for gone. So glue is left out first, silently (RFC 2181 section 9),
// then answers from the end, and TC says so. No glue stands without its answer.
//
// If not even one answer fits there is none; TC sends the client to TCP.
func fit(m *dns.Msg, opt *dns.OPT, entries []entry, size, most int) int {
	s := newSections(m, opt, entries)
	n := min(len(entries), most, size/leastRecord)
	if s.put(n, n); m.Len() <= size {
		m.Truncated = n < len(entries)
		return n
	}
	n = greatest(n, func(n int) bool { s.put(n, 0); return m.Len() <= size })
	glued := greatest(n, func(g int) bool { s.put(n, g); return m.Len() <= size })
	s.put(n, glued)
	m.Truncated = n < len(entries)
	return n
}

// greatest is the greatest i in 0..n for which ok(i) holds, given that it holds up to
// there and no further. ok(0) is taken for granted.
func greatest(n int, ok func(int) bool) int {
	return sort.Search(n, func(i int) bool { return !ok(i + 1) })
}

// sections are the answers and the additional records of a message, laid out so that
// any prefix can be tried.
type sections struct {
	m       *dns.Msg
	answers []dns.RR
	extra   []dns.RR // the OPT record if there is one, then all glue
	end     []int    // end[i]: how much of extra belongs to the first i answers
}

func newSections(m *dns.Msg, opt *dns.OPT, entries []entry) *sections {
	s := &sections{m: m, answers: make([]dns.RR, len(entries)), end: make([]int, 1, len(entries)+1)}
	if opt != nil {
		s.extra = append(s.extra, opt)
	}
	s.end[0] = len(s.extra)
	var met map[string]struct{}
	for i, e := range entries {
		s.answers[i] = e.rr
		for _, rr := range e.glue {
			key := glueKey(rr)
			if _, twice := met[key]; twice {
				continue // two ports of one host share its address
			}
			if met == nil {
				met = make(map[string]struct{}, len(entries))
			}
			met[key] = struct{}{}
			s.extra = append(s.extra, rr)
		}
		s.end = append(s.end, len(s.extra))
	}
	return s
}

// glueKey tells records apart; those of one name may be several.
func glueKey(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.A:
		return strings.ToLower(rr.Hdr.Name) + string(rr.A)
	case *dns.AAAA:
		return strings.ToLower(rr.Hdr.Name) + string(rr.AAAA)
	}
	return rr.String()
}

func (s *sections) put(answers, glued int) {
	s.m.Answer, s.m.Extra = s.answers[:answers], s.extra[:s.end[glued]]
}
