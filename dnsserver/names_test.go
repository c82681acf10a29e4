package dnsserver

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

func testZone() *zone {
	return newZone(&Config{Domain: "Local", AltDomain: "covey.local.", Datacenter: "DC1"})
}

// The transcripts show what becomes of most shapes; here is how the rest is read.
func TestParseReadsTheShapesOfNames(t *testing.T) {
	const local, covey = "local.", "covey.local."
	for name, want := range map[string]asked{
		"Web.service.local.":                                 {kind: service, domain: local, name: "Web"},
		"a.b.web.service.local.":                             {kind: service, domain: local, name: "web", tag: "a.b"},
		`a\.b.web.service.local.`:                            {kind: service, domain: local, name: "web", tag: "a.b"},
		`a\032b\\\200.web.service.local.`:                    {kind: service, domain: local, name: "web", tag: "a b\\\xc8"},
		"web.service.dc1.covey.local.":                       {kind: service, domain: covey, name: "web"},
		"web.service.covey.local.":                           {kind: service, domain: covey, name: "web"},
		"_w.service.local.":                                  {kind: empty, domain: local},
		"_web._v1.service.local.":                            {kind: service, domain: local, name: "web", tag: "v1", typed: true},
		"_web._TCP.local.":                                   {kind: service, domain: local, name: "web", typed: true},
		"_web._tcp.dc1.dc.local.":                            {kind: service, domain: local, name: "web", typed: true},
		"_._tcp.service.local.":                              {kind: unknown, domain: local},
		"_.service.local.":                                   {kind: service, domain: local, name: "_"},
		"x.y._web._tcp.local.":                               {kind: unknown, domain: local},
		`a\.b@N1._web._tcp.local.`:                           {kind: instance, domain: local, name: "web", typed: true, label: "a.b@N1"},
		"_x._web._tcp.service.dc1.local.":                    {kind: instance, domain: local, name: "web", typed: true, label: "_x"},
		"_Sub._web._tcp.local.":                              {kind: subtype, domain: local, name: "web", typed: true},
		`_v\.1._sub._web._tcp.local.`:                        {kind: subtype, domain: local, name: "web", typed: true, label: "v.1"},
		"v1._sub._web._b.service.local.":                     {kind: subtype, domain: local, name: "web", tag: "b", typed: true, label: "v1"},
		"x._v1._sub._web._tcp.local.":                        {kind: unknown, domain: local},
		"_services._dns-sd._udp.local.":                      {kind: directory, domain: local},
		"_Services._DNS-SD._UDP.service.dc1.dc.covey.local.": {kind: directory, domain: covey},
		"lb._dns-sd._udp.local.":                             {kind: browseDomain, domain: local},
		"r._dns-sd._udp.local.":                              {kind: unknown, domain: local},
		"x.b._dns-sd._udp.local.":                            {kind: unknown, domain: local},
		"_dns-sd._udp.local.":                                {kind: empty, domain: local},
		"_dns-sd._tcp.local.":                                {kind: service, domain: local, name: "dns-sd", typed: true},
		"service.service.local.":                             {kind: service, domain: local, name: "service"},
		"node.service.local.":                                {kind: service, domain: local, name: "node"},
		"service.node.local.":                                {kind: node, domain: local, name: "service"},
		"web.service.node.local.":                            {kind: node, domain: local, name: "web.service"},
		"web.node.service.local.":                            {kind: service, domain: local, name: "node", tag: "web"},
		"dc1.node.local.":                                    {kind: node, domain: local, name: "dc1"},
		"n1.NODE.dc1.DC.local.":                              {kind: node, domain: local, name: "n1"},
		"7f000001.addr.local.":                               {kind: address, domain: local, ip: netip.MustParseAddr("127.0.0.1")},
		"7f00001.addr.local.":                                {kind: unknown, domain: local},
		"ns.local.":                                          {kind: nameserver, domain: local},
		"ns.dc1.local.":                                      {kind: unknown, domain: local},
		"local.":                                             {kind: apex, domain: local},
		"covey.local.":                                       {kind: apex, domain: covey},
		"vey.local.":                                         {kind: unknown, domain: local},
		"dc.local.":                                          {kind: empty, domain: local},
		"dc1.local.":                                         {kind: empty, domain: local},
		"dc2.local.":                                         {kind: unknown, domain: local},
		".":                                                  {kind: outside},
		"notlocal.":                                          {kind: outside},
		"local.example.":                                     {kind: outside},
		`web.service\.local.`:                                {kind: outside},
	} {
		if got := testZone().parse(name); got != want {
			t.Errorf("%s is read as %+v, want %+v", name, got, want)
		}
	}
}

func TestParseHasNoRegardForCase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		label := rapid.SampledFrom([]string{"web", "_web", "_tcp", "service", "node", "addr", "0a000001", "dc1", "dc", "dc2", "ns", "covey", "local"})
		name := strings.Join(rapid.SliceOfN(label, 1, 7).Draw(t, "labels"), ".") + ".local."
		z := testZone()
		lower, upper := z.parse(name), z.parse(strings.ToUpper(name))
		if lower.kind != upper.kind || lower.domain != upper.domain || lower.ip != upper.ip ||
			!strings.EqualFold(lower.name, upper.name) || !strings.EqualFold(lower.tag, upper.tag) {
			t.Fatalf("%s: %+v and %+v", name, lower, upper)
		}
	})
}

// Resolvers walk down from the domain to a name (RFC 9156) and give up at NXDOMAIN.
func TestWhatLiesAboveAnAnswerExists(t *testing.T) {
	r := worldOf(t, `
		node n1 10.0.0.1
		node db.north.rack1 10.0.0.2
		service web a@n1 :80 tag=blue.green.v1 tag=v2
	`).resolver(t)
	for _, name := range []string{
		"web.service.local.", "blue.green.v1.web.service.local.", "v2.web.service.dc1.dc.local.",
		"_web._tcp.service.dc1.local.", "_web._v2.local.", "_web._tcp.dc1.local.",
		"db.north.rack1.node.dc1.local.", "n1.node.local.", "0a000001.addr.dc1.local.", "ns.local.",
	} {
		for at := 0; ; {
			part := name[at:]
			m := r.Answer(new(dns.Msg).SetQuestion(part, dns.TypeA), Transport{})
			if m.Rcode != dns.RcodeSuccess {
				t.Errorf("%s is %s, though %s exists", part, rcodeName(m.Rcode), name)
			}
			if at == 0 && len(m.Answer) == 0 {
				t.Errorf("%s has no answer", name)
			}
			next, end := dns.NextLabel(name, at)
			if end {
				break
			}
			at = next
		}
	}
}
