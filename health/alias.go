package health

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
)

// aliasProbe stands as a service or a node stands in the catalogue. It asks to be run
// when that changes, and polls nothing.
type aliasProbe struct {
	id      string // of the check itself, which does not count
	service string // ID; "" for the node alone
	node    string // name; "" for this one
	catalog func() Catalog

	event   func()
	running *sync.WaitGroup
	closed  chan struct{} // closed by close

	mu        sync.Mutex // guards all below
	last      verdict    // what the latest run found
	following bool
	over      bool
}

// Catalog is the catalogue as this agent has it.
type Catalog struct {
	View *catalog.View
	Node string // this agent's
}

func newAliasProbe(def definition.Check, catalog func() Catalog) *aliasProbe {
	return &aliasProbe{id: def.ID, service: def.AliasService, node: def.AliasNode, catalog: catalog, closed: make(chan struct{})}
}

func (p *aliasProbe) ask(context.Context) verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = p.judge(p.catalog())
	if !p.following && !p.over {
		p.following = true
		p.running.Go(p.follow)
	}
	return p.last
}

// judge says how the other stands: by the worst check of the node and of the service.
func (p *aliasProbe) judge(c Catalog) verdict {
	node := cmp.Or(p.node, c.Node)
	host := c.View.Host(node)
	if host == nil {
		return verdict{status: catalog.Critical, output: clean("Alias: there is no node " + node)}
	}
	checks := append([]catalog.Check{host.SerfCheck()}, host.Checks...)
	if p.service != "" {
		instance := c.View.Instance(node, p.service)
		if instance == nil {
			return verdict{status: catalog.Critical, output: clean("Alias: there is no service " + p.service + " on node " + node)}
		}
		checks = append(checks, instance.Checks()...)
	}
	own := strings.EqualFold(node, c.Node)
	worst := catalog.Check{Status: catalog.Passing}
	wish := false
	for i := range checks {
		if own && checks[i].ID == p.id {
			continue
		}
		wish = wish || checks[i].Decided()
		if checks[i].Status > worst.Status {
			worst = checks[i]
		}
	}
	if worst.Status == catalog.Passing {
		return verdict{status: catalog.Passing, output: "All checks passing."}
	}
	text := "Aliased check " + worst.Name + " is " + worst.Status.String()
	if worst.Output != "" {
		text += ": " + worst.Output
	}
	return verdict{status: worst.Status, output: clean(text), wish: wish}
}

func (p *aliasProbe) watch(event func(), running *sync.WaitGroup) {
	p.event, p.running = event, running
}

// follow waits for changes of the node and what runs there.
func (p *aliasProbe) follow() {
	var events allowance
	for {
		changed, differs := p.compare()
		if differs {
			// What comes too soon after others waits its turn: nothing else tells of it.
			for !events.take(time.Now()) {
				if !p.rest(allowancePace) {
					return
				}
			}
			p.event()
		}
		select {
		case <-changed:
		case <-p.closed:
			return
		}
	}
}

// compare reports whether the catalogue has other news than the latest run, and when to
// compare again. The lock keeps a run from finding something older after it.
func (p *aliasProbe) compare() (changed <-chan struct{}, differs bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.catalog()
	return c.View.WatchHost(cmp.Or(p.node, c.Node)), p.judge(c) != p.last
}

// rest returns false when the watch is over.
func (p *aliasProbe) rest(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-p.closed:
		return false
	}
}

func (p *aliasProbe) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.over = true
		close(p.closed)
	}
}
