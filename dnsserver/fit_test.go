package dnsserver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

// fleet is a world with n instances of web, each on a node of its own.
func fleet(t testing.TB, n int, extra ...string) *world {
	t.Helper()
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "node web-%d 10.1.%d.%d\nservice web a@web-%d :8080 weight=%d meta.alpn:=h2\n", i, i>>8, i&255, i, 1+i%5)
	}
	return worldOf(t, b.String()+strings.Join(extra, "\n"))
}

// exchange sends a question as a packet and returns the parsed reply and its size.
func exchange(t testing.TB, r *Resolver, name string, qtype uint16, edns int, via Transport) (*dns.Msg, int) {
	t.Helper()
	q := new(dns.Msg).SetQuestion(name, qtype)
	if edns > 0 {
		q.SetEdns0(uint16(edns), false)
	}
	packet, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	reply := r.Respond(packet, via, nil)
	m := new(dns.Msg)
	if err := m.Unpack(reply); err != nil {
		t.Fatal(err)
	}
	return m, len(reply)
}

func TestReplySizes(t *testing.T) {
	const big = 200
	world := fleet(t, big, "config alt_domain=a.test")
	for name, c := range map[string]struct {
		qtype  uint16
		edns   int
		via    Transport
		answer func(n int) bool // how many answers
		glue   func(n int) bool
		limit  int
		tc     bool
	}{
		"512 without EDNS, A":          {dns.TypeA, 0, Transport{Local: true}, is(29), is(0), 512, true},
		"512 without EDNS, SRV":        {dns.TypeSRV, 0, Transport{}, between(9, 13), between(0, 2), 512, true},
		"less than 512 means 512":      {dns.TypeA, 100, Transport{}, between(28, 29), is(0), 512, true},
		"1232 asked for, A":            {dns.TypeA, 1232, Transport{}, between(70, 76), is(0), 1232, true},
		"4096 from another host, A":    {dns.TypeA, 4096, Transport{}, between(70, 76), is(0), 1232, true},
		"4096 from loopback, A":        {dns.TypeA, 4096, Transport{Local: true}, is(big), is(0), 4096, false},
		"4096 from loopback, SRV":      {dns.TypeSRV, 4096, Transport{Local: true}, between(80, 120), between(0, 2), 4096, true},
		"9000 holds SRV, not all glue": {dns.TypeSRV, 9000, Transport{Local: true}, is(big), between(1, big-1), 9000, false},
		"the most UDP can ask for":     {dns.TypeSRV, 65535, Transport{Local: true}, is(big), is(big), 65507, false},
		"TCP":                          {dns.TypeSRV, 0, Transport{Stream: true}, is(big), is(big), 65535, false},
		"TCP from another host":        {dns.TypeSRV, 512, Transport{Stream: true}, is(big), is(big), 65535, false},
	} {
		t.Run(name, func(t *testing.T) {
			m, size := exchange(t, world.resolver(t), "web.service.local.", c.qtype, c.edns, c.via)
			glue := len(m.Extra)
			if m.IsEdns0() != nil {
				glue--
			}
			if size > c.limit || !c.answer(len(m.Answer)) || !c.glue(glue) || m.Truncated != c.tc {
				t.Errorf("%d bytes, %d answers, %d glue, TC %v", size, len(m.Answer), glue, m.Truncated)
			}
			inStep(t, m)
		})
	}
}

func is(want int) func(int) bool           { return func(n int) bool { return n == want } }
func between(low, high int) func(int) bool { return func(n int) bool { return low <= n && n <= high } }

// inStep fails the test if there is glue that no answer points to, or glue for a later
// answer while an earlier one has none.
func inStep(t testing.TB, m *dns.Msg) {
	t.Helper()
	targets := map[string]int{}
	for i, rr := range m.Answer {
		if srv, ok := rr.(*dns.SRV); ok {
			if _, met := targets[srv.Target]; !met {
				targets[srv.Target] = i
			}
		}
	}
	last := -1
	for _, rr := range m.Extra {
		if rr.Header().Rrtype == dns.TypeOPT {
			continue
		}
		at, ok := targets[rr.Header().Name]
		if !ok || at < last {
			t.Fatalf("%v stands without its answer or out of step", rr)
		}
		last = at
	}
}

func TestWholeSetGoesOverTCPUpTo64KiB(t *testing.T) {
	r := fleet(t, 1000).resolver(t)
	m, _ := exchange(t, r, "web.service.local.", dns.TypeSRV, 0, Transport{Stream: true})
	if len(m.Answer) != 1000 || m.Truncated {
		t.Errorf("%d of 1000, TC %v", len(m.Answer), m.Truncated)
	}
	r = fleet(t, 5000).resolver(t)
	m, size := exchange(t, r, "web.service.local.", dns.TypeA, 0, Transport{Stream: true})
	if size > dns.MaxMsgSize || len(m.Answer) < 4000 || !m.Truncated {
		t.Errorf("%d of 5000 in %d bytes, TC %v", len(m.Answer), size, m.Truncated)
	}
}

func TestRepliesFitAndSayWhatIsCut(t *testing.T) {
	worlds := []*world{fleet(t, 1), fleet(t, 12), fleet(t, 60)}
	long := strings.Repeat("a23456789012345678901234567890123456789012345678901234567890.", 3) + "example.com"
	worlds = append(worlds, worldOf(t, "node n1 10.0.0.1\nservice web a@n1 "+long+":1\nservice web b@n1 "+long+":2\nservice web c@n1 :3"))
	rapid.Check(t, func(t *rapid.T) {
		w := worlds[rapid.IntRange(0, len(worlds)-1).Draw(t, "world")]
		w.config.UDPAnswerLimit = rapid.IntRange(0, 5).Draw(t, "limit")
		r, err := NewResolver(w.config)
		if err != nil {
			t.Fatal(err)
		}
		qtype := rapid.SampledFrom([]uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypeANY, dns.TypePTR, dns.TypeHTTPS}).Draw(t, "type")
		size := rapid.IntRange(512, 6000).Draw(t, "size")
		q := new(dns.Msg).SetQuestion("_web._tcp.service.local.", qtype).SetEdns0(uint16(size), false)
		m := r.Answer(q, Transport{Local: true})
		whole := r.Answer(q, Transport{Stream: true})
		packed, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if len(packed) > size {
			t.Fatalf("%d bytes exceed %d", len(packed), size)
		}
		if m.Truncated != (len(m.Answer) < len(whole.Answer)) {
			t.Fatalf("TC is %v with %d of %d answers", m.Truncated, len(m.Answer), len(whole.Answer))
		}
		if len(whole.Answer) > 0 && len(m.Answer) == 0 {
			t.Fatalf("no answer is left of %d", len(whole.Answer))
		}
		if m.Truncated && qtype == dns.TypeSRV && size-len(packed) > 300 {
			t.Fatalf("%d bytes are left unused", size-len(packed))
		}
	})
}

// An answer that is longer than 512 bytes by itself sends the client to TCP.
func TestAnAnswerTooLongForUDPIsLeftOut(t *testing.T) {
	label := strings.Repeat("a", 60)
	host := strings.Repeat(label+".", 3) + label
	tag := strings.Repeat(label+".", 3) + strings.Repeat("t", 40)
	w := worldOf(t, "node n1 10.0.0.1\nservice w a@n1 "+host+":1 tag="+tag)
	name := tag + ".w.service.local."
	for edns, want := range map[int]int{0: 0, 1232: 1} {
		m, size := exchange(t, w.resolver(t), name, dns.TypeSRV, edns, Transport{})
		if edns == 0 && size > 512 || len(m.Answer) != want || m.Truncated != (want == 0) {
			t.Errorf("EDNS %d: %d answers in %d bytes, TC %v", edns, len(m.Answer), size, m.Truncated)
		}
	}
}
