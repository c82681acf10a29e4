package lb

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
)

// turns are the instances of one service taking turns, smoothly: at each pick all gain
// their weight, whoever has most is next and gives the sum of all back (nginx,
// ngx_http_upstream_round_robin.c). In a round each comes as often as its weight has it,
// and as evenly spread as can be. It is one agent's count.
type turns struct {
	due map[Instance]float64
}

// question is what tells apart those who take turns. A host that asks for both kinds of
// addresses would else get every other turn of each, and of two instances always the same;
// and who asks for other tags would have those who are not theirs forgotten.
type question struct {
	records     uint16
	onlyPassing bool
	tags        string
}

func questionOf(a *Ask) question {
	q := question{records: a.Records, onlyPassing: a.OnlyPassing}
	if len(a.Tags) > 0 {
		q.tags = lower(strings.Join(a.Tags, "\x00"))
	}
	return q
}

// maxQuestions is how many questions about a service have turns. Beyond it all begin anew.
const maxQuestions = 64

func (m *memory) turnsOf(q question) *turns {
	t := m.turns[q]
	if t == nil {
		if m.turns == nil || len(m.turns) >= maxQuestions {
			m.turns = map[question]*turns{}
		}
		t = &turns{}
		m.turns[q] = t
	}
	return t
}

// begin begins at a random point of the round, or all agents would begin with the same
// one after a change.
func (t *turns) begin(i Instance, weight, sum float64, r *rand.Rand) {
	t.due[i] = (r.Float64() - .5) * min(weight*2, sum)
}

// order puts the choices in the order in which it is their turn.
func (t *turns) order(c []Choice, r *rand.Rand) {
	if t.due == nil {
		t.due = map[Instance]float64{}
	}
	sum := 0.0
	for i := range c {
		sum += c[i].Weight
	}
	even := sum == 0 // nobody has any weight: all take turns alike
	if even {
		sum = float64(len(c))
	}
	met := make(map[Instance]float64, len(c))
	for i := range c {
		id, w := identity(c[i].Endpoint), c[i].Weight
		if even {
			w = 1
		}
		if _, known := t.due[id]; !known {
			t.begin(id, w, sum, r)
		}
		met[id] = t.due[id] + w
	}
	t.due = met // who is gone is forgotten
	slices.SortStableFunc(c, func(a, b Choice) int {
		if idle := cmp.Compare(b2i(a.Weight == 0), b2i(b.Weight == 0)); idle != 0 && !even {
			return idle
		}
		return cmp.Compare(met[identity(b.Endpoint)], met[identity(a.Endpoint)])
	})
	if len(c) > 0 {
		met[identity(c[0].Endpoint)] -= sum
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
