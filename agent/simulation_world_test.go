package agent

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/dnsserver"
)

// world is what should be known, from what was answered with success.
type world struct {
	mu    sync.Mutex // guards what follows
	nodes map[string]*worldNode
	disks map[catalog.NodeID]bool
	ended map[string]bool // instances that were deregistered, by ID: none comes back
	next  int             // number of the next instance; an ID is used once
}

type worldNode struct {
	id        catalog.NodeID
	state     catalog.Liveness // Unknown: it left
	instances map[string]*worldInstance
}

// worldInstance is an instance as its owner last stated it. seq counts what its owner
// said of it, and is shown in its meta or its check's output.
type worldInstance struct {
	id, service string
	port        uint16
	weight      uint16
	status      catalog.Status
	gen, said   int // seq of the last registration and of the last status
}

func newWorld() *world {
	return &world{nodes: map[string]*worldNode{}, disks: map[catalog.NodeID]bool{}, ended: map[string]bool{}}
}

func (w *world) rise(name string, id catalog.NodeID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.nodes[name] == nil {
		w.nodes[name] = &worldNode{instances: map[string]*worldInstance{}}
	}
	w.nodes[name].id, w.nodes[name].state = id, catalog.Alive
	w.disks[id] = true
}

func (w *world) fall(name string)  { w.set(name, catalog.Failed) }
func (w *world) leave(name string) { w.set(name, catalog.Unknown) }

func (w *world) set(name string, state catalog.Liveness) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.nodes[name].state = state
}

// forget says that the node's disk is lost. Until it starts anew, others keep what it
// had.
func (w *world) forget(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.nodes[name]
	for id := range n.instances {
		w.ended[id] = true
	}
	n.instances = map[string]*worldInstance{}
}

const services = 5

// register registers a new instance on the agent.
func (a *simAgent) register() {
	w := a.sim.world
	w.mu.Lock()
	w.next++
	i := &worldInstance{
		id: fmt.Sprintf("i%d", w.next), service: fmt.Sprintf("svc%d", w.next%services),
		port: uint16(1000 + w.next%60000), weight: 1, status: catalog.Passing, gen: 1,
	}
	w.mu.Unlock()
	a.tell(i)
	w.mu.Lock()
	w.nodes[a.name].instances[i.id] = i
	w.mu.Unlock()
}

func (a *simAgent) tell(i *worldInstance) {
	body := fmt.Sprintf(`{"Name":%q,"ID":%q,"Port":%d,"Weights":{"Passing":%d,"Warning":1},"Meta":{"gen":"%d"},"Tags":["t%d"]}`,
		i.service, i.id, i.port, i.weight, i.gen, i.gen%3)
	s, err := definition.ServiceFromJSON([]byte(body))
	if err != nil {
		panic(err)
	}
	s.Checks = []definition.Check{{ID: "c-" + i.id, Name: "alive", TTL: 1000 * time.Hour, Status: catalog.Passing}}
	if err := a.RegisterService(a.sim.Context(), s, false); err != nil {
		a.sim.fault("%s registers %s: %v", a.name, i.id, err)
	}
}

// write makes one change of any kind on the agent. An agent's changes are made one
// after the other.
func (a *simAgent) write() {
	s, w := a.sim, a.sim.world
	w.mu.Lock()
	own := w.nodes[a.name].instances
	ids := slices.Sorted(maps.Keys(own))
	what, step := s.rand.IntN(10), 1+catalog.Status(s.rand.IntN(2))
	if len(ids) == 0 {
		w.mu.Unlock()
		a.register()
		return
	}
	i := own[ids[s.rand.IntN(len(ids))]]
	next := *i
	w.mu.Unlock()
	switch {
	case what < 2:
		a.register()
		return
	case what < 4 && len(ids) > 1:
		if err := a.DeregisterService(s.Context(), i.id); err != nil {
			s.fault("%s deregisters %s: %v", a.name, i.id, err)
		}
		w.mu.Lock()
		delete(own, i.id)
		w.ended[i.id] = true
		w.mu.Unlock()
		return
	case what < 7:
		next.gen = max(i.gen, i.said) + 1
		next.weight = uint16(1 + next.gen%7)
		a.tell(&next)
	default:
		next.said = max(i.gen, i.said) + 1
		next.status = (i.status + step) % 3
		if err := a.UpdateTTL(s.Context(), "c-"+i.id, next.status, strconv.Itoa(next.said), nil); err != nil {
			s.fault("%s updates %s: %v", a.name, i.id, err)
		}
	}
	w.mu.Lock()
	own[i.id] = &next
	w.mu.Unlock()
}

// line is an instance as all catalogues should show it.
func line(node string, l catalog.Liveness, id, service string, port, weight uint16, status catalog.Status, gen, output string) string {
	return fmt.Sprintf("%s %v %s %s:%d weight=%d %v gen=%s said=%s\n", node, l, id, service, port, weight, status, gen, output)
}

// expected is what every catalogue should show.
func (w *world) expected() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var lines []string
	for name, n := range w.nodes {
		if n.state == catalog.Unknown {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s %v %v\n", name, n.state, n.id))
		for _, i := range n.instances {
			said := strconv.Itoa(i.said)
			if i.said == 0 {
				said = ""
			}
			lines = append(lines, line(name, n.state, i.id, i.service, i.port, i.weight, i.status, strconv.Itoa(i.gen), said))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// shown is what the agent's catalogue shows.
func (a *simAgent) shown() string {
	v := a.catalog.View()
	if a.seenFrom == a.Agent && a.seenAt == v.Index() {
		return a.seen
	}
	var lines []string
	for h := range v.Hosts() {
		lines = append(lines, fmt.Sprintf("%s %v %v\n", h.Name, h.Liveness, h.ID))
	}
	for s := range v.Services() {
		for e := range s.All() {
			lines = append(lines, line(e.Host.Name, e.Host.Liveness, e.ID(), e.Service, e.Port, e.Weights.Passing,
				catalog.Worst(e.Checks()), e.Instance().Meta["gen"], said(e)))
		}
	}
	slices.Sort(lines)
	a.seen, a.seenAt, a.seenFrom = strings.Join(lines, ""), v.Index(), a.Agent
	return a.seen
}

func said(e *catalog.Endpoint) string {
	checks := e.Checks()
	if len(checks) != 1 {
		return fmt.Sprintf("(%d checks)", len(checks))
	}
	return checks[0].Output
}

// settle waits until all catalogues are as expected, at most so long, and returns how
// long it took.
func (s *simulation) settle(what string, limit time.Duration) time.Duration {
	s.Helper()
	return s.settleAs(what, limit, func(shown string) string { return shown })
}

// settleLiving does the same but for the instances on failed hosts. What such a host
// said last may have reached some of the others only.
func (s *simulation) settleLiving(what string, limit time.Duration) time.Duration {
	s.Helper()
	return s.settleAs(what, limit, func(shown string) string {
		lines := slices.DeleteFunc(strings.SplitAfter(shown, "\n"), func(l string) bool {
			return strings.Contains(l, " failed i")
		})
		return strings.Join(lines, "")
	})
}

func (s *simulation) settleAs(what string, limit time.Duration, of func(shown string) string) time.Duration {
	s.Helper()
	want, begin := of(s.world.expected()), time.Now()
	for {
		var wrong []*simAgent
		for _, a := range s.up() {
			if of(a.shown()) != want {
				wrong = append(wrong, a)
			}
		}
		took := time.Since(begin)
		if len(wrong) == 0 {
			s.note("%s: all catalogues are as they should be after %v", what, took)
			return took
		}
		if took > limit {
			s.fatal("%s: %d of %d catalogues are not as they should be after %v; network: %v\n%s",
				what, len(wrong), len(s.up()), limit, s.net.Counts(), s.differences(wrong, want))
		}
		s.wait(pollEvery)
	}
}

func (s *simulation) differences(wrong []*simAgent, want string) string {
	var b strings.Builder
	for _, a := range wrong[:min(3, len(wrong))] {
		fmt.Fprintf(&b, "%s, members %v, counters %v:\n", a.name, a.states(), a.gossip.Counters())
		wanted, got := map[string]bool{}, map[string]bool{}
		for _, l := range strings.SplitAfter(want, "\n") {
			wanted[l] = true
		}
		for _, l := range strings.SplitAfter(a.shown(), "\n") {
			got[l] = true
		}
		for _, d := range []struct {
			sign     string
			these, o map[string]bool
		}{{"  missing ", wanted, got}, {"  has     ", got, wanted}} {
			lines := 0
			for _, l := range slices.Sorted(maps.Keys(d.these)) {
				if lines++; !d.o[l] && lines < 400 {
					b.WriteString(d.sign + l)
				}
			}
		}
	}
	return b.String()
}

// states counts the agent's members by their state.
func (a *simAgent) states() map[string]int {
	n := map[string]int{}
	for _, m := range a.gossip.Members().List {
		n[m.Status]++
	}
	return n
}

// quiet checks what holds when nothing happens any more: nothing waits anywhere,
// nothing is left to repair, and DNS says everywhere the same.
func (s *simulation) quiet() {
	s.Helper()
	want := s.world.expected()
	s.wait(15 * time.Second) // for what is under way, such as streams and pulls
	before := map[*simAgent]map[string]uint64{}
	for _, a := range s.up() {
		before[a] = a.gossip.Counters()
	}
	s.wait(10 * time.Second)
	for _, a := range s.up() {
		now := a.gossip.Counters()
		for _, c := range []string{"deltas_new", "deltas_gap", "mismatches", "pulls", "resets", "stream_dropped", "packets_dropped", "quarantined", "refused"} {
			if c = "replication_" + c; now[c] != before[a][c] {
				s.fault("at rest, %s of %s went from %d to %d", c, a.name, before[a][c], now[c])
			}
		}
		for _, c := range []string{"replication_quarantined", "replication_refused"} {
			if now[c] != 0 {
				s.fault("%s of %s is %d, of frames that honest agents sent", c, a.name, now[c])
			}
		}
		if a.shown() != want {
			s.fault("at rest, %s changed:\n%s", a.name, s.differences([]*simAgent{a}, want))
		}
	}
	each(s.up(), (*simAgent).checkIdle)
	if n := s.net.Waiting(); n > 0 {
		s.fault("at rest, %d packets are unread", n)
	}
	s.checkDNS()
}

// checkDNS compares what the agents answer with each other and with the world.
func (s *simulation) checkDNS() {
	s.Helper()
	for k := range services {
		want := s.world.answers(fmt.Sprintf("svc%d", k))
		q := new(dns.Msg).SetQuestion(fmt.Sprintf("svc%d.service.local.", k), dns.TypeSRV)
		for _, a := range s.up() {
			var got []string
			for _, rr := range a.dns.Answer(q, dnsserver.Transport{Stream: true}).Answer {
				srv := rr.(*dns.SRV)
				got = append(got, fmt.Sprintf("%s:%d/%d", srv.Target[:strings.Index(srv.Target, ".")], srv.Port, srv.Weight))
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				s.fault("%s answers for svc%d\n%v, want\n%v", a.name, k, got, want)
			}
		}
	}
}

// answers are what DNS should say of a service.
func (w *world) answers(service string) (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, n := range w.nodes {
		for _, i := range n.instances {
			if n.state != catalog.Alive || i.service != service || i.status == catalog.Critical {
				continue
			}
			weight := i.weight
			if i.status == catalog.Warning {
				weight = 1
			}
			list = append(list, fmt.Sprintf("%s:%d/%d", name, i.port, weight))
		}
	}
	slices.Sort(list)
	return list
}

// guard follows one run of an agent and checks what must hold at every moment: what
// was deregistered and is gone does not come back, what an owner said of an instance
// does not go back, and neither a list that answers are made of nor an answer has an
// instance of a host that is not alive.
func (a *simAgent) guard(agent *Agent, resolver *dnsserver.Resolver, quit <-chan struct{}) {
	said, here, gone := map[string]int{}, map[string]*catalog.Host{}, map[string]bool{}
	for {
		v := agent.catalog.View()
		had := here
		here = map[string]*catalog.Host{}
		for s := range v.Services() {
			for _, e := range s.Endpoints {
				if !e.Host.Liveness.Up() {
					a.sim.fault("%s would answer with %s on %s, which is %v", a.name, e.ID(), e.Host.Name, e.Host.Liveness)
				}
			}
			for e := range s.All() {
				here[e.ID()] = e.Host
				seq := seqOf(e)
				if seq < said[e.ID()] {
					a.sim.fault("on %s, %s of %s went back from %d to %d", a.name, e.ID(), e.Host.Name, said[e.ID()], seq)
				}
				said[e.ID()] = seq
			}
		}
		a.sim.world.mu.Lock()
		for id := range a.sim.world.ended {
			switch {
			case had[id] != nil && here[id] == nil:
				gone[id] = true
			case here[id] != nil && gone[id]:
				delete(gone, id) // it is told of once
				a.sim.fault("on %s, %s of %s %v, which is %v, came back", a.name, id, here[id].Name, here[id].ID, here[id].Liveness)
			}
		}
		a.sim.world.mu.Unlock()
		a.guardAnswers(agent, resolver)
		select {
		case <-v.Watch():
			a.sim.wait(pollEvery)
		case <-quit:
			return
		}
	}
}

// guardAnswers asks the agent's DNS for each service. A host that is named must have
// been alive in the view before the question or in the one after, unless in one of them
// nobody else was.
func (a *simAgent) guardAnswers(agent *Agent, resolver *dnsserver.Resolver) {
	up := func(v *catalog.View, host string) bool {
		h := v.Host(host)
		return h != nil && (h.Liveness.Up() || h.Liveness == catalog.Failed && a.alone(v))
	}
	for k := range services {
		q := new(dns.Msg).SetQuestion(fmt.Sprintf("svc%d.service.local.", k), dns.TypeSRV)
		before := agent.catalog.View()
		answer := resolver.Answer(q, dnsserver.Transport{Stream: true}).Answer
		after := agent.catalog.View()
		for _, rr := range answer {
			host, _, _ := strings.Cut(rr.(*dns.SRV).Target, ".")
			if !up(before, host) && !up(after, host) {
				a.sim.fault("the DNS of %s answers for svc%d with %s, which is not alive there", a.name, k, host)
			}
		}
	}
}

// alone reports whether all others look failed.
func (a *simAgent) alone(v *catalog.View) bool {
	for h := range v.Hosts() {
		if h.Name != a.name && h.Liveness.Up() {
			return false
		}
	}
	return true
}

func seqOf(e *catalog.Endpoint) int {
	gen, _ := strconv.Atoi(e.Instance().Meta["gen"])
	word, _ := strconv.Atoi(said(e))
	return max(gen, word)
}
