package dnsserver

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"github.com/miekg/dns"
)

// leastRecord is the size of the smallest record that is answered: an A record whose
// owner is a compression pointer.
const leastRecord = 16

// fit puts into m as much of the entries as size bytes hold, but no more than most,
// and returns how many answers that are. What it left out is moved to the end of
// entries.
//
// Answers go before glue: a client can ask for what an answer points to, but takes
// who is missing for gone. So glue is left out first, silently (RFC 2181 section 9),
// then answers, and TC says so. No glue stands without its answer.
//
// Which answers stay is the client's affinity: the same ones each time, or servers would
// come and go for a client that does not turn to TCP. Their order is as drawn.
//
// If not even one answer fits there is none; TC sends the client to TCP.
func fit(m *dns.Msg, opt *dns.OPT, entries []entry, size, most int, client uint64) int {
	s := newSections(m, opt, entries)
	fits := func(answers, glued int) bool { s.put(answers, glued); return m.Len() <= size }
	n := len(entries)
	if n > min(most, size/leastRecord) || !fits(n, n) && !fits(n, 0) {
		order := byAffinity(entries, client)
		arrange(entries, order)
		s = newSections(m, opt, entries)
		n = greatest(min(n, most, size/leastRecord), func(n int) bool { return fits(n, 0) })
		arrange(entries, drawnFirst(order, n))
		s = newSections(m, opt, entries)
		for n > 0 && !fits(n, 0) {
			n-- // in a message of more than 16 KiB the order counts: not all names compress
		}
	}
	glued := greatest(n, func(g int) bool { return fits(n, g) })
	s.put(n, glued)
	m.Truncated = n < len(entries)
	return n
}

// byAffinity is the places of the entries, those that a client keeps longest first. What
// no instance stands for, and the aliases that lead to the rest, come before all.
func byAffinity(entries []entry, client uint64) []int {
	ranks := make([]float64, len(entries))
	order := make([]int, len(entries))
	for i := range entries {
		order[i] = i
		if e := &entries[i]; e.member == nil || e.rr.Header().Rrtype == dns.TypeCNAME {
			ranks[i] = -1
		} else {
			ranks[i] = e.member.rank(client)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ranks[a], ranks[b]) })
	return order
}

// drawnFirst is, for entries in the order given, how to bring the first n of them into
// the order they had before.
func drawnFirst(order []int, n int) []int {
	back := make([]int, len(order))
	for i := range back {
		back[i] = i
	}
	slices.SortFunc(back[:n], func(a, b int) int { return cmp.Compare(order[a], order[b]) })
	return back
}

// arrange brings the entries into the order given by their places.
func arrange(entries []entry, order []int) {
	was := slices.Clone(entries)
	for i, at := range order {
		entries[i] = was[at]
	}
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
