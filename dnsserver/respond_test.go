package dnsserver

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"covey/catalog"
	"covey/internal/bubble"
)

func smallWorld(t testing.TB) *world {
	return worldOf(t, `
		config alt_domain=covey.test
		node n1 10.0.0.1 meta.os:=linux
		node db.north 10.0.0.2
		node lost 10.0.0.3 failed
		service web a@n1 :80 weight=3 tag=v1
		service web b@db.north :80 tag=a.b
		service web c@lost :80
		service six a@n1 [2001:db8::1]:80
		service named a@n1 web.service.local:80
	`)
}

func pack(t testing.TB, q *dns.Msg) []byte {
	t.Helper()
	packet, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestMalformedPackets(t *testing.T) {
	good := pack(t, new(dns.Msg).SetQuestion("web.service.local.", dns.TypeA))
	edit := func(change func(p []byte) []byte) []byte { return change(bytes.Clone(good)) }
	opt := func(name string) dns.RR {
		return &dns.OPT{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeOPT, Class: 1232}}
	}
	withExtra := func(extra ...dns.RR) []byte {
		q := new(dns.Msg).SetQuestion("web.service.local.", dns.TypeA)
		q.Extra = extra
		return pack(t, q)
	}
	const silence = -1
	for name, c := range map[string]struct {
		packet []byte
		rcode  int
	}{
		"nothing":             {nil, silence},
		"less than a header":  {good[:11], silence},
		"a response":          {edit(func(p []byte) []byte { p[2] |= 0x80; return p }), silence},
		"a header only":       {good[:12], dns.RcodeFormatError},
		"half a name":         {good[:16], dns.RcodeFormatError},
		"no class":            {good[:len(good)-2], dns.RcodeFormatError},
		"no question":         {edit(func(p []byte) []byte { p[5] = 0; return p[:12] }), dns.RcodeFormatError},
		"two questions":       {edit(func(p []byte) []byte { p[5] = 2; return append(p, p[12:]...) }), dns.RcodeFormatError},
		"two, of which one":   {edit(func(p []byte) []byte { p[5] = 2; return p }), dns.RcodeFormatError},
		"a pointer to itself": {edit(func(p []byte) []byte { return append(p[:12], 0xc0, 12, 0, 1, 0, 1) }), dns.RcodeFormatError},
		"a pointer beyond":    {edit(func(p []byte) []byte { return append(p[:12], 0xc1, 0xff, 0, 1, 0, 1) }), dns.RcodeFormatError},
		"a label of 64":       {edit(func(p []byte) []byte { p[12] = 64; return p }), dns.RcodeFormatError},
		"a name of 300": {edit(func(p []byte) []byte {
			p = p[:12]
			for range 6 {
				p = append(append(p, 49), bytes.Repeat([]byte{'a'}, 49)...)
			}
			return append(p, 0, 0, 1, 0, 1)
		}), dns.RcodeFormatError},
		"a broken record":                      {edit(func(p []byte) []byte { p[11] = 1; return append(p, 0, 0, 41, 4) }), dns.RcodeFormatError},
		"two OPT records":                      {withExtra(opt("."), opt(".")), dns.RcodeFormatError},
		"OPT not at root":                      {withExtra(opt("a.")), dns.RcodeFormatError},
		"a subnet with bits beyond its length": {withSubnet(t, 0, 1, 24, 0, 192, 0, 2, 1), dns.RcodeFormatError},
		"a subnet that is too long":            {withSubnet(t, 0, 1, 24, 0, 192, 0, 2, 1, 1), dns.RcodeFormatError},
		"a subnet with a scope":                {withSubnet(t, 0, 1, 24, 24, 192, 0, 2), dns.RcodeFormatError},
		"a subnet of 33 bits":                  {withSubnet(t, 0, 1, 33, 0, 192, 0, 2, 1, 1), dns.RcodeFormatError},
		"a subnet of no family":                {withSubnet(t, 0, 9, 24, 0, 192, 0, 2), dns.RcodeFormatError},
		"half a subnet":                        {withSubnet(t, 0, 1), dns.RcodeFormatError},
		"an option longer than its record": {edit(func(p []byte) []byte {
			p[11] = 1
			return append(p, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 5, 0, 8, 0, 9, 1)
		}), dns.RcodeFormatError},
		"an option nobody knows": {edit(func(p []byte) []byte {
			p[11] = 1
			return append(p, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 5, 0xfd, 0xe9, 0, 1, 1)
		}), dns.RcodeSuccess},
		"EDNS of another version": {edit(func(p []byte) []byte {
			p[11] = 1
			return append(p, 0, 0, 41, 4, 208, 0, 1, 0, 0, 0, 0)
		}), dns.RcodeBadVers},
		"counts beyond the packet": {edit(func(p []byte) []byte { p[7], p[9], p[11] = 255, 255, 255; return p }), dns.RcodeFormatError},
		"65535 questions":          {edit(func(p []byte) []byte { p[4], p[5] = 255, 255; return p }), dns.RcodeFormatError},
		"a label kind of RFC 6891": {edit(func(p []byte) []byte { p[12] = 0x41; return p }), dns.RcodeFormatError},
		"a reserved label kind":    {edit(func(p []byte) []byte { p[12] = 0x83; return p }), dns.RcodeFormatError},
		"a name without its end":   {edit(func(p []byte) []byte { return p[:len(p)-5] }), dns.RcodeFormatError},
		"a pointer forward": {edit(func(p []byte) []byte {
			return append(p[:12], 0xc0, 18, 0, 1, 0, 1, 3, 'w', 'e', 'b', 0)
		}), dns.RcodeFormatError},
		"a pointer in a label's place": {edit(func(p []byte) []byte {
			return append(p[:12], 3, 'w', 'e', 'b', 0xc0, 12, 0, 1, 0, 1)
		}), dns.RcodeFormatError},
		"class CHAOS":                    {edit(func(p []byte) []byte { p[len(p)-1] = dns.ClassCHAOS; return p }), dns.RcodeRefused},
		"class 0":                        {edit(func(p []byte) []byte { p[len(p)-1] = 0; return p }), dns.RcodeRefused},
		"class NONE":                     {edit(func(p []byte) []byte { p[len(p)-1] = dns.ClassNONE; return p }), dns.RcodeRefused},
		"type 0":                         {edit(func(p []byte) []byte { p[len(p)-3] = 0; return p }), dns.RcodeFormatError},
		"an opcode that is not assigned": {edit(func(p []byte) []byte { p[2] |= 15 << 3; return p }), dns.RcodeNotImplemented},
		"an inverse query":               {edit(func(p []byte) []byte { p[2] |= 1 << 3; return p }), dns.RcodeNotImplemented},
		"a response with another opcode": {edit(func(p []byte) []byte { p[2] |= 0x80 | 5<<3; return p }), silence},
		"another opcode":                 {edit(func(p []byte) []byte { p[2] |= dns.OpcodeUpdate << 3; return p }), dns.RcodeNotImplemented},
		"a bare NOTIFY":                  {[]byte{1, 2, dns.OpcodeNotify << 3, 0, 0, 9, 0, 9, 0, 9, 0, 9}, dns.RcodeNotImplemented},
		"bytes behind":                   {append(bytes.Clone(good), 1, 2, 3), dns.RcodeSuccess},
		"a record besides":               {withExtra(&dns.A{Hdr: header("x.", dns.TypeA, 0), A: []byte{1, 2, 3, 4}}), dns.RcodeSuccess},
	} {
		t.Run(name, func(t *testing.T) {
			r := smallWorld(t).resolver(t)
			reply := r.Respond(c.packet, Transport{}, make([]byte, 100))
			if (reply == nil) != (c.rcode == silence) {
				t.Fatalf("the reply is %x", reply)
			}
			if reply == nil {
				if r.Stats().Ignored != 1 {
					t.Error("it was not counted")
				}
				return
			}
			if reply[0] != c.packet[0] || reply[1] != c.packet[1] || reply[2]&0x80 == 0 || int(reply[3]&0xf) != c.rcode&0xf {
				t.Errorf("the reply is %x, want rcode %d", reply, c.rcode)
			}
			if c.rcode != dns.RcodeSuccess && len(reply) > len(c.packet) {
				t.Errorf("the reply of %d bytes is longer than the packet of %d", len(reply), len(c.packet))
			}
			if got := r.Stats().Rcodes[rcodeName(c.rcode)]; got != 1 {
				t.Errorf("%s was counted %d times", rcodeName(c.rcode), got)
			}
		})
	}
}

// withSubnet is a question with a client subnet option that holds these bytes.
func withSubnet(t testing.TB, data ...byte) []byte {
	q := new(dns.Msg).SetQuestion("web.service.local.", dns.TypeA).SetEdns0(1232, false)
	q.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: data}}
	return pack(t, q)
}

// brokenCatalog stands for any fault behind a question.
type brokenCatalog struct{}

func (brokenCatalog) View() *catalog.View { panic("no view") }

func TestAPanicIsAnsweredCountedAndLoggedOnceAMinute(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r, err := NewResolver(Config{Catalog: brokenCatalog{}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		packet := pack(t, new(dns.Msg).SetQuestion("web.service.local.", dns.TypeSRV))
		fail := func() {
			reply := r.Respond(packet, Transport{}, nil)
			if len(reply) != len(packet) || reply[3] != dns.RcodeServerFailure || !bytes.Equal(reply[headerSize:], packet[headerSize:]) || reply[0] != packet[0] {
				t.Fatalf("the reply is %x", reply)
			}
		}
		for range 100 {
			fail()
		}
		s := r.Stats()
		if s.Panics != 100 || s.Rcodes["SERVFAIL"] != 100 || s.Types["SRV"] != 100 {
			t.Errorf("counted %+v", s)
		}
		if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "no view") {
			t.Errorf("%d lines: %s", lines, log.String())
		}
		time.Sleep(quietPeriod) // virtual
		fail()
		if !strings.Contains(log.String(), "held_back=99") {
			t.Errorf("the log is %s", log.String())
		}
	})
}

// What a peer sends is checked on arrival; this is the second line.
func TestOneBadRecordDoesNotSpoilTheOthers(t *testing.T) {
	w := worldOf(t, "node n1 10.0.0.1\nservice web good@n1 :80")
	w.store.Apply(catalog.Update{Owner: w.owners["n1"], Put: []catalog.Record{
		&catalog.Instance{ID: "dots", Service: "web", Address: "a..b"},
		&catalog.Instance{ID: "long", Service: "web", Address: strings.Repeat("a", 300)},
	}})
	r := w.resolver(t)
	for qtype, name := range map[uint16]string{dns.TypeSRV: "SRV", dns.TypeA: "A"} {
		m, _ := exchange(t, r, "web.service.local.", qtype, 1232, Transport{})
		if m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1 {
			t.Errorf("%s: %v", name, m)
		}
	}
}

func TestNamesAreCompressed(t *testing.T) {
	_, size := exchange(t, smallWorld(t).resolver(t), "WEB.service.LOCAL.", dns.TypeA, 0, Transport{})
	if want := 12 + 19 + 4 + 2*16; size != want {
		t.Errorf("two addresses take %d bytes, want %d", size, want)
	}
}

func TestStatsLabelsAreFixed(t *testing.T) {
	r := smallWorld(t).resolver(t)
	labels := func() int { return len(r.Stats().Types) + len(r.Stats().Rcodes) }
	before := labels()
	for qtype := range uint16(300) {
		r.Respond(pack(t, new(dns.Msg).SetQuestion("web.service.local.", qtype)), Transport{Stream: qtype%2 == 0}, nil)
	}
	s := r.Stats()
	if labels() != before || s.Types["A"] != 1 || s.Types["AXFR"] != 1 || s.Types["other"] == 0 || s.UDP != 150 || s.TCP != 150 {
		t.Errorf("%+v", s)
	}
	r.Respond(pack(t, func() *dns.Msg {
		q := new(dns.Msg).SetQuestion("web.service.local.", dns.TypeA).SetEdns0(1232, false)
		q.IsEdns0().SetVersion(3)
		return q
	}()), Transport{}, nil)
	if r.Stats().Rcodes["BADVERS"] != 1 {
		t.Errorf("%+v", r.Stats().Rcodes)
	}
}

func TestQuestionsAreLoggedAtDebugOnly(t *testing.T) {
	for level, want := range map[slog.Level]int{slog.LevelInfo: 0, slog.LevelDebug: 1} {
		var log bytes.Buffer
		w := smallWorld(t)
		w.config.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))
		w.resolver(t).Respond(pack(t, new(dns.Msg).SetQuestion("web.service.local.", dns.TypeA)), Transport{}, nil)
		if got := strings.Count(log.String(), "\n"); got != want {
			t.Errorf("at %v: %d lines: %s", level, got, log.String())
		}
	}
}
