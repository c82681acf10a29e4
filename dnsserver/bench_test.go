package dnsserver

import (
	"testing"

	"github.com/miekg/dns"
)

// BenchmarkRespond is the server's own work for one packet, without the kernel's.
func BenchmarkRespond(b *testing.B) {
	for _, c := range []struct {
		name  string
		qtype uint16
		n     int
	}{{"A/10", dns.TypeA, 10}, {"SRV/10", dns.TypeSRV, 10}, {"SRV/1000", dns.TypeSRV, 1000}, {"A/5000", dns.TypeA, 5000}} {
		b.Run(c.name, func(b *testing.B) {
			r, err := NewResolver(fleet(b, c.n).config)
			if err != nil {
				b.Fatal(err)
			}
			packet := pack(b, new(dns.Msg).SetQuestion("web.service.local.", c.qtype).SetEdns0(1232, false))
			buf := make([]byte, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if r.Respond(packet, Transport{Local: true}, buf) == nil {
					b.Fatal("no reply")
				}
			}
		})
	}
}
