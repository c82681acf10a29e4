package httpapi

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"covey/catalog"
)

// Expressions as Consul's documentation and its users write them, on every list that
// Consul filters, and what each leaves.
func TestEveryListCanBeFiltered(t *testing.T) {
	s, a := newTestServer(t)
	mustRegister(t, s)
	web := instance("web", "web-2", withStatus(catalog.Warning))
	web.Tags, web.Meta = []string{"blue", "v2"}, map[string]string{"version": "2"}
	a.addHost("n2", "10.0.0.2", catalog.Alive, web, instance("web", "web-3"))

	for _, test := range []struct{ path, expr, want string }{
		{"/v1/health/service/web", ``, "web-2 web-3"},
		{"/v1/health/service/web", `Service.Meta.version == "2"`, "web-2"},
		{"/v1/health/service/web", `Service.Meta.version != "2"`, "web-3"},
		{"/v1/health/service/web", `"blue" in Service.Tags and not "green" in Service.Tags`, "web-2"},
		{"/v1/health/service/web", `Service.Tags contains "blue"`, "web-2"},
		{"/v1/health/service/web", `Service.Tags is empty`, "web-3"},
		{"/v1/health/service/web", `Service.ID matches "^web-[0-9]$" and Service.Port == 8080`, "web-2 web-3"},
		{"/v1/health/service/web", `Checks.Status == "warning"`, "web-2"},
		{"/v1/health/service/web", `Node.Node == n2 and (Service.ID == "web-3" or Service.ID == none)`, "web-3"},
		{"/v1/health/service/web", `Node.Meta.rack == r1`, ""},
		{"/v1/health/service/web", `Service.Weights.Passing == 1`, "web-2 web-3"},
		{"/v1/catalog/service/web", `"v2" in ServiceTags`, "web-2"},
		{"/v1/catalog/service/web", `ServiceMeta.version == 2 and NodeMeta is empty`, "web-2"},
		{"/v1/catalog/services", `ServiceName == web`, "web"},
		{"/v1/catalog/services", `NodeMeta.rack == r1`, "item-service"},
		{"/v1/catalog/nodes", `Meta.rack == r1`, "n1"},
		{"/v1/catalog/nodes", `Node != n1`, "n2"},
		{"/v1/catalog/node/n2", `Service == web and ID != "web-3"`, "web-2"},
		{"/v1/catalog/node-services/n2", `"blue" in Tags`, "web-2"},
		{"/v1/health/node/n2", `Status == warning`, "c"},
		{"/v1/health/node/n1", `ServiceName == ""`, "serfHealth"},
		{"/v1/health/checks/web", `ServiceID == "web-2"`, "c"},
		{"/v1/health/state/any", `CheckID == serfHealth and Node == n2`, "serfHealth"},
		{"/v1/agent/services", `Service == "item-service"`, "item-1"},
		{"/v1/agent/services", `Service == "web"`, ""},
		{"/v1/agent/checks", `Status == passing and ServiceName == "item-service"`, "item-1:ttl"},
		{"/v1/agent/members", `Status == 4`, "n2"},
	} {
		w := call(s, "GET", test.path+"?filter="+url.QueryEscape(test.expr), "")
		if w.Code != 200 {
			t.Errorf("%s, filter %s: %d %s", test.path, test.expr, w.Code, w.Body)
			continue
		}
		if got := strings.Join(identities(t, w.Body.Bytes()), " "); got != test.want {
			t.Errorf("%s, filter %s leaves %q, want %q", test.path, test.expr, got, test.want)
		}
	}
}

// identities are the names of what a list holds, sorted.
func identities(t *testing.T, body []byte) []string {
	t.Helper()
	type element struct {
		ID, ServiceID, CheckID, Node, Name string
		Service                            any
	}
	name := func(raw json.RawMessage) string {
		var e struct{ Service struct{ ID string } }
		if json.Unmarshal(raw, &e) == nil && e.Service.ID != "" {
			return e.Service.ID
		}
		var f element
		if err := json.Unmarshal(raw, &f); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{f.CheckID, f.ServiceID} {
			if id != "" {
				return id
			}
		}
		if f.Node != "" {
			return f.Node
		}
		if f.Name != "" {
			return f.Name
		}
		return f.ID
	}
	names := []string{}
	var list []json.RawMessage
	var object map[string]json.RawMessage
	var services struct{ Services json.RawMessage }
	switch {
	case json.Unmarshal(body, &services) == nil && services.Services != nil:
		return identities(t, services.Services)
	case json.Unmarshal(body, &list) == nil:
		for _, raw := range list {
			names = append(names, name(raw))
		}
	case json.Unmarshal(body, &object) == nil:
		for key := range object {
			names = append(names, key)
		}
	default:
		t.Fatalf("neither a list nor an object: %s", body)
	}
	slices.Sort(names)
	return names
}

// The grammar backtracks without memory: what is nested deeply must be given up, not
// parsed for minutes. The test would not end.
func TestAFilterThatCostsTooMuchIsGivenUp(t *testing.T) {
	s, _ := newTestServer(t)
	mustRegister(t, s)
	for _, expr := range []string{
		strings.Repeat("(", 1000) + `ID == "x"` + strings.Repeat(")", 1000),
		strings.Repeat(`ID == "x" and `, 200) + `ID == "x"`,
		`ID == "` + strings.Repeat("x", maxFilterValues+1) + `"`,
		"ID matches `" + strings.Repeat("(.?){999}", 50) + "`",
		"ID matches `" + strings.Repeat(`\pL{1000}`, 50) + "`",
		"ID matches `(a{900}){900}`",
		"not (" + strings.Repeat("ID not matches `.{999}` and ", 5) + "ID != x)",
	} {
		w := call(s, "GET", "/v1/agent/services?filter="+url.QueryEscape(expr), "")
		if w.Code != 500 || !strings.HasPrefix(w.Body.String(), "Failed to create boolean expression evaluator") {
			t.Errorf("%.40s...: %d %.200s", expr, w.Code, w.Body)
		}
	}
}

// However large the catalogue: nobody keeps the agent busy for minutes by one request.
func TestAFilterThatTakesTooLongIsGivenUp(t *testing.T) {
	s, _ := newTestServer(t)
	mustRegister(t, s)
	f, err := (&request{params: url.Values{"filter": {"Port != 1"}}}).filterFor(wireService{})
	if err != nil {
		t.Fatal(err)
	}
	f.most = -time.Second // is over before it begins
	if _, err := kept(f, []wireService{{ID: "a"}}); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a list: %v", err)
	}
	if _, err := kept(f, map[string]wireService{"a": {ID: "a"}}); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a map: %v", err)
	}
	if w := call(s, "GET", "/v1/health/service/item-service?filter="+url.QueryEscape("Service.ID matches `^(item|web|[a-z]{1,50})-[0-9]{1,9}$`"), ""); !strings.Contains(w.Body.String(), "item-1") {
		t.Errorf("one that people write: %d %s", w.Code, w.Body)
	}
}

func TestNearOrdersByRoundTripTime(t *testing.T) {
	s, a := newTestServer(t)
	for _, host := range []string{"n3", "n2", "n0"} {
		a.addHost(host, "10.0.0."+host[1:], catalog.Alive, instance("web", "web-"+host[1:]))
	}
	order := func(path string) string {
		t.Helper()
		var list []struct {
			Node json.RawMessage
		}
		w := call(s, "GET", path, "")
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		var names []string
		for _, e := range list {
			var name string
			if json.Unmarshal(e.Node, &name) != nil {
				var node struct{ Node string }
				if err := json.Unmarshal(e.Node, &node); err != nil {
					t.Fatal(err)
				}
				name = node.Node
			}
			names = append(names, name)
		}
		return strings.Join(names, " ")
	}
	for path, want := range map[string]string{
		"/v1/health/service/web?near=_agent":  "n2 n3 n0", // n0 was never measured
		"/v1/health/service/web?near=N3":      "n3 n2 n0",
		"/v1/health/service/web?near=n0":      "n0 n2 n3", // nothing to measure from: as without
		"/v1/health/service/web":              "n0 n2 n3",
		"/v1/catalog/service/web?near=_agent": "n2 n3 n0",
		"/v1/health/checks/web?near=n3":       "",
		"/v1/catalog/nodes?near=n2":           "n2 n1 n3 n0",
		"/v1/health/state/passing?near=n3":    "n3 n2 n1 n0",
	} {
		if got := order(path); got != want && want != "" {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// A list that is ordered is rendered once for each measurement, like any other.
func TestNearIsRenderedOnceAMeasurement(t *testing.T) {
	s, a := newTestServer(t)
	mustRegister(t, s)
	ask := func() { call(s, "GET", "/v1/health/service/item-service?near=_agent", "") }
	ask()
	ask()
	if st := s.Stats(); st.CacheHits != 1 || st.CacheMisses != 1 {
		t.Errorf("%+v", st)
	}
	a.mu.Lock()
	a.measured++
	a.mu.Unlock()
	ask()
	if st := s.Stats(); st.CacheMisses != 2 {
		t.Errorf("%+v", st)
	}
}

func TestDistanceIsVivaldis(t *testing.T) {
	a := Coordinate{Vec: []float64{0.003, 0}, Height: 0.001}
	b := Coordinate{Vec: []float64{0, 0.004}, Height: 0.002}
	if d := a.RoundTrip(&b); d.Round(time.Microsecond) != 8*time.Millisecond {
		t.Errorf("3, 4 and two heights of 3 together make %v", d)
	}
	a.Adjustment = -0.001
	if d := a.RoundTrip(&b); d.Round(time.Microsecond) != 7*time.Millisecond {
		t.Errorf("adjusted: %v", d)
	}
	b.Adjustment = -1
	if d := a.RoundTrip(&b); d.Round(time.Microsecond) != 8*time.Millisecond {
		t.Errorf("adjusted below nothing: %v", d)
	}
}
