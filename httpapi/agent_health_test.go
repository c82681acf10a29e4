package httpapi

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestTheHealthOfAServiceIsItsStatusCode(t *testing.T) {
	for name, test := range map[string]struct {
		puts []string
		code int
		text string
	}{
		"passing":                {nil, 200, "passing"},
		"warning":                {[]string{"check/warn/item-1:ttl"}, 429, "warning"},
		"critical":               {[]string{"check/fail/item-1:ttl"}, 503, "critical"},
		"service in maintenance": {[]string{"service/maintenance/item-1?enable=true"}, 503, "maintenance"},
		"node in maintenance":    {[]string{"maintenance?enable=true"}, 503, "maintenance"},
		"maintenance comes before critical": {
			[]string{"check/fail/item-1:ttl", "service/maintenance/item-1?enable=true"}, 503, "maintenance"},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newTestServer(t)
			mustRegister(t, s)
			for _, p := range test.puts {
				if w := call(s, "PUT", "/v1/agent/"+p, ""); w.Code != 200 {
					t.Fatalf("%s: %d %s", p, w.Code, w.Body)
				}
			}
			for _, which := range []string{"id/item-1", "name/item-service"} {
				w := call(s, "GET", "/v1/agent/health/service/"+which, "")
				if w.Code != test.code || !strings.Contains(w.Body.String(), `"AggregatedStatus":"`+test.text+`"`) {
					t.Errorf("%s: %d %s", which, w.Code, w.Body)
				}
				w = call(s, "GET", "/v1/agent/health/service/"+which+"?format=text", "")
				if w.Code != test.code || w.Body.String() != test.text {
					t.Errorf("%s as text: %d %s", which, w.Code, w.Body)
				}
			}
		})
	}
}

func TestTheWorstInstanceDecidesForAName(t *testing.T) {
	s, _ := newTestServer(t)
	mustRegister(t, s)
	call(s, "PUT", "/v1/agent/service/register", `{"ID":"item-2","Name":"item-service","Check":{"TTL":"1m","Status":"warning"}}`)
	r := httptest.NewRequest("GET", "http://localhost/v1/agent/health/service/name/Item-Service", nil)
	r.Header.Set("Accept", "text/plain")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 429 || w.Body.String() != "warning" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := call(s, "GET", "/v1/agent/health/service/id/item-1", ""); w.Code != 200 {
		t.Errorf("its neighbour: %d %s", w.Code, w.Body)
	}
}
