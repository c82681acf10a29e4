package dnsserver

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

// FuzzRespond holds the full path to what it promises about any packet: with how's first
// bit it comes over TCP, with the second from this host, with the third to an agent with
// recursors, which nobody may wait for.
func FuzzRespond(f *testing.F) {
	for _, name := range []string{"web.service.local.", "v1.web.service.dc1.local.", "_web._tcp.local.", "n1.node.local.",
		"0a000001.addr.local.", "local.", "ns.covey.test.", "named.service.local.", "outer.service.local.", "example.com.", ".",
		"1.0.0.10.in-addr.arpa.", "_services._dns-sd._udp.local.", `web-a\@n1._web._tcp.local.`, "_v1._sub._web._tcp.local."} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeSRV, dns.TypeANY, dns.TypeAXFR, dns.TypePTR, dns.TypeTXT, dns.TypeHTTPS} {
			q := new(dns.Msg).SetQuestion(name, qtype)
			f.Add(pack(f, q), byte(0))
			f.Add(pack(f, q.SetEdns0(700, true)), byte(7))
		}
	}
	w := fleet(f, 70, `
		config alt_domain=covey.test udp_answer_limit=3
		node n1 10.0.0.1 meta.os:=linux
		node db.north 10.0.0.2
		service web a@n1 :80 weight=3 tag=v1 meta.alpn:=h2,h3
		service web b@db.north :80 tag=a.b meta.k:=v
		service six a@n1 [2001:db8::1]:80
		service named a@n1 web.service.local:80
		service outer a@n1 www.example.com:80`)
	plain := w.resolver(f)
	w.config.Recursors = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9")}
	forwarding := w.resolver(f)
	f.Fuzz(func(t *testing.T, packet []byte, how byte) {
		via := Transport{Stream: how&1 != 0, Local: how&2 != 0}
		r := plain
		if how&4 != 0 {
			r = forwarding
		}
		before := bytes.Clone(packet)
		panics := r.Stats().Panics
		reply, later := r.RespondAtOnce(packet, via, make([]byte, 0, 1232))
		if r.Stats().Panics != panics {
			t.Fatal("it panicked")
		}
		if !bytes.Equal(packet, before) {
			t.Fatal("the packet was changed")
		}
		if later {
			// What is said when others cannot be asked stands for their answer.
			reply = echo(packet, dns.RcodeServerFailure, nil)
			if r == plain || len(reply) > len(packet) {
				t.Fatalf("to ask others: %v, in %d bytes", r != plain, len(reply))
			}
		}
		if reply == nil {
			if len(packet) >= headerSize && packet[2]&bitQR == 0 {
				t.Fatal("a question got no reply")
			}
			return
		}
		checkReply(t, packet, reply, via)
	})
}

// checkReply holds a reply to its id, question and size.
func checkReply(t *testing.T, packet, reply []byte, via Transport) {
	var m, q dns.Msg
	if err := m.Unpack(reply); err != nil {
		t.Fatalf("the reply cannot be parsed: %v", err)
	}
	if m.Id != binary.BigEndian.Uint16(packet) || !m.Response {
		t.Fatalf("the reply is to another question: %v", m)
	}
	limit := minSize
	if q.Unpack(packet) == nil {
		if opt, _ := ednsOf(&q); opt != nil {
			limit = max(limit, int(opt.UDPSize()))
		}
		if !via.Local {
			limit = min(limit, DefaultMaxUDPSize)
		}
	}
	if via.Stream {
		limit = maxSize
	}
	if len(reply) > limit {
		t.Fatalf("%d bytes exceed %d", len(reply), limit)
	}
	var readable dns.Msg
	if read(&readable, packet) != dns.RcodeSuccess {
		if len(m.Answer)+len(m.Ns)+len(m.Extra) > 0 || len(reply) > len(packet) {
			t.Fatalf("what cannot be read is answered %v", m)
		}
		return
	}
	end := headerSize
	for packet[end] != 0 {
		end += 1 + int(packet[end])
	}
	end += 5
	if len(m.Question) != 1 || !bytes.Equal(reply[headerSize:end], packet[headerSize:end]) {
		t.Fatalf("the question %v came back as %v", readable.Question, m.Question)
	}
}
