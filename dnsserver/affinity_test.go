package dnsserver

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// answered is who is in a truncated answer, in its order.
func answered(t testing.TB, r *Resolver, qtype uint16, via Transport) (order []string) {
	t.Helper()
	m, _ := exchange(t, r, "web.service.local.", qtype, 0, via)
	if !m.Truncated {
		t.Fatal("it is not truncated")
	}
	for _, rr := range m.Answer {
		order = append(order, rr.String())
	}
	return order
}

func live(t testing.TB, w *world) *Resolver {
	t.Helper()
	r, err := NewResolver(w.config)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A client such as HAProxy takes who is missing from an answer for gone, and does not
// turn to TCP: it must be told of the same ones each time.
func TestTruncatedAnswersAreStableForEachClient(t *testing.T) {
	here := Transport{Local: true, Client: netip.MustParseAddr("127.0.0.1")}
	away := Transport{Client: netip.MustParseAddr("192.0.2.1")}
	for _, n := range []int{60, 300} {
		for _, qtype := range []uint16{dns.TypeA, dns.TypeSRV} {
			r := live(t, fleet(t, n))
			sets := map[string]int{}
			orders := map[string]int{}
			for range 50 {
				for _, via := range []Transport{here, away} {
					order := answered(t, r, qtype, via)
					orders[fmt.Sprint(order)]++
					slices.Sort(order)
					sets[fmt.Sprint(via.Client, order)]++
				}
			}
			if len(sets) != 2 {
				t.Errorf("%d instances, %s: two clients got %d sets in 100 answers", n, dns.TypeToString[qtype], len(sets))
			}
			if len(orders) < 50 {
				t.Errorf("%d instances, %s: 100 answers have but %d orders", n, dns.TypeToString[qtype], len(orders))
			}
		}
	}
}

// One instance that goes is replaced by one; the others of the client's stay.
func TestTruncatedAnswersChangeNoMoreThanTheyMust(t *testing.T) {
	via := Transport{Client: netip.MustParseAddr("192.0.2.1")}
	w := fleet(t, 60)
	before := answered(t, live(t, w), dns.TypeA, via)
	for node := range w.owners {
		if host := w.store.View().Host(node); slices.ContainsFunc(before, func(rr string) bool {
			return rr == addressRR("web.service.local.", netip.MustParseAddr(host.Address), 0).String()
		}) {
			if err := w.add("service web a@" + node + " :8080 critical"); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	after := answered(t, live(t, w), dns.TypeA, via)
	stayed := 0
	for _, rr := range before {
		if slices.Contains(after, rr) {
			stayed++
		}
	}
	if stayed != len(before)-1 || len(after) != len(before) {
		t.Errorf("of %d answers %d stayed", len(before), stayed)
	}
}

// Over many clients the subsets hold each instance by its weight, and on every host that
// asks itself another subset is answered, though all are 127.0.0.1 there.
func TestTruncatedAnswersOfManyClientsFollowTheWeights(t *testing.T) {
	w := worldOf(t, `
		config udp_answer_limit=1
		node n1 10.0.0.1
		node n2 10.0.0.2
		service web a@n1 :80 weight=3
		service web b@n2 :80 weight=1
	`)
	for name, client := range map[string]func(i int, c *Config) Transport{
		"clients": func(i int, c *Config) Transport {
			return Transport{Client: netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)})}
		},
		"hosts": func(i int, c *Config) Transport {
			c.NodeName = fmt.Sprint("host-", i)
			return Transport{Local: true, Client: netip.MustParseAddr("127.0.0.1")}
		},
	} {
		seen := map[string]int{}
		const total = 4000
		for i := range total {
			c := w.config
			via := client(i, &c)
			r, err := NewResolver(c)
			if err != nil {
				t.Fatal(err)
			}
			seen[answered(t, r, dns.TypeA, via)[0]]++
		}
		counts := slices.Sorted(maps.Values(seen))
		if len(counts) != 2 || deviates(counts[1], counts[0], 3, 1) {
			t.Errorf("%s: %v, want three in four", name, seen)
		}
	}
}

// Within the subset the order is drawn by weight, as everywhere.
func TestOrderWithinATruncatedAnswerFollowsTheWeights(t *testing.T) {
	w := worldOf(t, `
		config udp_answer_limit=2
		node n1 10.0.0.1
		node n2 10.0.0.2
		node n3 10.0.0.3
		service web a@n1 :80 weight=30000
		service web b@n2 :80 weight=10000
		service web c@n3 :80 weight=0
	`)
	r := w.resolver(t)
	one := r.random()
	r.random = func() *rand.Rand { return one }
	heavy := 0
	const total = 4000
	for range total {
		order := answered(t, r, dns.TypeA, Transport{})
		if order[0] == addressRR("web.service.local.", netip.MustParseAddr("10.0.0.1"), 0).String() {
			heavy++
		}
	}
	if deviates(heavy, total-heavy, 3, 1) {
		t.Errorf("%d of %d, want three in four", heavy, total)
	}
}
