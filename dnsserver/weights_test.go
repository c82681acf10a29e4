package dnsserver

import (
	"math/rand/v2"
	"testing"

	"github.com/miekg/dns"
)

// deviates reports whether counts of two outcomes would come from the ratio a:b less
// than once in a thousand times (chi-square, one degree of freedom).
func deviates(x, y int, a, b float64) bool {
	n := float64(x + y)
	ex, ey := n*a/(a+b), n*b/(a+b)
	return (float64(x)-ex)*(float64(x)-ex)/ex+(float64(y)-ey)*(float64(y)-ey)/ey > 10.828
}

// TestFirstAnswersFollowTheWeights draws from one seeded generator: the same each run.
func TestFirstAnswersFollowTheWeights(t *testing.T) {
	w := worldOf(t, `
		node n1 10.0.0.1
		node n2 10.0.0.2
		service item a@n1 :8080 weight=3
		service item b@n2 :8080 weight=1
		service alias a@n1 one.example:1 weight=3
		service alias b@n2 two.example:1 weight=1
		service shared a@n1 :1 weight=60000
		service shared b@n1 :2 weight=60000
		service shared c@n1 :3 weight=60000
		service shared d@n2 :1 weight=60000
	`)
	for _, c := range []struct {
		name  string
		qtype uint16
		heavy string // what the answer of the greater weight says
	}{
		{"item", dns.TypeSRV, "1 3 8080 n1.node.dc1.local."},
		{"item", dns.TypeA, "10.0.0.1"},
		{"alias", dns.TypeA, "one.example."},
		{"shared", dns.TypeA, "10.0.0.1"}, // three of four, beyond what 16 bits can sum
	} {
		t.Run(c.name+" "+dns.TypeToString[c.qtype], func(t *testing.T) {
			r := w.resolver(t)
			one := r.random()
			r.random = func() *rand.Rand { return one }
			q := new(dns.Msg).SetQuestion(c.name+".service.local.", c.qtype)
			heavy := 0
			const total = 4000
			for range total {
				m := r.Answer(q, Transport{})
				rr := m.Answer[0]
				if rr.String()[len(rr.Header().String()):] == c.heavy {
					heavy++
				}
			}
			if deviates(heavy, total-heavy, 3, 1) {
				t.Errorf("%d of %d first answers, want three in four", heavy, total)
			}
		})
	}
}

// The generator that is used outside of tests draws anew for each question.
func TestOrdersDiffer(t *testing.T) {
	w := fleet(t, 20)
	r, err := NewResolver(w.config)
	if err != nil {
		t.Fatal(err)
	}
	q := new(dns.Msg).SetQuestion("web.service.local.", dns.TypeA)
	first := r.Answer(q, Transport{Stream: true}).String()
	for range 10 {
		if r.Answer(q, Transport{Stream: true}).String() != first {
			return
		}
	}
	t.Error("ten answers have one order of twenty instances")
}
