package agent

import (
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/miekg/dns"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/lb"
)

// An instance that says in the answers to its check that it is busy gets fewer of the first
// places in another agent's answers, and counts as average when it says so no more.
func TestABusyInstanceIsAnsweredLess(t *testing.T) {
	says := http.NewServeMux()
	for path, report := range map[string]string{
		"/busy": "TEXT rps_fractional=100,application_utilization=0.9",
		"/idle": `JSON {"rps_fractional":100,"application_utilization":0.3}`,
	} {
		says.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("endpoint-load-metrics", report) })
	}
	instances := httptest.NewServer(says)
	t.Cleanup(instances.Close)

	owner := startAgent(t, testConfig(t.TempDir()), Options{})
	cfg := testConfig(t.TempDir())
	cfg.RetryJoin = []string{owner.gossip.Addr()}
	cfg.RetryInterval = 100 * time.Millisecond
	other := startAgent(t, cfg, Options{})
	for port, path := range map[int]string{1: "/busy", 2: "/idle", 3: ""} {
		s := web(port)
		s.Meta = map[string]string{catalog.MetaPolicy: "capacity"}
		if path != "" {
			s.Checks = []definition.Check{{ID: path, Name: path, HTTP: instances.URL + path, Interval: 20 * time.Millisecond, Timeout: time.Second}}
		}
		if err := owner.RegisterService(t.Context(), s, false); err != nil {
			t.Fatal(err)
		}
	}
	other.waitFor(t, "both loads", func() bool {
		busy, idle := other.endpoint("web-1"), other.endpoint("web-2")
		return busy != nil && idle != nil && other.endpoint("web-3") != nil &&
			busy.Status() == catalog.Passing && idle.Status() == catalog.Passing && busy.Load().Reported() && idle.Load().Reported()
	})

	// What can be done is 111 and 333 a second; the third is taken for the usual, 222.
	const questions = 3000
	first := map[uint16]int{}
	for range questions {
		first[other.firstSRV(t)]++
	}
	if busy, quiet, idle := first[1], first[3], first[2]; busy > questions/4 || busy < questions/20 || quiet < busy || idle < quiet {
		t.Errorf("of the first places the busy one has %d, the idle one %d, one that says nothing %d", busy, idle, quiet)
	}

	// Nothing new for three minutes, by the clock of whoever answers.
	is := other.balancer.Balance(other.catalog.View(), lb.Ask{Query: lb.Query{Service: "web"}, Now: time.Now().Add(3 * time.Minute)})
	for _, c := range is.Chosen {
		if len(is.Chosen) != 3 || math.Abs(c.Weight-3) > 1e-9 {
			t.Errorf("with reports that have expired %s has a weight of %v", c.Endpoint.ID(), c.Weight)
		}
	}
	other.explains(t)
}

// explains checks that what an answer's weight is made of includes the load.
func (x *testAgent) explains(t *testing.T) {
	t.Helper()
	l, err := x.dns.Lookup("web", nil, "SRV")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range l.Answers {
		if (a.Load != nil) != (a.ID != "web-3") || a.Load != nil && a.Load.Rate == 0 {
			t.Errorf("%s is said to report %+v", a.ID, a.Load)
		}
		if a.ID == "web-1" && (a.Factors == nil || a.Factors.Load >= 1) || a.ID == "web-2" && (a.Factors == nil || a.Factors.Load <= 1) {
			t.Errorf("%s is explained by %+v", a.ID, a.Factors)
		}
	}
}

// firstSRV asks over UDP and returns the port of the first record.
func (x *testAgent) firstSRV(t *testing.T) uint16 {
	t.Helper()
	m := new(dns.Msg).SetQuestion("web.service.local.", dns.TypeSRV)
	r, err := dns.Exchange(m, x.dns.Addr().String())
	if err != nil || len(r.Answer) == 0 {
		t.Fatalf("the answer is %v, %v", r, err)
	}
	srv, ok := r.Answer[0].(*dns.SRV)
	if !ok {
		t.Fatalf("the first record is %v", r.Answer[0])
	}
	return srv.Port
}

// waitFor waits until the catalogue is so.
func (x *testAgent) waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for late := time.After(30 * time.Second); ; {
		changed := x.catalog.View().Watch()
		if holds() {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("%s did not come", what)
		}
	}
}
