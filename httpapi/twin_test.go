package httpapi

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/internal/fault"
	"covey/lb"
)

// twin stands in for the agent: it keeps registrations in memory and states them to
// the catalogue as a real agent does, without carrying out a check.
type twin struct {
	store *catalog.Store
	node  *catalog.Node

	mu         sync.Mutex // guards everything below
	services   map[string]definition.Service
	checks     map[string]*LocalCheck
	loads      []catalog.Reading // that came with updates
	joined     []string
	keyChanges []string
	left       []string // nodes forced to leave; pruned ones end in !
	leaving    bool
	reloads    int
	measured   uint64
	members    Members
	external   []definition.External
	removed    []definition.ExternalRemoval
	events     []Event
	changed    chan struct{} // of events
	fail       error         // what the next call returns
}

const seed = 1000

var nodeID = catalog.NodeID{0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x41, 0xd1, 0x80, 0xb4, 0, 0xc0, 0x4f, 0xd4, 0x30, 0xc8}

func newTwin() *twin {
	t := &twin{
		store:    catalog.NewStore(seed),
		node:     &catalog.Node{ID: nodeID, Name: "n1", Address: "10.0.0.1", Datacenter: "dc1", Meta: map[string]string{"rack": "r1"}},
		services: map[string]definition.Service{},
		checks:   map[string]*LocalCheck{},
		members: Members{Serial: 1, List: []Member{
			{Name: "n1", ID: nodeID, Addr: "10.0.0.1", Port: 7946, Status: "alive", Tags: map[string]string{"dc": "dc1"}},
			{Name: "n2", Addr: "10.0.0.2", Port: 7946, Status: "failed"},
		}},
	}
	t.store.Apply(catalog.Update{Owner: nodeID, Put: []catalog.Record{t.node}})
	t.store.SetLiveness(nodeID, catalog.Alive)
	return t
}

// newTestServer makes a server without a socket around a twin; requests go to its
// ServeHTTP.
func newTestServer(t testing.TB) (*Server, *twin) {
	t.Helper()
	a := newTwin()
	s, err := newServer(a.config())
	if err != nil {
		t.Fatal(err)
	}
	return s, a
}

func (t *twin) config() Config {
	return Config{
		Agent: t, Catalog: t.store, Lookup: t.lookup, Outcome: t.outcome,
		Datacenter: "dc1", NodeName: "n1", Version: "0.1.0",
	}
}

// call carries out a request against the handler.
func call(s http.Handler, method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "127.0.0.1:8500"
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// outcome knows the instance item-1, which is ejected by any failure.
func (t *twin) outcome(service, node, id string, ok bool) (known, ejected bool) {
	known = service == "item-service" && id == "item-1" && (node == "" || node == "n1")
	return known, known && !ok
}

func (t *twin) lookup(name string, tags []string, qtype string) (lb.Lookup, error) {
	if qtype != "SRV" && qtype != "A" && qtype != "AAAA" {
		return lb.Lookup{}, fault.Field("type", "%q is not SRV, A or AAAA", qtype)
	}
	l := lb.Lookup{Name: name + ".service.local.", Type: qtype, Rcode: "NXDOMAIN"}
	if s := lb.Select(t.store.View(), lb.Query{Service: name, Tags: tags}); s.Known {
		l.Rcode = "NOERROR"
		for _, c := range s.Chosen {
			l.Answers = append(l.Answers, lb.LookupAnswer{ID: c.ID(), Node: c.Host.Name, Address: c.Addr(), Port: c.Port, Weight: uint16(c.Weight), Status: c.Status().String()})
		}
	}
	return l, nil
}

func (t *twin) failing() error {
	err := t.fail
	t.fail = nil
	return err
}

func (t *twin) RegisterService(_ context.Context, d definition.Service, replace bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.failing(); err != nil {
		return err
	}
	for id, c := range t.checks {
		if replace && c.ServiceID == d.ID {
			delete(t.checks, id)
		}
	}
	t.services[d.ID] = d
	for _, c := range d.Checks {
		t.checks[c.ID] = &LocalCheck{Check: c.State(), ServiceID: d.ID, ServiceName: d.Name, ServiceTags: d.Tags, Definition: &c}
	}
	t.state(d.ID)
	return nil
}

func (t *twin) DeregisterService(_ context.Context, id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.services[id]; !ok {
		return fault.New(fault.NotFound, "unknown service ID %q", id)
	}
	delete(t.services, id)
	for cid, c := range t.checks {
		if c.ServiceID == id {
			delete(t.checks, cid)
		}
	}
	t.store.Apply(catalog.Update{Owner: nodeID, Remove: []string{catalog.InstanceKeyPrefix + id}})
	return nil
}

func (t *twin) RegisterCheck(_ context.Context, d definition.Check) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &LocalCheck{Check: d.State(), ServiceID: d.ServiceID, Definition: &d}
	if d.ServiceID != "" {
		s, ok := t.services[d.ServiceID]
		if !ok {
			return fault.New(fault.NotFound, "unknown service ID %q", d.ServiceID)
		}
		c.ServiceName, c.ServiceTags = s.Name, s.Tags
	}
	t.checks[d.ID] = c
	t.state(d.ServiceID)
	return nil
}

func (t *twin) DeregisterCheck(_ context.Context, id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.checks[id]
	if !ok {
		return fault.New(fault.NotFound, "unknown check ID %q", id)
	}
	delete(t.checks, id)
	t.state(c.ServiceID)
	return nil
}

func (t *twin) UpdateTTL(_ context.Context, id string, status catalog.Status, output string, load *catalog.Reading) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.checks[id]
	switch {
	case !ok:
		return fault.New(fault.NotFound, "unknown check ID %q", id)
	case c.Definition.TTL == 0:
		return fault.New(fault.Invalid, "check %q has no TTL", id)
	}
	c.Status, c.Output = status, output
	if load != nil {
		t.loads = append(t.loads, *load)
	}
	t.state(c.ServiceID)
	return nil
}

func (t *twin) maintain(id, service, name string, on bool, reason string) {
	if on {
		t.checks[id] = &LocalCheck{
			Check:     catalog.Check{ID: id, Name: name, Status: catalog.Critical, Notes: reason, Type: "maintenance"},
			ServiceID: service, Definition: &definition.Check{}, ServiceName: t.services[service].Name, ServiceTags: t.services[service].Tags,
		}
	} else {
		delete(t.checks, id)
	}
	t.state(service)
}

func (t *twin) ServiceMaintenance(_ context.Context, id string, on bool, reason string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.services[id]; !ok {
		return fault.New(fault.NotFound, "unknown service ID %q", id)
	}
	t.maintain(catalog.ServiceMaintenancePrefix+id, id, "Service Maintenance Mode", on, reason)
	return nil
}

func (t *twin) Drain(_ context.Context, reason string) (time.Duration, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.maintain(catalog.NodeMaintenance, "", "Node Maintenance Mode", true, reason)
	return 3 * time.Second, t.fail
}

func (t *twin) NodeMaintenance(_ context.Context, on bool, reason string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.maintain(catalog.NodeMaintenance, "", "Node Maintenance Mode", on, reason)
	return nil
}

// state states a service, or the node for "", with its checks to the catalogue.
func (t *twin) state(id string) {
	var checks []catalog.Check
	for _, c := range t.checks {
		if c.ServiceID == id {
			checks = append(checks, c.Check)
		}
	}
	slices.SortFunc(checks, func(a, b catalog.Check) int { return strings.Compare(a.ID, b.ID) })
	if id == "" {
		n := *t.node
		n.Checks = checks
		t.node = &n
		t.store.Apply(catalog.Update{Owner: nodeID, Put: []catalog.Record{t.node}})
		return
	}
	i := t.services[id].Instance()
	i.Checks = checks
	t.store.Apply(catalog.Update{Owner: nodeID, Put: []catalog.Record{i}})
}

func (t *twin) RegisterExternal(_ context.Context, d definition.External) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.external = append(t.external, d)
	return t.failing()
}

func (t *twin) DeregisterExternal(_ context.Context, d definition.ExternalRemoval) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.removed = append(t.removed, d)
	return t.failing()
}

func (t *twin) Local() Local {
	t.mu.Lock()
	defer t.mu.Unlock()
	v := t.store.View()
	l := Local{Serial: v.HostIndex(t.node.Name), Node: t.node}
	for _, c := range t.checks {
		l.Checks = append(l.Checks, *c)
	}
	slices.SortFunc(l.Checks, func(a, b LocalCheck) int { return strings.Compare(a.ID, b.ID) })
	of := func(service string) (list []LocalCheck) {
		for _, c := range l.Checks {
			if c.ServiceID == service {
				list = append(list, c)
			}
		}
		return list
	}
	l.OfNode = of("")
	for e := range v.On(t.node.Name) {
		l.Services = append(l.Services, LocalService{e.Instance(), of(e.ID())})
	}
	return l
}

func (t *twin) LocalService(id string) (LocalService, []LocalCheck, bool) {
	l := t.Local()
	for _, s := range l.Services {
		if s.ID == id {
			return s, l.OfNode, true
		}
	}
	return LocalService{}, l.OfNode, false
}

func (t *twin) Checks() []CheckRun {
	var out []CheckRun
	for _, c := range t.Local().Checks {
		out = append(out, CheckRun{
			ID: c.ID, Name: c.Name, Type: c.Type, ServiceID: c.ServiceID, ServiceName: c.ServiceName, Target: c.Definition.Target(),
			Status: c.Status.String(), Output: c.Output, Notes: c.Notes, Since: time.Unix(1_700_000_000, 0).UTC(),
		})
	}
	return out
}

func (t *twin) RunCheck(_ context.Context, id string) (CheckRun, error) {
	for _, c := range t.Checks() {
		if c.ID == id {
			c.LastRun, c.Took, c.NextRun = c.Since.Add(time.Second), "1ms", c.Since.Add(time.Minute)
			return c, nil
		}
	}
	return CheckRun{}, fault.New(fault.NotFound, "run check %q: there is no such check on this agent", id)
}

func (t *twin) Timeline(service string) []Transition {
	if service != "item-service" {
		return nil
	}
	return []Transition{{
		Time: time.Unix(1_700_000_000, 0).UTC(), Service: service, Instance: "item-1", Node: "n1",
		From: "passing", To: "critical", Reason: "port: connection refused",
	}}
}

func (t *twin) Members() Members {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.members
}

// meet adds a member.
func (t *twin) meet(m Member) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.members = Members{Serial: t.members.Serial + 1, List: append(slices.Clip(t.members.List), m)}
}

func (t *twin) Join(_ context.Context, addrs []string) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.failing(); err != nil {
		return 0, err
	}
	t.joined = append(t.joined, addrs...)
	return len(addrs), nil
}

func (t *twin) Leave(context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.leaving = true
	return t.failing()
}

func (t *twin) ForceLeave(_ context.Context, node string, prune bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if node != "n2" {
		return fault.New(fault.NotFound, "no member is called %q", node)
	}
	if prune {
		node += "!"
	}
	t.left = append(t.left, node)
	return nil
}

func (t *twin) HasKey(key string) bool { return key == "b2xk" }

func (t *twin) Keyring(context.Context) (Keyring, error) {
	return Keyring{Nodes: 2, Keys: map[string]int{"b2xk": 2, "bmV3": 1}, Primary: map[string]int{"b2xk": 2}}, nil
}

func (t *twin) ChangeKey(_ context.Context, change, key string) (Keyring, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keyChanges = append(t.keyChanges, change+" "+key)
	return Keyring{}, t.failing()
}

func (t *twin) Reload(context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reloads++
	return t.failing()
}

// Coordinates: n2 is 1 ms from n1, n3 is 10 ms, others are not known.
func (t *twin) Coordinates() Coordinates {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := func(node string, x float64) NodeCoordinate {
		return NodeCoordinate{node, Coordinate{Vec: []float64{x, 0}, Error: 1.5}}
	}
	return Coordinates{Serial: t.measured + 1, Nodes: map[string]NodeCoordinate{
		"n1": at("n1", 0), "n2": at("n2", 0.001), "n3": at("n3", 0.010),
	}}
}

func (t *twin) Fire(_ context.Context, e Event) (Event, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.failing(); err != nil {
		return e, err
	}
	e.ID = fmt.Sprintf("00000000-0000-4000-8000-%012d", len(t.events)+1)
	t.events = append(t.events, e)
	if t.changed != nil {
		close(t.changed)
		t.changed = nil
	}
	return e, nil
}

func (t *twin) Events() Events {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.changed == nil {
		t.changed = make(chan struct{})
	}
	e := Events{List: slices.Clone(t.events), Index: 7, Start: 7, Changed: t.changed}
	for i := range e.List {
		e.Index = EventIndex(e.List[i].ID)
	}
	return e
}

func (t *twin) Monitor(level slog.Level, json bool) (<-chan []byte, func()) {
	lines := make(chan []byte, 1)
	lines <- fmt.Appendf(nil, "from %v, json %v\n", level, json)
	return lines, func() {}
}

func (t *twin) Host() Host { return Host{Host: HostSystem{Hostname: "n1", OS: "linux"}} }

func (t *twin) Status() Status {
	return Status{
		Node: "n1", ID: nodeID.String(), Version: "0.1.0", Datacenter: "dc1", Domain: "local",
		Started: time.Unix(1_700_000_000, 0).UTC(), GossipAddr: "10.0.0.1:7946", Members: 2, Alive: 1, Failed: 1,
	}
}

// addHost states another node with instances of a service, on a living or failed host.
func (t *twin) addHost(name, addr string, alive catalog.Liveness, instances ...*catalog.Instance) catalog.NodeID {
	id := catalog.NodeID(md5.Sum([]byte(name)))
	put := []catalog.Record{&catalog.Node{ID: id, Name: name, Address: addr, Datacenter: "dc1"}}
	for _, i := range instances {
		put = append(put, i)
	}
	t.store.Apply(catalog.Update{Owner: id, Put: put})
	t.store.SetLiveness(id, alive)
	return id
}

func instance(service, id string, checks ...catalog.Check) *catalog.Instance {
	return &catalog.Instance{ID: id, Service: service, Port: 8080, Weights: catalog.DefaultWeights, Checks: checks}
}

func withStatus(s catalog.Status) catalog.Check {
	return catalog.Check{ID: "c", Name: "c", Status: s, Type: "ttl"}
}

var errDisk = errors.New("no space left on device")
