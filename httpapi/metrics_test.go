package httpapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestMetricsAreThereInConsulsFormAndInPrometheuss(t *testing.T) {
	s, _ := newTestServer(t)
	mustRegister(t, s)
	call(s, "GET", "/v1/health/service/item-service", "")
	call(s, "GET", "/v1/health/service/other", "")
	call(s, "POST", "/v1/health/service/other", "")
	call(s, "GET", "/no/such/path", "")

	w := call(s, "GET", "/v1/agent/metrics", "")
	var m struct {
		Timestamp         string
		Gauges, Points    []wireGauge
		Counters, Samples []wireSample
	}
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil || w.Code != 200 || m.Points == nil || len(m.Gauges) == 0 || !strings.HasSuffix(m.Timestamp, "+0000 UTC") {
		t.Fatalf("%d %v %+v", w.Code, err, m)
	}
	counts := map[string]uint64{}
	for _, c := range m.Counters {
		if c.Name == "covey_http_requests_total" {
			counts[c.Labels["method"]+" "+c.Labels["path"]+" "+c.Labels["code"]] = c.Count
		}
	}
	for series, want := range map[string]uint64{
		"GET /v1/health/service/{name} 200":  2,
		"POST /v1/health/service/{name} 405": 1,
		"PUT /v1/agent/service/register 200": 1,
		"GET other 404":                      1,
	} {
		if counts[series] != want {
			t.Errorf("%s: %d, want %d of %v", series, counts[series], want, counts)
		}
	}
	for _, path := range []string{"/metrics", "/v1/agent/metrics?format=prometheus"} {
		w := call(s, "GET", path, "")
		if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain; version=0.0.4") ||
			!strings.Contains(w.Body.String(), `covey_http_requests_total{code="405",method="POST",path="/v1/health/service/{name}"} 1`) {
			t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
		}
	}
	if w := call(s, "GET", "/v1/agent/metrics?format=xml", ""); w.Code != 400 {
		t.Errorf("?format=xml: %d", w.Code)
	}
}

// What clients send must not become series.
func TestNoRequestAddsALabel(t *testing.T) {
	s, _ := newTestServer(t)
	series := func() int {
		families, err := s.metrics.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, f := range families {
			if strings.HasPrefix(f.GetName(), "covey_http_req") {
				n += len(f.GetMetric())
			}
		}
		return n
	}
	send := func(method, suffix string) {
		call(s, "GET", "/v1/health/service/"+suffix, "")
		call(s, "GET", "/"+suffix, "")
		call(s, method, "/v1/health/service/x", "")
	}
	send("BREW", "a")
	before := series()
	for i, suffix := range []string{"b", "c/d", "e%00", "f//../g"} {
		send([]string{"MIX", "get", "PROPFIND", "X-1"}[i], suffix)
	}
	if after := series(); after != before {
		t.Errorf("%d series became %d", before, after)
	}
}

func TestAPanicIsCountedAs500(t *testing.T) {
	c := newTwin().config()
	c.Agent = faulty{newTwin()}
	s, err := newServer(c)
	if err != nil {
		t.Fatal(err)
	}
	call(s, "PUT", "/v1/agent/service/register", itemService)
	if text := call(s, "GET", "/metrics", "").Body.String(); !strings.Contains(text, `{code="500",method="PUT",path="/v1/agent/service/register"} 1`) {
		t.Error(text)
	}
}

func TestTwoServersHaveTheirOwnMetrics(t *testing.T) {
	one, _ := newTestServer(t)
	two, _ := newTestServer(t)
	call(one, "GET", "/v1/agent/self", "")
	if text := call(two, "GET", "/metrics", "").Body.String(); strings.Contains(text, "/v1/agent/self") {
		t.Error("what one server answered is counted by another")
	}
}

var _ http.ResponseWriter = (*exchange)(nil)

// Prometheus asks for OpenMetrics first, and reads it strictly: to its end.
func TestMetricsAreInTheFormatThatIsAskedFor(t *testing.T) {
	s, _ := newTestServer(t)
	for accept, want := range map[string]string{
		"": "text/plain; version=0.0.4",
		"application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.5": "application/openmetrics-text; version=1.0.0",
	} {
		r := httptest.NewRequest("GET", "http://127.0.0.1/metrics", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		open := strings.HasPrefix(want, "application")
		if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, want) || strings.HasSuffix(w.Body.String(), "# EOF\n") != open {
			t.Errorf("asked for %q: %s, which ends with %q", accept, got, w.Body.String()[max(0, w.Body.Len()-20):])
		}
	}
}
