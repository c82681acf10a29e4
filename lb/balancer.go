package lb

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"covey/catalog"
)

// Balancer balances services as one agent sees them: it knows where the agent stands, what
// its configuration says, and what the agent saw of the instances before. What it answers
// depends on that and on what it is asked, time included; it reads no clock. It is safe
// for concurrent use. The zero value is an agent that knows nothing of itself.
type Balancer struct {
	Node string // whose agent this is
	Here Place

	// Configured is what the agent's configuration says of a service, by the keys of metadata;
	// nil for none. It comes before what is registered.
	Configured func(service string) map[string]string

	// NoSlowStart, NoLoad and NoPlace switch a factor off for all services.
	NoSlowStart, NoLoad, NoPlace bool

	// OnPanic is told when a service begins to be answered regardless of health, and when that
	// ends; nil for nobody.
	OnPanic func(service string, begins bool)

	// Distance is the round trip to a node, 0 if that is not known; nil knows none.
	Distance func(node string) time.Duration

	ejections atomic.Uint64 // how often an instance was ejected, or came back

	mu       sync.Mutex // guards services and what is in them
	services map[string]*memory
}

// memory is what a Balancer keeps of one service.
type memory struct {
	history  history
	turns    map[question]*turns
	outliers Outliers
	panic    *Query // the question to which it is answered regardless of health; nil if it is not
	subset   ownSubset
}

// memory returns what is kept of a service, with the lock held. What is gone from the
// catalogue is forgotten when there is much.
func (b *Balancer) memory(v *catalog.View, service string) *memory {
	key := strings.ToLower(service)
	m := b.services[key]
	if m == nil {
		if b.services == nil {
			b.services = map[string]*memory{}
		}
		if len(b.services) >= sweepAt && len(b.services)%sweepAt == 0 {
			for name := range b.services {
				if v.Service(name) == nil {
					delete(b.services, name)
				}
			}
		}
		m = &memory{}
		b.services[key] = m
	}
	return m
}

const sweepAt = 1024

// Ejections grows whenever outliers change: what was made of Balance before is to be made
// anew.
func (b *Balancer) Ejections() uint64 { return b.ejections.Load() }

// Panicking is how many services are answered regardless of health. One that nobody asks
// for any more counts for as long as it would be.
func (b *Balancer) Panicking(v *catalog.View, now time.Time) (n int) {
	b.mu.Lock()
	var asked []Query
	for _, m := range b.services {
		if m.panic != nil {
			asked = append(asked, *m.panic)
		}
	}
	b.mu.Unlock()
	for _, q := range asked {
		if b.Balance(v, Ask{Query: q, Now: now}).Panic {
			n++
		}
	}
	return n
}

// Report notes that a call of an instance went well, or did not. It is not known if no such
// instance of the service may be answered; ejected tells whether it is left out from now
// on. node may be "" where the ID is the only one of its kind.
func (b *Balancer) Report(v *catalog.View, service, node, id string, ok bool, now time.Time) (known, ejected bool) {
	chosen, _ := Eligible(nil, v, Query{Service: service})
	all := make([]Instance, len(chosen))
	of := Instance{}
	for i, c := range chosen {
		all[i] = identity(c.Endpoint)
		if all[i].ID != id || node != "" && !strings.EqualFold(all[i].Node, node) {
			continue
		}
		if known {
			return false, false // several have that ID
		}
		known, of = true, all[i]
	}
	if !known {
		return false, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if ejected = b.memory(v, service).outliers.Report(of, ok, now, all); ejected {
		b.ejections.Add(1)
	}
	return known, ejected
}
