package dnsserver

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"covey/lb"
)

// srvRecord is what a client reads of an SRV record that matters to its choice.
type srvRecord struct{ priority, weight, port uint16 }

// byRFC2782 chooses among SRV records as its section "Usage rules" has it.
func byRFC2782(records []srvRecord, r *rand.Rand) srvRecord {
	lowest := slices.MinFunc(records, func(a, b srvRecord) int { return int(a.priority) - int(b.priority) }).priority
	var order []srvRecord
	for _, zero := range []bool{true, false} { // those of weight 0 at the beginning, else any order
		for _, rec := range records {
			if rec.priority == lowest && (rec.weight == 0) == zero {
				order = append(order, rec)
			}
		}
	}
	sum := 0
	for _, rec := range order {
		sum += int(rec.weight)
	}
	number, running := r.IntN(sum+1), 0 // 0 and the sum included
	for _, rec := range order {
		if running += int(rec.weight); running >= number {
			return rec
		}
	}
	panic("the running sum ends below the sum")
}

// srvRecords reads the answer section of a reply of the fast path, whose owners are
// pointers, fast enough for a million of them.
func srvRecords(into []srvRecord, reply []byte, question int) []srvRecord {
	at := headerSize + question
	for range binary.BigEndian.Uint16(reply[6:]) {
		data := at + 2 + 10
		u16 := func(i int) uint16 { return binary.BigEndian.Uint16(reply[data+i:]) }
		into = append(into, srvRecord{u16(0), u16(2), u16(4)})
		at = data + int(binary.BigEndian.Uint16(reply[data-2:]))
	}
	return into
}

// TestAMillionPacketsFollowTheWeights holds twenty instances of unequal weights to
// chi-square with p > 0.001, over a million replies of the fast path, in the three ways in
// which clients choose. Seeds are fixed.
func TestAMillionPacketsFollowTheWeights(t *testing.T) {
	total := 1_000_000
	if raced || testing.Short() {
		total = 50_000
	}
	const firstPort = 8000
	for _, c := range []struct {
		name, meta string
		qtype      uint16
		choose     func(records []srvRecord, r *rand.Rand) srvRecord
	}{
		{"first of SRV", "", dns.TypeSRV, func(records []srvRecord, _ *rand.Rand) srvRecord { return records[0] }},
		{"SRV by RFC 2782", "", dns.TypeSRV, byRFC2782},
		{"SRV by RFC 2782, scaled", " meta.lb-srv-weight-scale:=256", dns.TypeSRV, byRFC2782},
		{"first of A", "", dns.TypeA, nil},
		{"single", " meta.lb-policy:=single", dns.TypeA, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var lines strings.Builder
			sum := 0.0
			for i := range 20 {
				fmt.Fprintf(&lines, "node n%d 10.0.0.%d\nservice web a@n%d :%d weight=%d%s\n", i, i, i, firstPort+i, 10+i, c.meta)
				sum += float64(10 + i)
			}
			s := newFastPath(worldOf(t, lines.String()).resolver(t)).scribe()
			s.draw = lb.NewDraw(6)
			r := rand.New(rand.NewPCG(1, 2))
			packet := pack(t, new(dns.Msg).SetQuestion("web.service.local.", c.qtype).SetEdns0(4096, false))
			question := len("\x03web\x07service\x05local\x00") + 4
			buf := make([]byte, 0, 4096)
			var records []srvRecord
			seen := make([]int, 20)
			for range total {
				reply, ok := s.answer(packet, Transport{Local: true}, buf)
				if !ok {
					t.Fatal("not answered")
				}
				if c.qtype == dns.TypeA {
					seen[reply[headerSize+question+2+10+3]]++ // the last byte of the first address
					continue
				}
				records = srvRecords(records[:0], reply, question)
				seen[c.choose(records, r).port-firstPort]++
			}
			chi2, off := 0.0, 0.0
			for i, n := range seen {
				want := float64(total) * float64(10+i) / sum
				chi2 += (float64(n) - want) * (float64(n) - want) / want
				off = max(off, math.Abs(float64(n)/want-1))
			}
			t.Logf("chi-square %.1f; the furthest share is %.2f %% off", chi2, 100*off)
			if chi2 > 43.82 { // once in a thousand times, with 19 degrees of freedom
				t.Errorf("chi-square %.1f of %v", chi2, seen)
			}
		})
	}
}
