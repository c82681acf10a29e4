package dnsserver

import (
	"fmt"
	"strings"
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

// BenchmarkWeighing is the fast path with weights beside the same without, and the draw of
// one of many.
func BenchmarkWeighing(b *testing.B) {
	for _, c := range []struct {
		name   string
		qtype  uint16
		n      int
		weight func(i int) int
		meta   string
	}{
		{"A/20/even", dns.TypeA, 20, func(int) int { return 1 }, ""},
		{"A/20/weighted", dns.TypeA, 20, func(i int) int { return 1 + i }, ""},
		{"SRV/20/even", dns.TypeSRV, 20, func(int) int { return 1 }, ""},
		{"SRV/20/weighted", dns.TypeSRV, 20, func(i int) int { return 1 + i }, ""},
		{"A/1000/single", dns.TypeA, 1000, func(i int) int { return 1 + i%7 }, " meta.lb-policy:=single"},
	} {
		b.Run(c.name, func(b *testing.B) {
			var lines strings.Builder
			for i := range c.n {
				fmt.Fprintf(&lines, "node n%d 10.1.%d.%d\nservice web a@n%d :8080 weight=%d%s\n", i, i/250, i%250, i, c.weight(i), c.meta)
			}
			s := newFastPath(worldOf(b, lines.String()).resolver(b)).scribe()
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
