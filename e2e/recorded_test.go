package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"covey/e2e/rig"
)

// exchange is a request as a client is known to send it, and what it reads of the reply.
type exchange struct {
	request string // method and path
	body    string
	code    int
	reads   []string // JSON paths a.b.0.c that must be there, with =value if it matters; ! for an index
}

// The clients' requests, read from their sources, in the order in which they send them.
// Each client begins with an agent that knows nothing.
var recorded = map[string][]exchange{
	// Registers containers: a ping at the start, then services with a check, and a look at
	// what is registered to remove what no longer runs.
	"registrator": {
		{request: "GET /v1/status/leader", code: 200},
		{request: "PUT /v1/agent/service/register", body: `{"ID":"host:web:80","Name":"web","Port":32768,"Tags":[],"Address":"10.0.0.5","Check":{"HTTP":"http://10.0.0.5:32768/health","Interval":"10s"}}`, code: 200},
		{request: "PUT /v1/agent/service/register", body: `{"ID":"host:db:5432","Name":"db","Port":32769,"Tags":null,"Address":"10.0.0.5","Check":{"TTL":"30s"}}`, code: 200},
		{request: "PUT /v1/agent/check/pass/service:host:db:5432?note=", code: 200},
		{request: "GET /v1/agent/services", code: 200, reads: []string{"host:web:80.Service=web", "host:web:80.Port=32768", "host:db:5432.ID=host:db:5432", "host:db:5432.Address=10.0.0.5"}},
		{request: "PUT /v1/agent/service/deregister/host:web:80", code: 200},
		{request: "PUT /v1/agent/service/deregister/host:web:80", code: 404},
	},
	// Routes by tags of services whose checks pass: it watches all checks, then reads each
	// service, registers itself, and looks for its own routes in the key/value store.
	"fabio": {
		{request: "GET /v1/agent/self", code: 200, reads: []string{"Config.Datacenter=dc1"}},
		{request: "PUT /v1/agent/service/register", body: `{"ID":"fabio-h-9998","Name":"fabio","Tags":["edge"],"Port":9998,"Address":"10.0.0.5","Check":{"HTTP":"http://10.0.0.5:9998/health","Interval":"1s","Timeout":"3s","DeregisterCriticalServiceAfter":"90m"}}`, code: 200},
		{request: "PUT /v1/agent/service/register", body: `{"ID":"web-1","Name":"web","Tags":["urlprefix-/web"],"Port":80,"Address":"10.0.0.5","Check":{"CheckID":"web-1","TTL":"1h","Status":"passing"}}`, code: 200},
		{request: "GET /v1/health/state/any?index=0", code: 200, reads: []string{"!", "0.Node", "0.CheckID", "0.Status", "0.ServiceID", "0.ServiceTags"}},
		{request: "GET /v1/catalog/service/web", code: 200, reads: []string{"0.ServiceID=web-1", "0.ServiceTags.0=urlprefix-/web", "0.ServiceAddress=10.0.0.5", "0.ServicePort=80", "0.Address", "0.Node", "0.ServiceMeta"}},
		{request: "GET /v1/agent/services", code: 200, reads: []string{"fabio-h-9998.Service=fabio"}},
		{request: "GET /v1/agent/checks", code: 200, reads: []string{"web-1.Status=passing"}},
		{request: "GET /v1/kv/fabio/config?recurse=", code: 404, reads: []string{"!"}},
		{request: "PUT /v1/agent/service/deregister/fabio-h-9998", code: 200},
	},
	// Python: lower-case keys, dc and token as parameters, catalogue writes with the token
	// in the body.
	"python-consul": {
		{request: "PUT /v1/agent/service/register?token=t", body: `{"name":"web","id":"web-1","tags":["v1"],"port":8080,"meta":{"a":"b"},"check":{"http":"http://10.0.0.5/health","interval":"10s","timeout":"5s","deregister_critical_service_after":"10m"}}`, code: 200},
		{request: "PUT /v1/agent/check/register", body: `{"name":"disk","id":"disk","ttl":"1h","notes":"room"}`, code: 200},
		{request: "PUT /v1/agent/check/pass/disk?note=fine", code: 200},
		{request: "PUT /v1/agent/check/warn/disk", code: 200},
		{request: "PUT /v1/agent/check/fail/disk", code: 200},
		{request: "GET /v1/agent/checks", code: 200, reads: []string{"disk.Status=critical", "disk.Notes=room"}},
		{request: "GET /v1/agent/self", code: 200, reads: []string{"Member.Addr", "Config.NodeName"}},
		{request: "GET /v1/agent/members?wan=1", code: 200},
		{request: "PUT /v1/agent/maintenance?enable=true&reason=r", code: 200},
		{request: "PUT /v1/agent/maintenance?enable=false", code: 200},
		{request: "PUT /v1/agent/service/maintenance/web-1?enable=true", code: 200},
		{request: "PUT /v1/agent/service/maintenance/web-1?enable=false", code: 200},
		{request: "PUT /v1/catalog/register?token=t", body: `{"node":"db","address":"10.9.9.9","datacenter":"dc1","service":{"service":"pg","id":"pg-1","tags":["primary"],"address":"10.9.9.9","port":5432},"check":{"node":"db","checkid":"up","name":"up","status":"passing","serviceid":"pg-1"},"WriteRequest":{"Token":"t"}}`, code: 200, reads: []string{"=true"}},
		{request: "GET /v1/catalog/services?stale=1", code: 200, reads: []string{"!", "pg.0=primary", "web.0=v1"}},
		{request: "GET /v1/catalog/nodes?consistent=1&near=_agent", code: 200, reads: []string{"!", "0.Node", "0.Address"}},
		{request: "GET /v1/health/service/pg?passing=1&tag=primary&dc=dc1", code: 200, reads: []string{"!", "0.Service.Port=5432", "0.Node.Address=10.9.9.9", "0.Checks.0.Status=passing"}},
		{request: "GET /v1/health/node/db", code: 200, reads: []string{"!", "0.CheckID=up", "0.ServiceName=pg"}},
		{request: "GET /v1/health/state/critical", code: 200, reads: []string{"!"}},
		{request: "PUT /v1/catalog/deregister", body: `{"node":"db","datacenter":"dc1"}`, code: 200, reads: []string{"=true"}},
		{request: "GET /v1/catalog/node/db", code: 200, reads: []string{"!", "=<nil>"}},
		{request: "GET /v1/catalog/datacenters", code: 200, reads: []string{"0=dc1"}},
		{request: "GET /v1/status/peers", code: 200, reads: []string{"0"}},
		{request: "PUT /v1/event/fire/deploy?node=agent", body: "now", code: 200, reads: []string{"ID", "Name=deploy"}},
		{request: "GET /v1/event/list?name=other", code: 200, reads: []string{"!"}},
		{request: "GET /v1/coordinate/nodes", code: 200, reads: []string{"!"}},
		{request: "GET /v1/kv/a/key?recurse=1", code: 404, reads: []string{"!"}},
		{request: "PUT /v1/session/create", body: `{}`, code: 501},
		{request: "PUT /v1/agent/service/deregister/web-1", code: 200},
		{request: "PUT /v1/agent/check/deregister/disk", code: 200},
	},
	// Reads with stale and cached, watches the checks, and asks for mesh roots only if told.
	"traefik": {
		{request: "GET /v1/catalog/services?cached=&stale=", code: 200, reads: []string{"!", "consul.0"}},
		{request: "GET /v1/health/service/consul?cached=&passing=1&stale=", code: 200, reads: []string{"!"}},
		{request: "GET /v1/connect/ca/roots", code: 200, reads: []string{"!", "Roots"}},
	},
	// Spring Cloud: health first, then all services; it sends passing=false in full.
	"spring-cloud-consul": {
		{request: "GET /v1/status/leader", code: 200},
		{request: "PUT /v1/agent/service/register?token=", body: `{"ID":"app-8080","Name":"app","Tags":["secure=false"],"Address":"10.0.0.5","Meta":{"secure":"false"},"Port":8080,"Check":{"Interval":"10s","HTTP":"http://10.0.0.5:8080/actuator/health","Header":{}},"EnableTagOverride":null,"Checks":null}`, code: 200},
		{request: "GET /v1/health/service/app?passing=false&token=", code: 200, reads: []string{"!", "0.Service.ID=app-8080", "0.Service.Meta.secure=false", "0.Checks.0.Status"}},
		{request: "GET /v1/catalog/services?wait=2s&index=1", code: 200, reads: []string{"!", "app.0=secure=false"}},
		{request: "PUT /v1/agent/service/maintenance/app-8080?enable=true", code: 200},
		{request: "PUT /v1/agent/service/deregister/app-8080", code: 200},
	},
	// Nomad reads the version before it uses anything, and replaces checks by name.
	"nomad": {
		{request: "GET /v1/agent/self", code: 200, reads: []string{"Config.Version", "Config.Server", "Stats.agent"}},
		{request: "PUT /v1/agent/service/register?replace-existing-checks=true", body: `{"ID":"_nomad-task-1","Name":"web","Port":80,"Address":"10.0.0.5","EnableTagOverride":false,"Checks":[{"CheckID":"_nomad-check-1","Name":"alive","Interval":"10s","Timeout":"2s","TCP":"10.0.0.5:80","Status":"critical"}],"TaggedAddresses":{"lan_ipv4":{"Address":"10.0.0.5","Port":80}},"Meta":{"external-source":"nomad"}}`, code: 200},
		{request: "GET /v1/agent/checks?filter=&ns=", code: 400},
		{request: "GET /v1/agent/checks", code: 200, reads: []string{"_nomad-check-1.ServiceID=_nomad-task-1"}},
		{request: "GET /v1/agent/services", code: 200, reads: []string{"_nomad-task-1.Meta.external-source=nomad", "_nomad-task-1.TaggedAddresses.lan_ipv4.Port=80"}},
	},
}

func TestRecordedRequestsAreAnswered(t *testing.T) {
	begin(t)
	for client, exchanges := range recorded {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			a := startAgent(t, "agent-1", "--insecure-gossip")
			if client == "traefik" {
				put(t, a, register, `{"Name":"consul","Tags":["a"]}`)
			}
			for _, x := range exchanges {
				x.replay(t, a)
			}
		})
	}
}

func (x *exchange) replay(t *testing.T, a *rig.Agent) {
	t.Helper()
	method, path, _ := strings.Cut(x.request, " ")
	var content any
	if x.body != "" {
		content = x.body
	}
	res, err := a.Do(method, path, content)
	if err != nil {
		t.Fatal(err)
	}
	if res.Code != x.code {
		t.Errorf("%s: %d %s, want %d", x.request, res.Code, res.Body, x.code)
		return
	}
	if len(x.reads) == 0 {
		return
	}
	var value any
	if res.Code == http.StatusOK {
		if err := json.Unmarshal(res.Body, &value); err != nil {
			t.Errorf("%s: %v", x.request, err)
		}
	}
	for _, read := range x.reads {
		if read == "!" {
			if res.Header.Get("X-Consul-Index") == "" || res.Header.Get("X-Consul-LastContact") == "" || res.Header.Get("X-Consul-KnownLeader") != "true" {
				t.Errorf("%s: headers %v", x.request, res.Header)
			}
			continue
		}
		at, want, compared := strings.Cut(read, "=")
		got, there := lookUp(value, at)
		if !there || compared && fmt.Sprint(got) != want {
			t.Errorf("%s: %q is %v (there: %v), want %q, in %s", x.request, at, got, there, want, res.Body)
		}
	}
}

// lookUp finds a.b.0 in what JSON decodes to. Names may hold dots: the longest that is
// there counts.
func lookUp(v any, at string) (any, bool) {
	if at == "" {
		return v, true
	}
	switch v := v.(type) {
	case map[string]any:
		for end := len(at); end > 0; end = strings.LastIndexByte(at[:end], '.') {
			if inner, ok := v[at[:end]]; ok {
				return lookUp(inner, strings.TrimPrefix(at[end:], "."))
			}
		}
	case []any:
		first, rest, _ := strings.Cut(at, ".")
		var i int
		if _, err := fmt.Sscan(first, &i); err == nil && i < len(v) {
			return lookUp(v[i], rest)
		}
	}
	return nil, false
}

// nginx's upsync module speaks HTTP/1.0, sends no Host worth the name, and blocks.
func TestUpsyncIsAnswered(t *testing.T) {
	begin(t)
	a := startAgent(t, "agent-1", "--insecure-gossip")
	put(t, a, register, `{"ID":"item-1","Name":"item-service","Address":"10.0.0.5","Port":8080,"Tags":["weight=3"]}`)
	index := "0"
	ask := func() string {
		t.Helper()
		c, err := net.DialTimeout("tcp", a.HTTPAddr(), soon)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(healing)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "GET /v1/health/service/item-service?recurse&index=%s HTTP/1.0\r\nHost: %s\r\nAccept: */*\r\n\r\n", index, a.IP)
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%d %s %v", res.StatusCode, body, err)
		}
		index = res.Header.Get("X-Consul-Index")
		return string(body)
	}
	if body := ask(); !strings.Contains(body, `"Address":"10.0.0.5"`) {
		t.Errorf("the first answer is %s", body)
	}
	put(t, a, "/v1/agent/service/maintenance/item-1?enable=true", nil)
	if body := ask(); !strings.Contains(body, "_service_maintenance:item-1") {
		t.Errorf("after a change the answer is %s", body)
	}
}
