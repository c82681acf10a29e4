package dnsserver

import (
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"covey/catalog"
)

// Whatever an instance is called, the name that browsing gives leads to it and to nobody
// else.
func TestEveryInstanceIsFoundByItsName(t *testing.T) {
	id := rapid.StringOfN(rapid.RuneFrom([]rune(`aZ09-_.@\"';() ~$äß日😀`)), 1, -1, catalog.MaxIDLen)
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(id, 1, 5, foldASCII).Draw(t, "ids")
		w := newWorld()
		if err := w.add("node n1.rack 10.0.0.1"); err != nil {
			t.Fatal(err)
		}
		ports := map[uint16]bool{}
		for i, id := range ids {
			ports[uint16(i+1)] = true
			w.store.Apply(catalog.Update{Owner: w.owners["n1.rack"], Put: []catalog.Record{
				&catalog.Instance{ID: id, Service: "web", Port: uint16(i + 1), Weights: catalog.DefaultWeights},
			}})
		}
		r, err := NewResolver(w.config)
		if err != nil {
			t.Fatal(err)
		}
		browsed := overTheWire(t, r, "_web._tcp.service.local.", dns.TypePTR)
		for _, rr := range browsed.Answer {
			name := rr.(*dns.PTR).Ptr
			m := overTheWire(t, r, name, dns.TypeSRV)
			if len(m.Answer) != 1 {
				t.Fatalf("%s: %v", name, m)
			}
			port := m.Answer[0].(*dns.SRV).Port
			if !ports[port] {
				t.Fatalf("%s leads to %d again", name, port)
			}
			delete(ports, port)
		}
		if len(ports) > 0 {
			t.Fatalf("of %q nobody finds %v", ids, ports)
		}
	})
}

// overTheWire asks over TCP, so that the names have passed through packets.
func overTheWire(t *rapid.T, r *Resolver, name string, qtype uint16) *dns.Msg {
	packet, err := new(dns.Msg).SetQuestion(name, qtype).Pack()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	m := new(dns.Msg)
	if err := m.Unpack(r.Respond(packet, Transport{Stream: true}, nil)); err != nil {
		t.Fatal(err)
	}
	return m
}

// foldASCII has no regard for case, as DNS has none.
func foldASCII(text string) string {
	b := []byte(text)
	for i, c := range b {
		b[i] = lower[c]
	}
	return string(b)
}
