package lb

import (
	"cmp"
	"math"
	"slices"
)

// Subset returns which of the endpoints a host is given, k of them at most, in their
// order. Hosts and endpoints are given by hashes of what identifies them; self is the
// host's place among hosts, or below 0 for a client that is none.
//
// Each endpoint gets its share of the hosts by its weight, within an eighth as far as that
// can be had. When an endpoint comes or goes little more changes than must: hosts choose
// by weighted rendezvous, of which others know nothing, and only where chance has left an
// endpoint too much or too little are hosts moved, those first to whom it means least. To
// know that, each host works out the choice of all.
func Subset(self int, client uint64, hosts, endpoints []uint64, weights []float64, k int) []int {
	d := newDealer(hosts, endpoints, weights, k)
	if self < 0 || len(hosts)*len(endpoints) > maxDealt {
		return d.pick(client)
	}
	d.dealAll()
	d.even()
	return d.given(self)
}

// maxDealt bounds the work of knowing all hosts' choices: 1,000 hosts of 4,000 endpoints.
// Beyond it there is none of it, and shares are as even as chance has them.
const maxDealt = 4 << 20

// strays is how far an endpoint's hosts may be from its share until some are moved. The
// nearer, the more moves with each change.
const strays = 1. / 8

// dealer deals endpoints to hosts.
type dealer struct {
	hosts, endpoints []uint64
	k                int
	part             []float64   // of the hosts that each endpoint is to have, 0..1
	rate             []float64   // at which it comes up in a host's draw for that
	keys             [][]float64 // by host and endpoint: the k least are its own
	has              [][]bool
	count            []int // hosts of each endpoint
}

func newDealer(hosts, endpoints []uint64, weights []float64, k int) *dealer {
	d := &dealer{hosts: hosts, endpoints: endpoints, k: min(k, len(endpoints)), part: parts(weights, k)}
	d.rate = make([]float64, len(endpoints))
	for i, p := range d.part {
		// The chance to come up before a moment t grows like 1-exp(-rate t).
		d.rate[i] = -math.Log1p(-min(p, 1-1e-9))
	}
	return d
}

// parts is the chance of each endpoint to be among a host's k, in proportion to its weight
// as far as that does not exceed 1.
func parts(weights []float64, k int) []float64 {
	p := make([]float64, len(weights))
	some := 0
	for i, w := range weights {
		if p[i] = sound(w); p[i] > 0 {
			some++
		}
	}
	if some == 0 {
		for i := range p {
			p[i] = 1
		}
		some = len(p)
	}
	limitShare(p, 1/float64(min(k, some)))
	sum := 0.0
	for _, w := range p {
		sum += w
	}
	for i := range p {
		p[i] = min(1, p[i]/sum*float64(min(k, some)))
	}
	return p
}

func (d *dealer) row(client uint64) []float64 {
	row := make([]float64, len(d.endpoints))
	for i, e := range d.endpoints {
		row[i] = Affinity(client, e, d.rate[i])
	}
	return row
}

// least are the places of the k least keys.
func (d *dealer) least(row []float64) []int {
	order := make([]int, len(row))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(row[a], row[b]), a-b) })
	return order[:d.k]
}

func (d *dealer) pick(client uint64) []int {
	own := d.least(d.row(client))
	slices.Sort(own)
	return own
}

func (d *dealer) dealAll() {
	d.count = make([]int, len(d.endpoints))
	d.keys, d.has = make([][]float64, len(d.hosts)), make([][]bool, len(d.hosts))
	for h, hash := range d.hosts {
		d.keys[h], d.has[h] = d.row(hash), make([]bool, len(d.endpoints))
		for _, i := range d.least(d.keys[h]) {
			d.has[h][i] = true
			d.count[i]++
		}
	}
}

func (d *dealer) given(h int) (own []int) {
	for i, has := range d.has[h] {
		if has {
			own = append(own, i)
		}
	}
	return own
}

// share is how many hosts the endpoint is to have.
func (d *dealer) share(i int) float64 { return d.part[i] * float64(len(d.hosts)) }

// even moves hosts from endpoints that have too many, and to those that have too few. The
// order is that of the hashes, the same on all agents.
func (d *dealer) even() {
	order := make([]int, len(d.endpoints))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(d.endpoints[a], d.endpoints[b]) })
	for _, i := range order {
		most := int(math.Ceil(d.share(i) * (1 + strays)))
		d.move(i, d.count[i]-most, true)
	}
	for _, i := range order {
		least := int(math.Floor(d.share(i) * (1 - strays)))
		d.move(i, least-d.count[i], false)
	}
}

// move takes n hosts away from endpoint i, or gives it n more: those with the greatest
// keys among who have it, or the least among who do not. What it is exchanged for has too
// few, or too many.
func (d *dealer) move(i, n int, away bool) {
	if n <= 0 {
		return
	}
	var hosts []int
	for h := range d.hosts {
		if d.has[h][i] == away {
			hosts = append(hosts, h)
		}
	}
	slices.SortFunc(hosts, func(a, b int) int {
		c := cmp.Or(cmp.Compare(d.keys[a][i], d.keys[b][i]), cmp.Compare(d.hosts[a], d.hosts[b]))
		if away {
			return -c
		}
		return c
	})
	for _, h := range hosts {
		if n == 0 {
			return
		}
		j := d.exchange(h, i, away)
		if j < 0 {
			continue
		}
		d.has[h][i], d.has[h][j] = !away, away
		if away {
			d.count[i]--
			d.count[j]++
		} else {
			d.count[i]++
			d.count[j]--
		}
		n--
	}
}

// exchange is what host h has in place of i, or would give for it; -1 for nothing.
func (d *dealer) exchange(h, i int, away bool) int {
	best := -1
	for j, key := range d.keys[h] {
		if j == i || d.has[h][j] == away || d.part[j] >= 1 {
			continue
		}
		count, share := float64(d.count[j]), d.share(j)
		if away && count < share && (best < 0 || key < d.keys[h][best]) ||
			!away && count > share && (best < 0 || key > d.keys[h][best]) {
			best = j
		}
	}
	return best
}

// withinSubset are the weights of a host's own endpoints: an endpoint weighs the more the
// fewer hosts have it for its weight. Where all endpoints weigh the same, so do these.
func withinSubset(own []int, weights []float64, k int) []float64 {
	p, usual := parts(weights, k), float64(min(k, len(weights)))/float64(len(weights))
	out := make([]float64, len(own))
	for n, i := range own {
		if p[i] > 0 {
			out[n] = sound(weights[i]) / p[i] * usual
		}
	}
	return out
}
