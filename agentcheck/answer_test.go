package agentcheck

import (
	"errors"
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/lb"
)

// site is a catalogue, and a server of agent n1 that answers from it.
type site struct {
	*catalog.Store
	*Server
}

func newSite() *site {
	s := &site{Store: catalog.NewStore(1)}
	s.Server = &Server{cfg: Config{
		NodeName: "n1", Catalog: s.Store, Balancer: &lb.Balancer{Node: "n1"},
		Lookup: func(string, []string, string) (lb.Lookup, error) { return lb.Lookup{}, errors.New("no DNS") },
	}}
	return s
}

// put has a node with the instance web/ID, weight 4 and 1 in warning, and a check of either
// that is at status.
func (s *site) put(node, id, check string, status catalog.Status, with func(*catalog.Instance)) {
	var owner catalog.NodeID
	copy(owner[:], node+strings.Repeat("-", 16))
	n := &catalog.Node{ID: owner, Name: node, Address: "10.0.0.1", Datacenter: "dc1"}
	i := &catalog.Instance{ID: id, Service: "web", Port: 80, Weights: catalog.Weights{Passing: 4, Warning: 1}}
	checks := []catalog.Check{{ID: check, Name: check, Status: status}}
	if check == catalog.NodeMaintenance {
		n.Checks = checks
	} else {
		i.Checks = checks
	}
	if with != nil {
		with(i)
	}
	s.Apply(catalog.Update{Owner: owner, Put: []catalog.Record{n, i}})
	s.SetLiveness(owner, catalog.Alive)
}

func (s *site) want(t *testing.T, question, answer string) {
	t.Helper()
	if got := s.answer(question, time.Unix(1e9, 0)); got != answer {
		t.Errorf("%q is answered %q, want %q", question, got, answer)
	}
}

func TestAnInstanceIsTalkedAboutAsDNSHasIt(t *testing.T) {
	s := newSite()
	s.put("n1", "well", "c", catalog.Passing, nil)
	s.put("n2", "warned", "c", catalog.Warning, nil)
	s.put("n3", "ill", "service:ill", catalog.Critical, nil)
	s.put("n4", "kept", catalog.ServiceMaintenancePrefix+"kept", catalog.Critical, nil)
	s.put("n5", "drained", catalog.NodeMaintenance, catalog.Critical, nil)
	s.put("n6", "half", "c", catalog.Passing, func(i *catalog.Instance) { i.Load = catalog.Load{Share: 500, Serial: 1} })
	s.put("n7", "lost", "c", catalog.Passing, nil)
	lost := catalog.NodeID{}
	copy(lost[:], "n7--------------")
	s.SetLiveness(lost, catalog.Failed)
	s.put("n8", "least", "c", catalog.Passing, func(i *catalog.Instance) { i.Load = catalog.Load{Share: 1, Serial: 1} })
	s.put("n9", "none", "c", catalog.Passing, func(i *catalog.Instance) { i.Weights = catalog.Weights{} })
	withdrawn := func(and ...catalog.Check) func(*catalog.Instance) {
		return func(i *catalog.Instance) {
			i.Checks[0].Withdrawn = true
			i.Checks = append(i.Checks, and...)
		}
	}
	s.put("n10", "drains", "agent", catalog.Critical, withdrawn(catalog.Check{ID: "port", Name: "port"}))
	s.put("n11", "drains-and-fails", "agent", catalog.Critical, withdrawn(catalog.Check{ID: "port", Name: "port", Status: catalog.Critical}))
	for question, answer := range map[string]string{
		"web/drains":           "up drain",
		"web/well":             "up ready 100%",
		"WEB/well":             "up ready 100%",
		"web/well@n1":          "up ready 100%",
		"web/warned":           "up ready 25%",
		"web/half":             "up ready 50%",
		"web/least":            "up ready 1%",
		"web/none":             "up ready 0%",
		"web/ill":              "down ready #critical: check service:ill",
		"web/kept":             "up maint",
		"web/drains-and-fails": "down ready #critical: check agent, by its own wish",
		"web/drained":          "up drain",
		"web/lost":             "down ready #host failed",
		"web/well@n2":          "down ready #the service has no such instance",
		"web/other":            "down ready #the service has no such instance",
		"db/well":              "down ready #there is no such service",
		"web":                  remark,
		"web/":                 remark,
		"/well":                remark,
		"":                     remark,
		"GET / HTTP/1.1":       "down ready #there is no such service",
	} {
		s.want(t, question, answer)
	}
}

func TestAnIDOfSeveralNodes(t *testing.T) {
	s := newSite()
	s.put("n2", "web", "c", catalog.Warning, nil)
	s.put("n3", "web", "c", catalog.Passing, nil)
	s.put("n4", "web", "c", catalog.Passing, nil)
	s.want(t, "web/web", "down ready #several nodes have that ID: ask for SERVICE/ID@NODE")
	s.want(t, "web/web@N2", "up ready 25%")
	s.want(t, "web/web@n9", "down ready #the service has no such instance")
	s.put("n1", "web", "c", catalog.Passing, nil)
	s.want(t, "web/web", "up ready 100%")
	s.put("n5", "web@n2", "c", catalog.Passing, nil) // an ID may be written so
	s.want(t, "web/web@n2", "up ready 100%")
}

func TestWhoIsNotForThisHostHasNoWeight(t *testing.T) {
	s := newSite()
	policy := func(p, level string) func(*catalog.Instance) {
		return func(i *catalog.Instance) {
			i.Meta = map[string]string{catalog.MetaPolicy: p, catalog.MetaPriority: level}
		}
	}
	s.put("n1", "first", "c", catalog.Passing, policy("priority", "1"))
	s.put("n2", "second", "c", catalog.Passing, policy("priority", "2"))
	s.want(t, "web/first", "up ready 100%")
	s.want(t, "web/second", "up ready 0% #others come first")
	s.put("n1", "first", "c", catalog.Critical, policy("priority", "1"))
	s.want(t, "web/second", "up ready 100%")

	for n := range 100 { // calls of it fail
		s.cfg.Balancer.Report(s.View(), "web", "n2", "second", n%2 > 5, time.Unix(1e9, 0))
	}
	s.put("n1", "first", "c", catalog.Passing, policy("priority", "1"))
	s.put("n3", "third", "c", catalog.Passing, policy("priority", "1"))
	if got := s.answer("web/second", time.Unix(1e9, 0)); !strings.HasPrefix(got, "up ready 0% #") {
		t.Errorf("who was ejected is %q", got)
	}
}

// A host that is cut off takes nobody's servers away.
func TestOfAFailedHostWhatDNSAnswersCounts(t *testing.T) {
	s := newSite()
	s.put("n2", "web", "c", catalog.Warning, nil)
	id := catalog.NodeID{}
	copy(id[:], "n2--------------")
	s.SetLiveness(id, catalog.Failed)
	s.want(t, "web/web", "down ready #host failed")
	s.cfg.Lookup = func(name string, _ []string, _ string) (lb.Lookup, error) {
		return lb.Lookup{Stale: true, Answers: []lb.LookupAnswer{{ID: "web", Node: "n2"}}}, nil
	}
	s.want(t, "web/web", "up ready 25% #last known: this host is cut off")
}

func FuzzAnswer(f *testing.F) {
	s := newSite()
	s.put("n1", "a\u00e9", "c\n", catalog.Critical, nil)
	for _, seed := range []string{"web/a\u00e9", "web/a@n1", "/@", "web/\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, question string) {
		a := s.answer(question, time.Unix(1e9, 0))
		if strings.ContainsAny(a, "\r\n") || len(a) > 300 || a == "" {
			t.Errorf("%q is answered %q", question, a)
		}
	})
}
