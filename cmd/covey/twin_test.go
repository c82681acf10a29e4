package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// twin plays an agent: it answers reads with what is canned and keeps what it is told.
type twin struct {
	*httptest.Server

	mu     sync.Mutex // guards everything below
	canned map[string]string
	told   []string // writes, as "PUT /path body"
}

// cluster is three nodes, one of them failed, and two services.
var cluster = map[string]string{
	"/v1/agent/members": `[
		{"Name":"n2","Addr":"10.0.0.2","Port":7946,"Tags":{"build":"0.1.0","covey":"1"},"Status":1},
		{"Name":"n1","Addr":"10.0.0.1","Port":7946,"Tags":{"build":"0.1.0","covey":"1"},"Status":1},
		{"Name":"n3","Addr":"10.0.0.3","Port":7946,"Tags":{},"Status":4}]`,
	"/v1/catalog/services": `{"web":["v2","v1","rule=Host(a),Path(b)","a b","","-"],"item-service":[],"gone":[]}`,
	"/v1/health/service/web": `[
		{"Node":{"Node":"n1"},"Service":{"ID":"web"},"Checks":[{"Status":"passing"}]},
		{"Node":{"Node":"n2"},"Service":{"ID":"web"},"Checks":[{"Status":"warning"},{"Status":"passing"}]},
		{"Node":{"Node":"n3"},"Service":{"ID":"web"},"Checks":[{"Status":"critical"},{"Status":"warning"}]}]`,
	"/v1/health/service/item-service": `[{"Node":{"Node":"n1"},"Service":{"ID":"item-service"},"Checks":[]}]`,
	"/v1/health/service/gone":         `[]`,
	"/v1/catalog/nodes": `[
		{"ID":"b","Node":"n3","Address":"10.0.0.3","Meta":{}},
		{"ID":"a","Node":"n1","Address":"10.0.0.1","Meta":{"rack":"r1"}}]`,
	"/v1/health/node/n1": `[{"CheckID":"serfHealth","Name":"Serf Health Status","Status":"passing"},
		{"CheckID":"service:web","ServiceID":"web","Status":"critical","Output":"refused"}]`,
	"/v1/health/node/n3":           `[{"CheckID":"serfHealth","Name":"Serf Health Status","Status":"critical","Output":"Agent not live or unreachable"}]`,
	"/v1/catalog/node-services/n1": `{"Node":{"Node":"n1"},"Services":[{"ID":"web"},{"ID":"item-service"}]}`,
	"/v1/catalog/node-services/n3": `{"Node":{"Node":"n3"},"Services":[{"ID":"web"}]}`,
	"/v1/agent/services": `{"web":{"ID":"web","Service":"web","Address":"10.0.0.1","Port":80},
		"web-2":{"ID":"web-2","Service":"web","Port":81}}`,
	"/v1/covey/status": `{"Node":"n1","ID":"a1b2","Version":"0.1.0","Datacenter":"dc1","Domain":"local",
		"Started":"2026-01-02T03:04:05Z","GossipAddr":"10.0.0.1:7946","HTTPAddr":"127.0.0.1:8500","DNSAddr":"127.0.0.1:8600",
		"Members":3,"Alive":2,"Failed":1,"Services":2,"Instances":4,"Encrypted":false,"DataDir":"","Counters":{"dns.queries":7}}`,
	"/v1/covey/checks": `[
		{"ID":"_node_maintenance","Name":"Node Maintenance Mode","Type":"maintenance","ServiceID":"","ServiceName":"","Target":"",
			"Status":"critical","Output":"","Notes":"repairs","Since":"2026-01-01T00:00:00Z","Interval":"","Took":""},
		{"ID":"service:web","Name":"Service 'web' check","Type":"http","ServiceID":"web","ServiceName":"web","Target":"http://127.0.0.1:8080/health",
			"Status":"passing","Output":"HTTP GET http://127.0.0.1:8080/health: 200 OK Output: \u001b[31mok","Notes":"","Since":"2026-01-02T02:00:00Z",
			"Interval":"10s","LastRun":"2026-01-02T03:04:02.5Z","Took":"1.2ms","NextRun":"2026-01-02T03:04:12.6Z"},
		{"ID":"worker","Name":"worker","Type":"ttl","ServiceID":"worker-2","ServiceName":"worker","Target":"",
			"Status":"warning","Output":"half full","Notes":"","Since":"2026-01-02T03:03:30Z","Interval":"","Took":"","NextRun":"2026-01-02T03:08:05Z"}]`,
	"/v1/covey/timeline": `[
		{"Time":"2026-01-02T03:00:00.25Z","Service":"web","Instance":"web-1","Node":"n2","From":"","To":"critical","Reason":"port: refused"},
		{"Time":"2026-01-02T03:00:01Z","Service":"web","Instance":"web-1","Node":"n2","From":"critical","To":"passing","Reason":"all checks pass"},
		{"Time":"2026-01-02T03:01:00Z","Service":"web","Instance":"web-1","Node":"n2","From":"passing","To":"","Reason":"deregistered, or its host left"}]`,
	"/v1/covey/timeline?service=item-service": `[]`,
	"/v1/covey/lookup/web?type=SRV": `{"Name":"web.service.local.","Type":"SRV","Rcode":"NOERROR","TTL":0,"Answers":[
		{"ID":"web","Node":"n2","Target":"n2.node.local.","Address":"10.0.0.2","Port":8080,"Weight":1,"Priority":1,"Status":"warning","Tags":[]},
		{"ID":"web","Node":"n1","Target":"n1.node.local.","Address":"10.0.0.1","Port":8080,"Weight":30,"Priority":1,"Status":"passing","Tags":[]}],
		"LeftOut":[{"ID":"web","Node":"n3","Address":"10.0.0.3","Port":8080,"Status":"critical","Reason":"host failed"}]}`,
	"/v1/covey/lookup/web?tag=v1&tag=v2&type=A": `{"Name":"web.service.local.","Type":"A","Rcode":"NOERROR","TTL":0,"Answers":[],
		"LeftOut":[{"ID":"web","Node":"n2","Address":"10.0.0.2","Port":8080,"Status":"passing","Reason":"tag v2 missing \u001b[2Jbad\nline"}]}`,
	"/v1/covey/lookup/web?tag=v1&tag=a%2Cb&type=SRV": `{"Name":"web.service.local.","Tags":["v1","a,b"],"Type":"SRV","Rcode":"NOERROR","TTL":0,"Answers":[
		{"ID":"web","Node":"n1","Target":"n1.node.local.","Address":"10.0.0.1","Port":8080,"Weight":30,"Priority":1,"Status":"passing","Tags":["v1","a,b"]}],"LeftOut":[]}`,
	"/v1/covey/lookup/web?type=AAAA": `{"Name":"web.service.local.","Type":"AAAA","Rcode":"NOERROR","TTL":0,"Answers":[],"LeftOut":[]}`,
	"/v1/operator/keyring":           `[{"WAN":false,"Datacenter":"dc1","Segment":"","Keys":{"bmV3":2,"b2xk":3},"PrimaryKeys":{"b2xk":3},"NumNodes":3}]`,
	"/v1/covey/lookup/api?type=SRV": `{"Name":"api.service.local.","Type":"SRV","Rcode":"NOERROR","TTL":0,"Policy":"local","Panic":true,"Answers":[
		{"ID":"api","Node":"n1","Target":"n1.node.local.","Address":"10.0.0.1","Port":8080,"Weight":768,"Priority":1,"Status":"passing","Tags":[],
			"Factors":{"Registered":3,"SlowStart":1,"Load":1,"Place":1,"Cut":1}},
		{"ID":"api","Node":"n2","Target":"n2.node.local.","Address":"10.0.0.2","Port":8080,"Weight":29,"Priority":2,"Status":"passing","Tags":[],
			"Factors":{"Registered":3,"SlowStart":0.1,"Load":0.75,"Place":0.5,"Cut":1},"Load":{"Rate":120,"Utilisation":0.62,"Queue":3.5,"Share":0.75}}],"LeftOut":[]}`,
	"/v1/covey/lookup/none?type=SRV": `{"Name":"none.service.local.","Type":"SRV","Rcode":"NXDOMAIN","TTL":0,"Answers":[],"LeftOut":[]}`,
}

// empty is an agent that knows of nothing.
var empty = map[string]string{
	"/v1/catalog/services": `{}`,
	"/v1/catalog/nodes":    `[]`,
	"/v1/agent/members":    `[]`,
	"/v1/covey/checks":     `[]`,
}

// mixed is a cluster of which some members speak another protocol.
var mixed = map[string]string{
	"/v1/covey/status": `{"Node":"n1"}`,
	"/v1/agent/members": `[
		{"Name":"n3","Addr":"10.0.0.3","Port":7946,"Tags":{"covey":"2"},"Status":1},
		{"Name":"n1","Addr":"10.0.0.1","Port":7946,"Tags":{"covey":"1"},"Status":1},
		{"Name":"n2","Addr":"10.0.0.2","Port":7946,"Tags":{"covey":"1"},"Status":1},
		{"Name":"n4","Addr":"10.0.0.4","Port":7946,"Tags":{},"Status":1},
		{"Name":"n5","Addr":"10.0.0.5","Port":7946,"Tags":{"covey":"3"},"Status":4}]`,
}

// broken is a server that is no agent.
var broken = map[string]string{
	"/v1/agent/members": `<html>welcome</html>`,
}

func newTwin(t *testing.T, canned map[string]string) *twin {
	a := &twin{canned: canned}
	a.Server = httptest.NewServer(a)
	t.Cleanup(func() {
		a.CloseClientConnections()
		a.Close()
	})
	return a
}

func (a *twin) addr() string { return a.Listener.Addr().String() }

// heard returns the writes since it was last called.
func (a *twin) heard() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	told := a.told
	a.told = nil
	return told
}

func (a *twin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Method != http.MethodGet {
		a.write(w, r)
		return
	}
	target := r.URL.Path
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	body, ok := a.canned[target]
	if !ok {
		http.Error(w, "there is no such path", http.StatusNotFound)
		return
	}
	io.WriteString(w, body)
}

// write plays what an agent says to a write; which one it is hangs on the name.
func (a *twin) write(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.told = append(a.told, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.URL.RequestURI(), body)))
	name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	if strings.HasSuffix(r.URL.Path, "/register") {
		var service struct{ Name string }
		json.Unmarshal(body, &service)
		name = service.Name
	}
	switch name {
	case "service:web":
		io.WriteString(w, `{"ID":"service:web","Status":"passing","Took":"1.2ms","Output":"HTTP GET http://127.0.0.1:8080/health: 200 OK"}`)
	case "service:dead":
		io.WriteString(w, `{"ID":"service:dead","Status":"critical","Took":"10s","Output":"no answer within 10s"}`)
	case "beat":
		http.Error(w, `run check "beat": it is a TTL check`, http.StatusBadRequest)
	case "leave":
		// The answer is written by an agent that closes its listener at once.
		a.Listener.Close()
	case "drain":
		io.WriteString(w, `{"Keep":"1ms"}`)
	case "unknown":
		http.Error(w, `unknown service ID "unknown"`, http.StatusNotFound)
	case "refused", "10.0.0.9":
		http.Error(w, "10.0.0.9:7946 does not answer", http.StatusServiceUnavailable)
	case "invalid":
		http.Error(w, "Port: 70000 is not in 0..65535", http.StatusBadRequest)
	case "mute":
		w.WriteHeader(http.StatusInternalServerError)
	}
}
