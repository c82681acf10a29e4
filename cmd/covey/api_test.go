package main

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/httpapi"
	"covey/internal/apiclient"
	"covey/internal/fault"
	"covey/lb"
)

// apiAgent is as much of an agent as stands behind the real HTTP API here: it states
// what is registered to a catalogue and nothing more.
type apiAgent struct {
	httpapi.Agent // what is not defined below is not called
	store         *catalog.Store
	id            catalog.NodeID

	mu       sync.Mutex // guards services
	services map[string]*catalog.Instance
}

func (a *apiAgent) RegisterService(_ context.Context, s definition.Service, _ bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := s.Instance()
	for _, c := range s.Checks {
		i.Checks = append(i.Checks, c.State())
	}
	a.services[s.ID] = i
	a.store.Apply(catalog.Update{Owner: a.id, Put: []catalog.Record{i}})
	return nil
}

func (a *apiAgent) DeregisterService(_ context.Context, id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.services[id] == nil {
		return fault.New(fault.NotFound, "unknown service ID %q", id)
	}
	delete(a.services, id)
	a.store.Apply(catalog.Update{Owner: a.id, Remove: []string{catalog.InstanceKeyPrefix + id}})
	return nil
}

func (a *apiAgent) Members() httpapi.Members {
	return httpapi.Members{Serial: 1, List: []httpapi.Member{{Name: "n1", Addr: "10.0.0.1", Port: 7946, Status: "alive"}}}
}

func (a *apiAgent) Status() httpapi.Status { return httpapi.Status{Node: "n1"} }

func (a *apiAgent) lookup(name string, tags []string, qtype string) (lb.Lookup, error) {
	out := lb.Lookup{Name: name, Type: qtype, Rcode: "NOERROR"}
	for _, c := range lb.Select(a.store.View(), lb.Query{Service: name, Tags: tags}).Chosen {
		out.Answers = append(out.Answers, lb.LookupAnswer{
			Node: c.Host.Name, Address: c.Addr(), Port: c.Port, Weight: uint16(c.Weight), Status: c.Status().String(),
		})
	}
	return out, nil
}

// serveAPI sets COVEY_HTTP_ADDR to the real HTTP API before such an agent.
func serveAPI(t *testing.T) {
	t.Helper()
	a := &apiAgent{store: catalog.NewStore(1), id: catalog.NodeID{1}, services: map[string]*catalog.Instance{}}
	node := &catalog.Node{ID: a.id, Name: "n1", Address: "10.0.0.1", Datacenter: "dc1"}
	a.store.Apply(catalog.Update{Owner: a.id, Put: []catalog.Record{node}})
	a.store.SetLiveness(a.id, catalog.Alive)
	s, err := httpapi.New(httpapi.Config{
		Addr: "127.0.0.1:0", Agent: a, Catalog: a.store, Lookup: a.lookup,
		Outcome:    func(string, string, string, bool) (known, ejected bool) { return false, false },
		Datacenter: "dc1", NodeName: "n1",
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run() }()
	t.Cleanup(func() {
		s.Close()
		<-ended
	})
	t.Setenv("COVEY_HTTP_ADDR", s.Addr().String())
}

// squeezed is what was printed, with the blanks of each line made one.
func squeezed(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestCommandAndHTTPAPIUnderstandEachOther(t *testing.T) {
	serveAPI(t)
	s := newSession()
	for _, c := range []struct {
		args string
		code int
		want string // a line of the output or the error
	}{
		{"members", 0, "n1 10.0.0.1:7946 alive - -"},
		{"services", 3, "covey: no service is registered; `covey help register` says how"},
		{"register --name web --port 80 --weight 3 --tag v1 --meta k=v", 0, "Registered web on port 80."},
		{"register --name web --id web-2 --port 81 --check-ttl 10s", 0, "Registered web as web-2 on port 81."},
		{"register --name web --port 65536", 2, "covey: cannot register: Port: 65536 is not in 0..65535"},
		{"services", 0, "web 1/2 v1 1 critical"},
		{"nodes", 0, "n1 10.0.0.1 passing 2"},
		{"lookup web --tag v1", 0, "3 passing n1 10.0.0.1:80"},
		{"status", 0, "node n1 ()"},
		{"deregister web", 0, "Deregistered web."},
		{"deregister web", 3, `covey: cannot deregister web on the agent at AGENT: unknown service ID "web"`},
		{"lookup web", 3, "covey: no SRV answer for web: the name has no such record (NOERROR)"},
	} {
		code := s.run(strings.Fields(c.args)...)
		got := strings.Split(squeezed(s.out.String()+s.err.String()), "\n")
		for i := range got {
			if before, after, ok := strings.Cut(got[i], "agent at 127.0.0.1:"); ok {
				_, after, _ = strings.Cut(after, ":")
				got[i] = before + "agent at AGENT:" + after
			}
		}
		if code != c.code || !slices.Contains(got, c.want) {
			t.Errorf("covey %s: exit %d, want %d\n%s\nwant the line %q", c.args, code, c.code, strings.Join(got, "\n"), c.want)
		}
	}
}

// The client has its own types for what the API answers, so a field that is added on
// one side only would be lost without a word.
func TestClientKnowsEveryFieldOfTheAPI(t *testing.T) {
	for _, pair := range [][2]any{
		{httpapi.Status{}, apiclient.Status{}},
		{lb.Lookup{}, apiclient.Lookup{}},
		{lb.LookupAnswer{}, apiclient.Answer{}},
		{lb.LookupOmission{}, apiclient.Omission{}},
		{lb.Factors{}, apiclient.Factors{}},
		{lb.Load{}, apiclient.Load{}},
	} {
		var names [2][]string
		for i, v := range pair {
			for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
				names[i] = append(names[i], f.Name)
			}
			slices.Sort(names[i])
		}
		if !slices.Equal(names[0], names[1]) {
			t.Errorf("%T has %v, %T has %v", pair[0], names[0], pair[1], names[1])
		}
	}
}
