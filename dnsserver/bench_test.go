package dnsserver

import (
	"fmt"
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

// BenchmarkFastPath is the same on the fast path; its questions come in turn, as from
// many clients.
func BenchmarkFastPath(b *testing.B) {
	for _, c := range []struct {
		name  string
		qtype uint16
		n     int
	}{{"A/10", dns.TypeA, 10}, {"SRV/10", dns.TypeSRV, 10}, {"A/50", dns.TypeA, 50}} {
		b.Run(c.name, func(b *testing.B) {
			r, err := NewResolver(fleet(b, c.n).config)
			if err != nil {
				b.Fatal(err)
			}
			s := newFastPath(r).scribe()
			packet := pack(b, new(dns.Msg).SetQuestion("web.service.local.", c.qtype).SetEdns0(4096, false))
			buf := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := s.answer(packet, Transport{Local: true}, buf); !ok {
					b.Fatal("not answered")
				}
			}
		})
	}
}

// BenchmarkChangeToAnswer is the time from a change of the catalogue to the first answer
// that has it, of a service with 20 instances.
func BenchmarkChangeToAnswer(b *testing.B) {
	w := fleet(b, 20)
	r, err := NewResolver(w.config)
	if err != nil {
		b.Fatal(err)
	}
	s := newFastPath(r).scribe()
	packet := pack(b, new(dns.Msg).SetQuestion("web.service.local.", dns.TypeSRV).SetEdns0(4096, false))
	buf := make([]byte, 0, 4096)
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		line := fmt.Sprintf("service web a@web-3 :%d", 1000+i%50000)
		b.StartTimer()
		if err := w.add(line); err != nil {
			b.Fatal(err)
		}
		if _, ok := s.answer(packet, Transport{Local: true}, buf); !ok {
			b.Fatal("not answered")
		}
	}
}
