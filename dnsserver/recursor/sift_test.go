package recursor

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// ours is the zone that no server has a say about.
func ours(name string) bool { return dns.IsSubDomain("local.", name) }

func TestWhatIsKeptOfAReply(t *testing.T) {
	for name, c := range map[string]struct {
		qname, qtype             string // "www.example.com. A" by default
		answer, authority, extra string // one record a line
		want, leads              string
	}{
		"the answer": {
			answer: "WWW.example.com. A 192.0.2.1\nwww.EXAMPLE.com. A 192.0.2.2",
			want:   "www.example.com. A 192.0.2.1\nwww.example.com. A 192.0.2.2",
		},
		"an alias and where it leads": {
			answer: "www.example.com. CNAME a.example.net.\nA.example.net. CNAME b.example.org.\nb.example.org. A 192.0.2.1",
			want:   "www.example.com. CNAME a.example.net.\na.example.net. CNAME b.example.org.\nb.example.org. A 192.0.2.1",
		},
		"the alias itself was asked for": {
			qtype:  "CNAME",
			answer: "www.example.com. CNAME a.example.net.\na.example.net. A 192.0.2.1",
			want:   "www.example.com. CNAME a.example.net.",
		},
		"another name's records": {
			answer: "www.example.com. A 192.0.2.1\nwww.bank.example. A 203.0.113.66",
			want:   "www.example.com. A 192.0.2.1",
		},
		"another type": {
			answer: "www.example.com. TXT \"a\"\nwww.example.com. A 192.0.2.1",
			want:   "www.example.com. A 192.0.2.1",
		},
		"another class": {answer: "www.example.com. CH A 203.0.113.66"},
		"a second alias": {
			answer: "www.example.com. CNAME a.example.net.\nwww.example.com. CNAME b.example.net.\nb.example.net. A 203.0.113.66\na.example.net. A 192.0.2.1",
			want:   "www.example.com. CNAME a.example.net.\na.example.net. A 192.0.2.1",
		},
		"aliases in a circle": {
			answer: "www.example.com. CNAME a.example.net.\na.example.net. CNAME WWW.example.com.",
			want:   "www.example.com. CNAME a.example.net.\na.example.net. CNAME WWW.example.com.",
		},
		"an alias made by a DNAME": {
			answer: "example.com. DNAME example.net.\nwww.example.com. CNAME www.example.net.\nwww.example.net. A 192.0.2.1\nexample.org. DNAME evil.example.",
			want:   "example.com. DNAME example.net.\nwww.example.com. CNAME www.example.net.\nwww.example.net. A 192.0.2.1",
		},
		"about a name of ours": {
			answer: "www.example.com. CNAME web.service.local.\nweb.service.local. A 203.0.113.66",
			extra:  "web.service.local. A 203.0.113.66",
			want:   "www.example.com. CNAME web.service.local.", leads: "web.service.local.",
		},
		"signatures": {
			answer: "www.example.com. A 192.0.2.1\nwww.example.com. RRSIG A 8 3 60 20300101000000 20200101000000 1 example.com. AAAA\n" +
				"www.example.com. RRSIG TXT 8 3 60 20300101000000 20200101000000 1 example.com. AAAA",
			want: "www.example.com. A 192.0.2.1\nwww.example.com. RRSIG A 8 3 60 20300101000000 20200101000000 1 example.com. AAAA",
		},
		"any": {
			qtype:  "ANY",
			answer: "www.example.com. TXT \"a\"\nwww.example.com. A 192.0.2.1\nother.example.com. A 203.0.113.66",
			want:   "www.example.com. TXT \"a\"\nwww.example.com. A 192.0.2.1",
		},
		"there is nothing": {
			authority: "example.com. SOA ns. host. 1 2 3 4 5\nexample.net. SOA ns. host. 1 2 3 4 5\nlocal. SOA ns. host. 1 2 3 4 5\n" +
				"hash.example.com. NSEC3 1 0 0 - 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S A\nhash.example.net. NSEC a.example.net. A\n" +
				"hash.example.com. RRSIG NSEC3 8 3 60 20300101000000 20200101000000 1 example.com. AAAA\nwww.example.com. A 203.0.113.66",
			want: "example.com. SOA ns. host. 1 2 3 4 5\nhash.example.com. NSEC3 1 0 0 - 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S A\n" +
				"hash.example.com. RRSIG NSEC3 8 3 60 20300101000000 20200101000000 1 example.com. AAAA",
		},
		"the zone's servers, and their addresses": {
			answer:    "www.example.com. A 192.0.2.1",
			authority: "example.com. NS ns.example.com.\nservice.local. NS ns.evil.example.",
			extra:     "ns.example.com. A 203.0.113.66",
			want:      "www.example.com. A 192.0.2.1\nexample.com. NS ns.example.com.",
		},
		"where services are": {
			qname: "_ldap._tcp.example.com.", qtype: "SRV",
			answer: "_ldap._tcp.example.com. SRV 1 2 3 a.example.com.\n_ldap._tcp.example.com. SRV 1 2 3 b.node.local.",
			extra:  "a.example.com. A 192.0.2.1\nA.example.com. AAAA 2001:db8::1\nb.example.com. A 203.0.113.66\nb.node.local. A 203.0.113.66\na.example.com. TXT \"x\"",
			want: "_ldap._tcp.example.com. SRV 1 2 3 a.example.com.\n_ldap._tcp.example.com. SRV 1 2 3 b.node.local.\n" +
				"a.example.com. A 192.0.2.1\nA.example.com. AAAA 2001:db8::1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			q := Question{Name: "www.example.com.", Qtype: dns.TypeA}
			if c.qname != "" {
				q.Name = c.qname
			}
			if c.qtype != "" {
				q.Qtype = dns.StringToType[c.qtype]
			}
			m := &dns.Msg{Answer: records(t, c.answer), Ns: records(t, c.authority), Extra: records(t, c.extra)}
			before := m.String()
			r := sift(m, q, ours)
			got := append(append(append([]dns.RR(nil), r.Answer...), r.Authority...), r.Additional...)
			want := records(t, c.want)
			if texts(got) != texts(want) || r.Leads != c.leads {
				t.Errorf("it kept\n%s\nleading to %q; want\n%s\nleading to %q", texts(got), r.Leads, texts(want), c.leads)
			}
			if m.String() != before {
				t.Error("the message, which others share, was changed")
			}
		})
	}
}

func records(t testing.TB, text string) (rrs []dns.RR) {
	t.Helper()
	for line := range strings.Lines(text) {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		rrs = append(rrs, rr)
	}
	return rrs
}

func texts(rrs []dns.RR) string {
	var b strings.Builder
	for _, rr := range rrs {
		b.WriteString(rr.String() + "\n")
	}
	return b.String()
}

// FuzzReply holds what is made of any packet of a server to what Reply promises.
func FuzzReply(f *testing.F) {
	q := new(dns.Msg).SetQuestion("wWw.eXample.com.", dns.TypeA)
	sent, err := q.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(reply(q, dns.RcodeSuccess, "wWw.eXample.com. A 192.0.2.1"))
	f.Add(reply(q, dns.RcodeSuccess, "wWw.eXample.com. CNAME web.service.local.", "web.service.local. A 192.0.2.1"))
	f.Add(reply(q, dns.RcodeSuccess, "wWw.eXample.com. CNAME b.", "b. CNAME wWw.eXample.com.", "com. DNAME net."))
	f.Add(reply(q, dns.RcodeNameError))
	f.Add(reply(q, dns.RcodeServerFailure)[:12])
	f.Fuzz(func(t *testing.T, packet []byte) {
		if len(packet) > 1 {
			packet[0], packet[1] = sent[0], sent[1]
		}
		if matchOf(sent, packet) == stranger {
			return
		}
		m, err := unpack(packet)
		if err != nil {
			return
		}
		r := sift(m, Question{Name: "www.example.com.", Qtype: dns.TypeA}, ours)
		for _, rr := range append(r.Answer, r.Additional...) {
			if ours(rr.Header().Name) {
				t.Fatalf("a server has a say about %s", rr)
			}
		}
		if len(r.Answer) > 0 && r.Answer[0].Header().Name != "www.example.com." && r.Answer[0].Header().Rrtype != dns.TypeDNAME {
			if sig, ok := r.Answer[0].(*dns.RRSIG); !ok || sig.TypeCovered != dns.TypeDNAME {
				t.Fatalf("the answer begins with %s", r.Answer[0])
			}
		}
		out := &dns.Msg{Answer: r.Answer, Ns: r.Authority, Extra: r.Additional}
		if _, err := out.Pack(); err != nil {
			t.Fatalf("what was kept cannot be written: %v", err)
		}
	})
}
