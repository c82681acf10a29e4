package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"covey/catalog"
	"covey/internal/fault"
)

const itemService = `{"ID":"item-1","Name":"item-service","Port":8080,"Tags":["v1","http"],` +
	`"Meta":{"version":"2"},"Weights":{"Passing":3,"Warning":1},` +
	`"Check":{"CheckID":"item-1:ttl","TTL":"15s","Status":"passing"}}`

// mustRegister registers item-service on the twin.
func mustRegister(t testing.TB, s http.Handler) {
	t.Helper()
	if w := call(s, "PUT", "/v1/agent/service/register", itemService); w.Code != 200 || w.Body.Len() != 0 {
		t.Fatalf("registering: %d %s", w.Code, w.Body)
	}
}

func TestEveryRowHasTheStatusCodeThatClientsKnow(t *testing.T) {
	tests := []struct {
		method, target, body string
		code                 int
		says                 string // is part of the answer
	}{
		{"GET", "/v1/health/service/none", "", 200, "[]"},
		{"GET", "/v1/catalog/service/none", "", 200, "[]"},
		{"GET", "/v1/health/checks/none", "", 200, "[]"},
		{"GET", "/v1/health/node/none", "", 200, "[]"},
		{"GET", "/v1/catalog/node/none", "", 200, "null"},
		{"GET", "/v1/catalog/node-services/none", "", 200, "null"},
		{"GET", "/v1/health/state/any", "", 200, `"CheckID":"serfHealth"`},
		{"GET", "/v1/health/state/warning", "", 200, "[]"},
		{"GET", "/v1/health/state/fine", "", 400, "fine"},
		{"GET", "/v1/health/service/", "", 400, "service name"},
		{"GET", "/v1/health/service/item-service?passing=1&tag=v1&tag=http&near=_agent&dc=dc1", "", 200, `"ID":"item-1"`},
		{"GET", "/v1/health/service/item-service?passing=perhaps", "", 400, "passing"},
		{"GET", "/v1/health/service/item-service?dc=dc9", "", 500, "No path to datacenter"},
		{"GET", "/v1/catalog/nodes?dc=dc9", "", 500, "No path to datacenter"},
		{"GET", "/v1/status/leader?dc=dc9", "", 500, "No path to datacenter"},
		{"GET", "/v1/health/service/item-service?index=x", "", 400, "invalid index"},
		{"GET", "/v1/health/service/item-service?index=-1", "", 400, "invalid index"},
		{"GET", "/v1/health/service/item-service?wait=60", "", 400, "invalid wait"},
		{"GET", "/v1/health/service/item-service?wait=-1s", "", 400, "invalid wait"},
		{"GET", "/v1/health/service/item-service?stale&consistent", "", 400, "contradict"},
		{"GET", "/v1/health/service/item-service?cached&consistent", "", 400, "contradict"},
		{"GET", "/v1/health/service/item-service?ns=team", "", 400, "namespaces"},
		{"GET", "/v1/agent/services?ns=", "", 400, "namespaces"},
		{"GET", "/v1/catalog/services?partition=p", "", 400, "partitions"},
		{"GET", "/v1/catalog/services?filter=ServiceName%3D%3Dx", "", 200, "{}"},
		{"GET", "/v1/agent/services?filter=x", "", 500, "Failed to create boolean expression evaluator"},
		{"GET", "/v1/catalog/nodes?filter=Colour%3D%3Dred", "", 500, "Failed to create boolean expression evaluator"},
		{"GET", "/v1/health/service/none?filter=Service.Port%3D%3Dx", "", 500, "Failed to create boolean expression evaluator"},
		{"GET", "/v1/health/service/none?filter=" + strings.Repeat("(", 60) + "a%3D%3Db" + strings.Repeat(")", 60), "", 500, "Failed to create boolean expression evaluator"},
		{"GET", "/v1/health/service/none?filter=" + strings.Repeat("a", maxFilter+1), "", 500, "Failed to create boolean expression evaluator"},
		{"GET", "/v1/coordinate/datacenters", "", 200, `"Datacenter":"dc1"`},
		{"GET", "/v1/coordinate/nodes", "", 200, `"Node":"n1","Segment":"","Coord":{"Vec":[0,0]`},
		{"GET", "/v1/coordinate/node/n1", "", 200, `"Height":0`},
		{"GET", "/v1/coordinate/node/none", "", 404, "none"},
		{"GET", "/v1/coordinate/nodes?dc=dc9", "", 500, "No path to datacenter"},
		{"GET", "/v1/coordinate/nodes?segment=a", "", 400, "segment"},
		{"PUT", "/v1/coordinate/update", "{}", 403, "measured"},
		{"GET", "/v1/agent/services?filter=", "", 200, "item-1"},
		{"GET", "/v1/agent/services?%zz", "", 400, "query"},

		{"GET", "/v1/agent/service/item-1", "", 200, "item-service"},
		{"GET", "/v1/agent/service/none", "", 404, "none"},
		{"GET", "/v1/agent/service/", "", 400, "service ID"},
		{"PUT", "/v1/agent/service/deregister/none", "", 404, "none"},
		{"PUT", "/v1/agent/service/deregister/", "", 400, "service ID"},
		{"PUT", "/v1/agent/check/pass/none", "", 404, "none"},
		{"PUT", "/v1/agent/check/deregister/none", "", 404, "none"},
		{"PUT", "/v1/agent/check/update/none", `{"Status":"passing"}`, 404, "none"},
		{"PUT", "/v1/agent/check/update/item-1:ttl", `{"Status":"passing","Output":"ok"}`, 200, ""},
		{"PUT", "/v1/agent/check/update/item-1:ttl", `{"status":"warning"}`, 200, ""},
		{"PUT", "/v1/agent/check/update/item-1:ttl", `{"Status":"passing","Load":{"Rate":12.5,"Utilisation":0.5,"Queue":3}}`, 200, ""},
		{"PUT", "/v1/agent/check/update/item-1:ttl", `{"Status":"passing","Load":{}}`, 200, ""},
		{"PUT", "/v1/agent/check/update/item-1:ttl", `{"Status":"passing","Load":{"Rate":-1}}`, 400, "Load: the reported rate, -1, is not in"},
		{"PUT", "/v1/agent/check/update/item-1:ttl", `{"Status":"passing","Load":{"Utilisation":1e300}}`, 400, "Load: the reported utilisation"},
		{"PUT", "/v1/agent/check/update/item-1:ttl", `{"Status":"passing","Load":{"Queue":"NaN"}}`, 400, "must be a number"},
		{"PUT", "/v1/agent/check/update/item-1:ttl", `{"Status":"passing","Load":{"Queues":1}}`, 400, "Queues"},
		{"PUT", "/v1/agent/check/update/item-1:ttl", `{"Status":"passing","Load":7}`, 400, "Load"},
		{"PUT", "/v1/agent/check/update/item-1:ttl", `{"Status":"fine"}`, 400, "Status: unknown status"},
		{"PUT", "/v1/agent/check/update/item-1:ttl", `{"Output":"x"}`, 400, "Status"},
		{"PUT", "/v1/agent/check/update/item-1:ttl", `{"Status":"passing","Colour":1}`, 400, "Colour"},
		{"PUT", "/v1/agent/check/update/item-1:ttl", `{"Status":"passing"} {}`, 400, ""},
		{"PUT", "/v1/agent/check/update/item-1:ttl", `[]`, 400, ""},
		{"PUT", "/v1/agent/check/pass/item-1:ttl?note=all+well", "", 200, ""},
		{"PUT", "/v1/agent/check/register", `{"Name":"mem","TTL":"10s"}`, 200, ""},
		{"PUT", "/v1/agent/check/register", `{"Name":"mem"}`, 400, "TTL"},
		{"PUT", "/v1/agent/check/register", `{"Name":"mem","TTL":"10s","ServiceID":"none"}`, 404, "none"},

		{"PUT", "/v1/covey/report/item-service/item-1?result=ok", "", 200, `"Ejected":false`},
		{"PUT", "/v1/covey/report/item-service/item-1?result=failed&node=n1", "", 200, `"Ejected":true`},
		{"PUT", "/v1/covey/report/item-service/item-1?result=failed&node=n2", "", 404, "item-1"},
		{"PUT", "/v1/covey/report/item-service/none?result=ok", "", 404, "none"},
		{"PUT", "/v1/covey/report/item-service/item-1", "", 400, "result"},
		{"PUT", "/v1/covey/report/item-service/item-1?result=slow", "", 400, "result"},
		{"PUT", "/v1/covey/report/item-service/?result=ok", "", 400, "service ID"},
		{"GET", "/v1/covey/report/item-service/item-1", "", 405, ""},

		{"PUT", "/v1/agent/service/register", `{"Name":"bad_name"}`, 400, "Name: "},
		{"PUT", "/v1/agent/service/register", `{"Name":"a","Port":70000}`, 400, "Port: "},
		{"PUT", "/v1/agent/service/register", `{"Name":"a","Colour":"red"}`, 400, "Colour"},
		{"PUT", "/v1/agent/service/register", `{"Name":"a","Weights":{"Passing":-1}}`, 400, "Weights"},
		{"PUT", "/v1/agent/service/register", `{"Name":"a","Weights":{"Passing":65536}}`, 400, "Weights"},
		{"PUT", "/v1/agent/service/register", `{"Name":"a","Address":"1.2.3"}`, 400, "Address: "},
		{"PUT", "/v1/agent/service/register", `{"Name":"a","Check":{"Args":["/bin/sh"],"Interval":"1s"}}`, 400, "Args"},
		{"PUT", "/v1/agent/service/register", `{"Name":"a"`, 400, ""},
		{"PUT", "/v1/agent/service/register", ``, 400, "empty"},
		{"PUT", "/v1/agent/service/register?replace-existing-checks=perhaps", itemService, 400, "replace-existing-checks"},
		{"PUT", "/v1/agent/service/register", `{"Name":"` + strings.Repeat("a", maxBody) + `"}`, 400, "1 MiB"},

		{"PUT", "/v1/agent/service/maintenance/item-1", "", 400, "enable"},
		{"PUT", "/v1/agent/service/maintenance/item-1?enable=perhaps", "", 400, "enable"},
		{"PUT", "/v1/agent/service/maintenance/none?enable=true", "", 404, "none"},
		{"PUT", "/v1/agent/maintenance", "", 400, "enable"},
		{"GET", "/v1/agent/health/service/id/none", "", 404, "none"},
		{"GET", "/v1/agent/health/service/name/none", "", 404, "none"},

		{"GET", "/v1/agent/members?wan=1", "", 200, "[]"},
		{"GET", "/v1/agent/members?segment=alpha", "", 400, "segment"},
		{"PUT", "/v1/agent/join/10.0.0.2:7946?wan=1", "", 400, "wan"},
		{"PUT", "/v1/agent/join/", "", 400, "address"},
		{"PUT", "/v1/agent/force-leave/none", "", 404, "none"},
		{"PUT", "/v1/covey/check/run/item-1:ttl", "", 200, `"LastRun":"2023-11-14T22:13:21Z"`},
		{"PUT", "/v1/covey/check/run/none", "", 404, "no such check"},
		{"PUT", "/v1/covey/check/run/", "", 400, "check ID"},
		{"GET", "/v1/covey/check/run/item-1:ttl", "", 405, "only PUT"},
		{"GET", "/v1/covey/lookup/item-service?type=MX", "", 400, "MX"},

		{"GET", "/v1/nothing", "", 404, "no such path"},
		{"GET", "/", "", 404, "no such path"},
		{"GET", "/v1/session/list", "", 200, "[]"},
		{"GET", "/v1/session/node/n1", "", 200, "[]"},
		{"GET", "/v1/session/info/9a8b", "", 200, "[]"},
		{"PUT", "/v1/session/create", "{}", 501, "no sessions"},
		{"PUT", "/v1/session/renew/9a8b", "", 501, "no sessions"},
		{"PUT", "/v1/txn", "[]", 501, "no transactions"},
		{"GET", "/v1/acl/tokens", "", 501, "ACL support disabled"},
		{"GET", "/v1/connect/ca/roots", "", 200, `"Roots":[]`},
		{"GET", "/v1/agent/connect/ca/roots", "", 200, `"Roots":[]`},
		{"PUT", "/v1/agent/token/default", `{"Token":"x"}`, 501, "ACL support disabled"},
		{"GET", "/v1/namespaces", "", 501, "no namespaces"},
		{"GET", "/v1/partitions", "", 501, "no admin partitions"},
		{"GET", "/v1/peerings", "", 501, "no cluster peering"},
		{"GET", "/v1/exported-services", "", 501, "no cluster peering"},
		{"GET", "/v1/discovery-chain/web", "", 501, "no discovery chains"},
		{"GET", "/v1/internal/ui/services", "", 501, "internal"},
		{"GET", "/v1/health/connect/web?passing=1", "", 200, "[]"},
		{"GET", "/v1/catalog/connect/web", "", 200, "[]"},
		{"GET", "/v1/connect/intentions", "", 501, "Connect is disabled"},
		{"GET", "/v1/agent/connect/ca/leaf/web", "", 501, "Connect is disabled"},

		{"PUT", "/v1/catalog/register", `{"Node":"db","Address":"db.example","Service":{"Service":"pg","Port":5432},"Check":{"Name":"up","Status":"passing","ServiceID":"pg"}}`, 200, "true"},
		{"PUT", "/v1/catalog/register", `{"Node":"db","SkipNodeUpdate":true,"Service":{"Service":"pg"}}`, 200, "true"},
		{"PUT", "/v1/catalog/register", `{"Node":"db"}`, 400, "Address"},
		{"PUT", "/v1/catalog/register", `{"Address":"10.0.0.9"}`, 400, "Node"},
		{"PUT", "/v1/catalog/register", `{"Node":"db","Address":"10.0.0.9","Colour":1}`, 400, "Colour"},
		{"PUT", "/v1/catalog/register", `{"Node":"db","Address":"10.0.0.9","ID":"x"}`, 400, "UUID"},
		{"PUT", "/v1/catalog/register", `{"Node":"db","Address":"10.0.0.9","Service":{"Port":1}}`, 400, "Service"},
		{"PUT", "/v1/catalog/register", `{"Node":"db","Address":"10.0.0.9","Check":{"Name":"a","Status":"fine"}}`, 400, "Status"},
		{"PUT", "/v1/catalog/register", `{"Node":"db","Address":"10.0.0.9","Check":{"CheckID":"serfHealth"}}`, 400, "serfHealth"},
		{"PUT", "/v1/catalog/register", `{"Node":"db","Address":"10.0.0.9","Datacenter":"dc9"}`, 500, "No path to datacenter"},
		{"PUT", "/v1/catalog/register?dc=dc9", `{"Node":"db","Address":"10.0.0.9"}`, 500, "No path to datacenter"},
		{"PUT", "/v1/catalog/register", `{"Node":"db","Address":"10.0.0.9","Namespace":"team"}`, 400, "namespaces"},
		{"PUT", "/v1/catalog/deregister", `{"Node":"db","ServiceID":"pg"}`, 200, "true"},
		{"PUT", "/v1/catalog/deregister", `{}`, 400, "Node"},
		{"PUT", "/v1/catalog/deregister", `{"Node":"db","Datacenter":"dc9"}`, 500, "No path to datacenter"},
		{"PUT", "/v1/catalog/deregister?dc=dc9", `{"Node":"db"}`, 500, "No path to datacenter"},

		{"PUT", "/v1/event/fire/deploy?node=^web", "v2", 200, `"Name":"deploy","Payload":"djI=","NodeFilter":"^web"`},
		{"PUT", "/v1/event/fire/", "", 400, "event name"},
		{"PUT", "/v1/event/fire/deploy?node=(", "", 400, "node"},
		{"PUT", "/v1/event/fire/deploy?tag=a", "", 400, "service"},
		{"PUT", "/v1/event/fire/deploy?node=" + strings.Repeat("(.?){999}", 300), "", 400, "longer than"},
		{"PUT", "/v1/event/fire/deploy?dc=dc9", "", 500, "No path to datacenter"},
		{"PUT", "/v1/event/fire/deploy", strings.Repeat("x", maxEventPayload+1), 400, "payload"},
		{"GET", "/v1/event/list", "", 200, "[]"},
		{"GET", "/v1/event/list?index=x", "", 400, "invalid index"},
		{"GET", "/v1/agent/host", "", 200, `"hostname":"n1"`},
		{"GET", "/v1/agent/monitor?loglevel=loud", "", 400, "loglevel"},
		{"GET", "/v1/kv/some/key", "", 404, "no key/value store"},
		{"PUT", "/v1/kv/some/key", "x", 501, "no key/value store"},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.target, func(t *testing.T) {
			s, _ := newTestServer(t)
			mustRegister(t, s)
			w := call(s, test.method, test.target, test.body)
			if w.Code != test.code || !strings.Contains(w.Body.String(), test.says) {
				t.Errorf("got %d %s, want %d with %q", w.Code, w.Body, test.code, test.says)
			}
			if w.Header().Get("Content-Type") == "" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers: %v", w.Header())
			}
			if w.Code >= 400 && w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("an error of type %s", w.Header().Get("Content-Type"))
			}
		})
	}
}

func TestWrongMethodIs405AndNamesTheRightOnes(t *testing.T) {
	s, _ := newTestServer(t)
	for _, test := range []struct{ method, target, allow string }{
		{"GET", "/v1/agent/service/register", "PUT"},
		{"POST", "/v1/agent/service/register", "PUT"},
		{"GET", "/v1/agent/service/deregister/x", "PUT"},
		{"GET", "/v1/agent/check/pass/x", "PUT"},
		{"PUT", "/v1/agent/services", "GET, HEAD"},
		{"DELETE", "/v1/health/service/x", "GET, HEAD"},
		{"POST", "/v1/kv/x", "DELETE, GET, PUT, HEAD"},
	} {
		w := call(s, test.method, test.target, "")
		if w.Code != 405 || w.Header().Get("Allow") != test.allow {
			t.Errorf("%s %s: %d, Allow: %q; want %q", test.method, test.target, w.Code, w.Header().Get("Allow"), test.allow)
		}
	}
}

func TestErrorsGetTheCodeOfTheirKind(t *testing.T) {
	for kind, code := range map[fault.Kind]int{
		fault.Internal: 500, fault.Invalid: 400, fault.NotFound: 404,
		fault.Conflict: 409, fault.Forbidden: 403, fault.Unavailable: 503,
	} {
		s, a := newTestServer(t)
		a.fail = fmt.Errorf("registering: %w", fault.New(kind, "journal: %w", errDisk))
		w := call(s, "PUT", "/v1/agent/service/register", itemService)
		if w.Code != code || !strings.Contains(w.Body.String(), errDisk.Error()) {
			t.Errorf("kind %d: got %d %s, want %d", kind, w.Code, w.Body, code)
		}
		if failed := s.Stats().Failures; (code >= 500) != (failed == 1) {
			t.Errorf("kind %d: %d failures counted", kind, failed)
		}
	}
}

func TestReadsCarryConsulsHeaders(t *testing.T) {
	s, _ := newTestServer(t)
	mustRegister(t, s)
	for _, target := range []string{
		"/v1/catalog/nodes", "/v1/catalog/node/n1", "/v1/catalog/node/none", "/v1/catalog/node-services/n1",
		"/v1/catalog/services", "/v1/catalog/service/item-service", "/v1/catalog/service/none",
		"/v1/catalog/services?node-meta=rack:r1",
		"/v1/health/service/item-service", "/v1/health/node/n1", "/v1/health/checks/item-service",
		"/v1/health/state/any", "/v1/kv/some/key", "/v1/connect/ca/roots", "/v1/session/list", "/v1/event/list",
		"/v1/coordinate/nodes", "/v1/coordinate/node/n1",
	} {
		h := call(s, "GET", target, "").Header()
		if i := h.Get("X-Consul-Index"); i == "" || i == "0" {
			t.Errorf("%s: index %q", target, i)
		}
		if h.Get("X-Consul-LastContact") != "0" || h.Get("X-Consul-KnownLeader") != "true" ||
			h.Get("X-Consul-Effective-Consistency") == "" || h.Get("X-Cache") != "" {
			t.Errorf("%s: headers %v", target, h)
		}
		h = call(s, "GET", target+sep(target)+"cached", "").Header()
		if h.Get("X-Cache") != "HIT" || h.Get("Age") != "0" {
			t.Errorf("%s?cached: headers %v", target, h)
		}
	}
}

func sep(target string) string {
	if strings.Contains(target, "?") {
		return "&"
	}
	return "?"
}

func TestPassingExcludesWarningAndFailedHosts(t *testing.T) {
	s, a := newTestServer(t)
	a.addHost("n2", "10.0.0.2", catalog.Alive, instance("api", "ok"), instance("api", "warns", withStatus(catalog.Warning)),
		instance("api", "dead", withStatus(catalog.Critical)))
	a.addHost("n3", "10.0.0.3", catalog.Failed, instance("api", "gone"))
	for query, want := range map[string]string{
		"":               "dead gone ok warns",
		"?passing=false": "dead gone ok warns",
		"?passing=0":     "dead gone ok warns",
		"?passing":       "ok",
		"?passing=":      "ok",
		"?passing=true":  "ok",
		"?passing=1":     "ok",
	} {
		body := call(s, "GET", "/v1/health/service/api"+query, "").Body.String()
		var have []string
		for _, id := range []string{"dead", "gone", "ok", "warns"} {
			if strings.Contains(body, `"Service":{"ID":"`+id+`"`) {
				have = append(have, id)
			}
		}
		if strings.Join(have, " ") != want {
			t.Errorf("%q lists %v, want %s", query, have, want)
		}
	}
}

func TestTagsMustAllMatch(t *testing.T) {
	s, _ := newTestServer(t)
	mustRegister(t, s)
	for query, listed := range map[string]bool{
		"?tag=v1": true, "?tag=V1&tag=HTTP": true, "?tag=v1&tag=grpc": false, "?tag=": true,
		"?node-meta=rack:r1": true, "?node-meta=rack:r2": false, "?node-meta=room:": false,
		"?tag=v1%00http": false, "?tag=v1&tag=http": true,
	} {
		for _, path := range []string{"/v1/health/service/item-service", "/v1/catalog/service/item-service"} {
			if got := call(s, "GET", path+query, "").Body.String() != "[]"; got != listed {
				t.Errorf("%s%s: listed %v, want %v", path, query, got, listed)
			}
		}
	}
}

func TestRegistrationsReachTheAgent(t *testing.T) {
	s, a := newTestServer(t)
	mustRegister(t, s)
	for _, target := range []string{
		"/v1/agent/check/warn/item-1:ttl?note=slow", "/v1/agent/service/maintenance/item-1?enable=true&reason=upgrade",
		"/v1/agent/maintenance?enable=true&reason=kernel", "/v1/agent/join/10.0.0.2:7946", "/v1/agent/join/[::1]:7946",
		"/v1/agent/force-leave/n2", "/v1/agent/force-leave/n2?prune", "/v1/agent/leave", "/v1/agent/reload",
	} {
		if w := call(s, "PUT", target, ""); w.Code != 200 {
			t.Fatalf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	if c := a.checks["item-1:ttl"]; c.Status != catalog.Warning || c.Output != "slow" {
		t.Errorf("the check is %+v", c)
	}
	if c := a.checks["_service_maintenance:item-1"]; c == nil || c.Notes != "upgrade" {
		t.Errorf("service maintenance is %+v", c)
	}
	if c := a.checks["_node_maintenance"]; c == nil || c.Notes != "kernel" {
		t.Errorf("node maintenance is %+v", c)
	}
	if got := fmt.Sprint(a.joined, a.left, a.leaving, a.reloads); got != "[10.0.0.2:7946 [::1]:7946] [n2 n2!] true 1" {
		t.Errorf("membership calls: %s", got)
	}
	call(s, "PUT", "/v1/agent/service/maintenance/item-1?enable=false", "")
	call(s, "PUT", "/v1/agent/maintenance?enable=false", "")
	call(s, "PUT", "/v1/agent/check/deregister/item-1:ttl", "")
	if len(a.checks) != 0 {
		t.Errorf("checks left: %v", a.checks)
	}
}

func TestAnIDIsTakenAsItIs(t *testing.T) {
	for _, id := range []string{"web/1", "http://web:80/", "a//b", "a///b", "..", "./a", "a/../b", "/a", ".hidden", "a b", "50%", "a?b", "ü"} {
		t.Run(id, func(t *testing.T) {
			s, a := newTestServer(t)
			body, err := json.Marshal(map[string]any{"ID": id, "Name": "web", "Check": map[string]string{"CheckID": id, "TTL": "1m"}})
			if err != nil {
				t.Fatal(err)
			}
			if w := call(s, "PUT", "/v1/agent/service/register", string(body)); w.Code != 200 {
				t.Fatalf("registering: %d %s", w.Code, w.Body)
			}
			// Clients differ in what they escape: Go's path sends slashes and dots as they are.
			asPath, escaped := (&url.URL{Path: "/" + id}).EscapedPath(), "/"+url.PathEscape(id)
			for method, target := range map[string]string{
				"PUT 1": "/v1/agent/check/pass" + asPath, "PUT 2": "/v1/agent/check/pass" + escaped,
				"GET 1": "/v1/agent/service" + asPath, "GET 2": "/v1/agent/service" + escaped,
			} {
				if w := call(s, method[:3], target, ""); w.Code != 200 {
					t.Errorf("%s: %d %s", target, w.Code, w.Body)
				}
			}
			if w := call(s, "PUT", "/v1/agent/service/deregister"+asPath, ""); w.Code != 200 || len(a.services) != 0 {
				t.Errorf("deregistering: %d %s", w.Code, w.Body)
			}
		})
	}
}

func TestReplacingChecksIsPassedOn(t *testing.T) {
	s, a := newTestServer(t)
	mustRegister(t, s)
	bare := `{"ID":"item-1","Name":"item-service"}`
	call(s, "PUT", "/v1/agent/service/register", bare)
	if len(a.checks) != 1 {
		t.Fatalf("the check did not outlive the registration: %v", a.checks)
	}
	call(s, "PUT", "/v1/agent/service/register?replace-existing-checks=true", bare)
	if len(a.checks) != 0 {
		t.Errorf("checks left: %v", a.checks)
	}
}

func TestATTLUpdateMayCarryALoad(t *testing.T) {
	s, a := newTestServer(t)
	mustRegister(t, s)
	for _, body := range []string{
		`{"Status":"passing","Load":{"Rate":12.5,"Utilisation":0.5,"Queue":3,"Share":0.75}}`,
		`{"Status":"passing","load":{"rate":1}}`, `{"Status":"passing","Load":{}}`, `{"Status":"passing","Load":null}`, `{"Status":"passing"}`,
	} {
		if w := call(s, "PUT", "/v1/agent/check/update/item-1:ttl", body); w.Code != 200 {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	want := []catalog.Reading{{Rate: 12.5, Utilisation: .5, Queue: 3, Share: .75}, {Rate: 1}, {}}
	if !slices.Equal(a.loads, want) {
		t.Errorf("taken were %+v, want %+v", a.loads, want)
	}
}

// A path that ends before the name which it wants is told so, and not sent to another.
func TestNothingIsRedirected(t *testing.T) {
	s, _ := newTestServer(t)
	paths := []string{}
	for _, r := range s.table {
		if strings.HasSuffix(r.path, "}") {
			paths = append(paths, r.path[:strings.LastIndexByte(r.path, '/')])
		}
	}
	for _, a := range absent {
		paths = append(paths, strings.TrimSuffix(a.path, "/"), strings.TrimSuffix(a.path, "/")+"/")
	}
	for _, path := range paths {
		for _, method := range []string{"GET", "PUT"} {
			if w := call(s, method, path+"?index=0", ""); w.Code < 400 && w.Code != 200 || w.Header().Get("Location") != "" || strings.Contains(w.Header().Get("Content-Type"), "html") {
				t.Errorf("%s %s: %d %v %s", method, path, w.Code, w.Header(), w.Body)
			}
		}
	}
	if w := call(s, "GET", "/v1/health/service", ""); w.Code != 400 || !strings.Contains(w.Body.String(), "lacks the service name") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
