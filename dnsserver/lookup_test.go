package dnsserver

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"covey/internal/fault"
	"covey/lb"
)

func lookupWorld(t testing.TB) *world {
	return worldOf(t, `
		config ttl.web=7s alt_domain=covey.test
		node n1 10.0.0.1
		node n2 10.0.0.2
		node n3 10.0.0.3 failed
		service web a@n1 :80 weight=3 tag=v1 tag=blue
		service web twin@n1 :80 weight=4 tag=v1
		service web ill@n2 :80 critical tag=v1
		service web lost@n3 :80 tag=v1
		service web six@n2 [2001:db8::1]:80 tag=v1
		service web old@n2 :80 tag=v0
		service only a@n1 :80 critical
	`)
}

func TestLookupTellsWhatIsAnsweredAndWhyTheRestIsNot(t *testing.T) {
	r := lookupWorld(t).resolver(t)
	got, err := r.Lookup("web", []string{"v1"}, "a")
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "v1.web.service.local." || got.Type != "A" || got.Rcode != "NOERROR" || got.TTL != 7 || len(got.Answers) != 1 {
		t.Fatalf("%+v", got)
	}
	first := got.Answers[0]
	twin := "web-twin"
	if first.ID == twin {
		twin = "web-a"
	}
	if first.Address != "10.0.0.1" || first.Node != "n1" || first.Weight != 7 || first.Port != 80 || first.Status != "passing" || len(first.Tags) == 0 {
		t.Errorf("%+v", first)
	}
	reasons := map[string]string{}
	for _, o := range got.LeftOut {
		reasons[o.ID] = o.Reason
	}
	want := map[string]string{
		"web-ill":  "critical: check web-ill:check",
		"web-lost": "host failed",
		"web-old":  "tag v1 missing",
		"web-six":  "no address of the type asked for",
		twin:       "reached in the same place as " + first.ID + ": one record for both, with the sum of their weights",
	}
	for id, why := range want {
		if reasons[id] != why {
			t.Errorf("%s is left out because %q, want %q", id, reasons[id], why)
		}
	}
	if len(reasons) != len(want) {
		t.Errorf("%v", reasons)
	}
}

func TestLookupOfSRV(t *testing.T) {
	got, err := lookupWorld(t).resolver(t).Lookup("web", []string{"V1", "blue"}, "")
	if err != nil || len(got.Answers) != 1 {
		t.Fatal(got, err)
	}
	if a := got.Answers[0]; a.Target != "n1.node.dc1.local." || a.Address != "10.0.0.1" || a.Port != 80 || a.Priority != 1 || a.Weight != 3 || a.ID != "web-a" {
		t.Errorf("%+v", a)
	}
	if len(got.LeftOut) != 5 {
		t.Errorf("%+v", got.LeftOut)
	}
}

// The name is one that DNS answers alike: it has room for one tag.
func TestLookupSaysTagsBeyondTheName(t *testing.T) {
	r := lookupWorld(t).resolver(t)
	for _, c := range []struct {
		name string
		tags []string
		want string
	}{
		{"web", nil, "web.service.local. []"},
		{"web", []string{"v1"}, "v1.web.service.local. []"},
		{"web", []string{"v1.2"}, "v1.2.web.service.local. []"},
		{"web", []string{"v1", "blue"}, "web.service.local. [v1 blue]"},
		{"web", []string{strings.Repeat("x", 64)}, "web.service.local. [" + strings.Repeat("x", 64) + "]"},
		{"v1.web.service.local", []string{"blue"}, "v1.web.service.local. [blue]"},
	} {
		got, err := r.Lookup(c.name, c.tags, "A")
		if shown := fmt.Sprint(got.Name, got.Tags); err != nil || shown != strings.Replace(c.want, " ", "", 1) {
			t.Errorf("%s with %v is shown as %s, %v; want %s", c.name, c.tags, shown, err, c.want)
		}
	}
}

func TestLookupOfWholeNames(t *testing.T) {
	r := lookupWorld(t).resolver(t)
	for name, c := range map[string]struct{ rcode, answer string }{
		"v0.web.service.covey.test": {"NOERROR", "10.0.0.2"},
		"n2.node.local.":            {"NOERROR", "10.0.0.2"},
		"c0000201.addr.local":       {"NOERROR", "192.0.2.1"},
		"nosuch.node.local":         {"NXDOMAIN", ""},
		"nosuch":                    {"NXDOMAIN", ""},
		"only":                      {"NXDOMAIN", ""},
	} {
		got, err := r.Lookup(name, nil, "A")
		if err != nil || got.Rcode != c.rcode {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		if c.answer != "" && (len(got.Answers) != 1 || got.Answers[0].Address != c.answer) {
			t.Errorf("%s: %+v", name, got.Answers)
		}
	}
}

// An operator must see that instances are there when DNS says NXDOMAIN.
func TestLookupOfAServiceWithNobodyHealthy(t *testing.T) {
	got, err := lookupWorld(t).resolver(t).Lookup("only", nil, "SRV")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := json.Marshal(got)
	const want = `{"Name":"only.service.local.","Type":"SRV","Rcode":"NXDOMAIN","TTL":0,"Policy":"weighted","Answers":[],"LeftOut":[` +
		`{"ID":"only-a","Node":"n1","Address":"10.0.0.1","Port":80,"Status":"critical","Reason":"critical: check only-a:check"}]}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestLookupRefusesWhatMakesNoSense(t *testing.T) {
	r := lookupWorld(t).resolver(t)
	for _, c := range []struct {
		name, qtype string
		tags        []string
		field       string
	}{
		{"web", "MX", nil, "type"},
		{"example.com", "A", nil, "name"},
		{"a..b", "A", nil, "name"},
		{"", "A", nil, "name"},
		{"n1.node.local", "A", []string{"v1"}, "tag"},
	} {
		_, err := r.Lookup(c.name, c.tags, c.qtype)
		e, ok := err.(*fault.Error)
		if !ok || e.Kind != fault.Invalid || e.Field != c.field {
			t.Errorf("%+v gives %v", c, err)
		}
	}
}

// Lookup and the wire draw from the same code; with one seed they must agree.
func TestLookupIsWhatDNSAnswers(t *testing.T) {
	r := fleet(t, 300, "node n1 10.9.9.9", "service web x@n1 one.example:1").resolver(t)
	for _, qtype := range lookupTypes {
		got, err := r.Lookup("web", nil, qtype)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := exchange(t, r, "web.service.local.", dns.StringToType[qtype], 0, Transport{Stream: true})
		if got.Rcode != rcodeName(m.Rcode) || len(got.Answers) != len(m.Answer) {
			t.Fatalf("%s: %d and %d answers", qtype, len(got.Answers), len(m.Answer))
		}
		for i, rr := range m.Answer {
			if !says(got.Answers[i], rr) {
				t.Fatalf("%s: %+v is not %v", qtype, got.Answers[i], rr)
			}
		}
	}
}

func says(a lb.LookupAnswer, rr dns.RR) bool {
	if a.Data != "" {
		return strings.HasSuffix(rr.String(), "\t"+a.Data)
	}
	switch rr := rr.(type) {
	case *dns.SRV:
		return a.Target == rr.Target && a.Port == rr.Port && a.Weight == rr.Weight && a.Priority == rr.Priority
	case *dns.A:
		return a.Address == rr.A.String()
	case *dns.AAAA:
		return a.Address == rr.AAAA.String()
	}
	return false
}

func TestLookupTellsWhatAMessageHasNoRoomFor(t *testing.T) {
	got, err := fleet(t, 5000).resolver(t).Lookup("web", nil, "A")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Answers)+len(got.LeftOut) != 5000 || got.LeftOut[0].Reason != "a DNS message has no room for it" {
		t.Errorf("%d answers, %d left out", len(got.Answers), len(got.LeftOut))
	}
}

func TestLookupTellsThatAnAnswerIsStale(t *testing.T) {
	w := worldOf(t, `
		node n1 10.0.0.1
		node n2 10.0.0.2 failed
		node n3 10.0.0.3 failed
		service web a@n2 :80
		service web ill@n3 :80 critical
	`)
	got, err := w.resolver(t).Lookup("web", nil, "SRV")
	if err != nil {
		t.Fatal(err)
	}
	if !got.Stale || len(got.Answers) != 1 || got.Answers[0].ID != "web-a" || got.Answers[0].Status != "passing" {
		t.Errorf("%+v", got)
	}
	if len(got.LeftOut) != 1 || got.LeftOut[0].ID != "web-ill" || got.LeftOut[0].Reason != "host failed" {
		t.Errorf("left out: %+v", got.LeftOut)
	}
}

func TestLookupOfOtherKindsOfRecords(t *testing.T) {
	r := worldOf(t, `
		node n1 10.0.0.1 meta.os:=linux
		service web a@n1 :443 meta.alpn:=h2
		service web old@n1 :80
	`).resolver(t)
	for _, c := range []struct{ name, qtype, asked, data, leftOut string }{
		{"10.0.0.1", "PTR", "1.0.0.10.in-addr.arpa.", "n1.node.dc1.local.", ""},
		{"n1.node.local", "TXT", "n1.node.local.", `"os=linux"`, ""},
		{"web", "HTTPS", "web.service.local.", `1 n1.node.dc1.local. alpn="h2" port="443" ipv4hint="10.0.0.1"`, "its metadata has no alpn, or one that lists no protocols"},
		{`web-a\@n1._web._tcp.local`, "TXT", `web-a\@n1._web._tcp.local.`, `"alpn=h2"`, ""},
	} {
		got, err := r.Lookup(c.name, nil, c.qtype)
		if err != nil {
			t.Fatal(c.name, err)
		}
		if got.Name != c.asked || len(got.Answers) != 1 || got.Answers[0].Data != c.data {
			t.Errorf("%+v, want %+v", got, c)
		}
		if (len(got.LeftOut) > 0) != (c.leftOut != "") || c.leftOut != "" && got.LeftOut[0].Reason != c.leftOut {
			t.Errorf("left out %+v, want %q", got.LeftOut, c.leftOut)
		}
	}
}
