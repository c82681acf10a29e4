package httpapi

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzRegister sends bodies to all registrations: each is taken whole, and can then
// be read as JSON, or refused with 400 and changes nothing.
func FuzzRegister(f *testing.F) {
	for _, body := range []string{
		itemService,
		`{}`, `null`, `[]`, `{"Name":"a"}`, `{"name":"a","port":"80"}`, `{"Name":"a","Port":-1}`,
		`{"Name":"a","Tags":null,"Meta":null,"Checks":null,"Weights":null}`,
		`{"Name":"a","Checks":[{"HTTP":"http://x/","Interval":"10s"},{"TCP":"x:1","interval":"1m"}]}`,
		`{"Name":"a","Proxy":{"Upstreams":[{}]},"Connect":{"Native":true}}`,
		`{"ID":"a/b\u0000","Name":"a"}`, `{"Name":"a","TaggedAddresses":{"wan":{"Address":"::1"}}}`,
		`{"Name":"mem","TTL":"10s","DeregisterCriticalServiceAfter":"1h"}`,
		`{"Node":"db","Address":"db.example","NodeMeta":{"a":"b"},"Service":{"Service":"pg","Tags":null,"Weights":{"Passing":0,"Warning":0}},"Checks":[{"Name":"up","ServiceID":"pg","Definition":{"HTTP":"x"}}]}`,
		`{"Node":"db","ServiceID":"pg","SkipNodeUpdate":true}`, `{"Node":"db","Check":{},"Service":null}`,
		`{"Name":"mem","TTL":1e400}`, `{"Name":"\ud800"}`, "\xff\xfe", `{"Name":"a"}{"Name":"b"}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		s, a := newTestServer(t)
		before := a.store.View()
		refused := true
		for _, path := range []string{"/v1/agent/service/register", "/v1/agent/check/register", "/v1/catalog/register", "/v1/catalog/deregister"} {
			switch w := call(s, "PUT", path, body); w.Code {
			case 200:
				refused = false
			case 500:
				if !strings.HasPrefix(w.Body.String(), "No path to datacenter") {
					t.Fatalf("%s answers %q with %s", path, body, w.Body)
				}
			case 400:
				if strings.TrimSpace(w.Body.String()) == "" {
					t.Errorf("%s refuses %q without a reason", path, body)
				}
			case 404: // of a check for a service that is not there
			default:
				t.Fatalf("%s answers %q with %d %s", path, body, w.Code, w.Body)
			}
		}
		if refused && (a.store.View() != before || len(a.services)+len(a.checks) != 0) {
			t.Errorf("%q was refused and changed something", body)
		}
		for _, target := range []string{"/v1/agent/services", "/v1/agent/checks", "/v1/health/state/any", "/v1/catalog/node/n1"} {
			if w := call(s, "GET", target, ""); w.Code != 200 || !json.Valid(w.Body.Bytes()) {
				t.Errorf("after %q, %s answers %d %s", body, target, w.Code, w.Body)
			}
		}
	})
}

// FuzzQuery sends query strings to reads: none is a fault of the server's.
func FuzzQuery(f *testing.F) {
	for _, query := range []string{
		"passing", "passing=1&tag=v1&tag=http", "index=18446744073709551615&wait=1ns", "index=0&wait=1h", "wait=-1s",
		"stale&consistent", "near=_agent", "dc=dc9", "node-meta=rack:r1", "node-meta=:", "tag=%00", "pretty", "a;b", "%zz", "ns",
	} {
		f.Add(query)
	}
	s, _ := newTestServer(f)
	mustRegister(f, s)
	close(s.stopping) // so that nothing blocks
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{"/v1/health/service/item-service", "/v1/catalog/services", "/v1/health/state/any", "/v1/agent/services"} {
			r := httptest.NewRequest("GET", path, nil)
			r.Host, r.URL.RawQuery = "localhost", query
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			switch {
			case w.Code == 200 && json.Valid(w.Body.Bytes()), w.Code == 400:
			case w.Code == 500 && strings.HasPrefix(w.Body.String(), "No path to datacenter"):
			default:
				t.Errorf("%s?%s: %d %s", path, query, w.Code, w.Body)
			}
		}
	})
}
