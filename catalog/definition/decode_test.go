package definition

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/internal/fault"
)

// itemService is the body that the benchmarks measure and most tests vary.
const itemService = `{"ID":"item-service-1","Name":"item-service","Tags":["v1","primary"],"Address":"10.0.0.7","Port":8080,
	"Meta":{"version":"1.4.2","zone":"a"},"Weights":{"Passing":3,"Warning":1},
	"Check":{"HTTP":"http://10.0.0.7:8080/health","Interval":"10s","Timeout":"2s","DeregisterCriticalServiceAfter":"10m"},
	"Checks":null}`

func TestServicesAreReadAndCompleted(t *testing.T) {
	one := &Weights{Passing: 1, Warning: 1}
	for _, c := range []struct {
		claim, body string
		want        Service
	}{
		{"all fields", itemService, Service{
			ID: "item-service-1", Name: "item-service", Address: "10.0.0.7", Port: 8080, Tags: []string{"v1", "primary"},
			Meta: map[string]string{"version": "1.4.2", "zone": "a"}, Weights: &Weights{Passing: 3, Warning: 1},
			Checks: []Check{{
				ID: "service:item-service-1", Name: "Service 'item-service' check", ServiceID: "item-service-1",
				Status: catalog.Critical, HTTP: "http://10.0.0.7:8080/health", Interval: 10 * time.Second,
				Timeout: 2 * time.Second, DeregisterCriticalServiceAfter: 10 * time.Minute,
			}},
		}},
		{"a name is enough", `{"Name":"web"}`, Service{ID: "web", Name: "web", Weights: one}},
		{"the Go client's zero values are no values",
			`{"Kind":"","ID":"","Name":"web","Tags":null,"Port":0,"Ports":null,"Address":"","SocketPath":"","TaggedAddresses":null,
			"EnableTagOverride":false,"Meta":null,"Weights":null,"Check":null,"Checks":null,"Proxy":null,"Connect":null,"AI":null,
			"Namespace":"","Partition":"","Locality":null,"Token":""}`,
			Service{ID: "web", Name: "web", Weights: one}},
		{"empty blocks are none", `{"Name":"web","Check":{},"Checks":[],"Proxy":{},"Connect":{"Native":false},"Meta":{},"Tags":[],"TaggedAddresses":{}}`,
			Service{ID: "web", Name: "web", Weights: one}},
		{"a token is passed over", `{"Name":"web","Token":"secret"}`, Service{ID: "web", Name: "web", Weights: one}},
		{"a lone weight leaves the other at 1", `{"Name":"web","weights":{"passing":9}}`,
			Service{ID: "web", Name: "web", Weights: &Weights{Passing: 9, Warning: 1}}},
		{"a weight may be 0", `{"Name":"web","Weights":{"Passing":0,"Warning":65535}}`,
			Service{ID: "web", Name: "web", Weights: &Weights{Passing: 0, Warning: 65535}}},
		{"the Python client's spelling", `{"name":"web","id":"w","enabletagoverride":true}`,
			Service{ID: "w", Name: "web", EnableTagOverride: true, Weights: one}},
		{"a mesh's blocks are kept as they are", `{"name":"web-proxy","kind":"connect-proxy","proxy":{"b":[1.50,{}],"a":12345678901234567890},
			"connect":{"native":true},"Locality":{"Region":"eu"}}`,
			Service{ID: "web-proxy", Name: "web-proxy", Kind: "connect-proxy", Weights: one, Extra: map[string]json.RawMessage{
				"Proxy": json.RawMessage(`{"a":12345678901234567890,"b":[1.50,{}]}`), "Connect": json.RawMessage(`{"native":true}`),
				"Locality": json.RawMessage(`{"Region":"eu"}`),
			}}},
		{"a value may have several lines", `{"Name":"web","Meta":{"motd":"a\n\tb"}}`,
			Service{ID: "web", Name: "web", Meta: map[string]string{"motd": "a\n\tb"}, Weights: one}},
		{"an address may be a name", `{"Name":"web","Address":"db-1.internal"}`, Service{ID: "web", Name: "web", Address: "db-1.internal", Weights: one}},
		{"Kratos: URLs as tagged addresses, numbered checks beside a heartbeat that bears the plain name",
			`{"ID":"6f1","Name":"web","TaggedAddresses":{"grpc":{"Address":"grpc://10.0.0.7:9000","Port":9000}},
			"Checks":[{"TCP":"10.0.0.7:9000","Interval":"10s","Timeout":"5s"},{"CheckID":"service:6f1","TTL":"20s"}]}`,
			Service{ID: "6f1", Name: "web", Weights: one, TaggedAddresses: map[string]Address{"grpc": {"grpc://10.0.0.7:9000", 9000}},
				Checks: []Check{
					{ID: "service:6f1:1", Name: "Service 'web' check", ServiceID: "6f1", Status: catalog.Critical,
						TCP: "10.0.0.7:9000", Interval: 10 * time.Second, Timeout: 5 * time.Second},
					{ID: "service:6f1", Name: "Service 'web' check", ServiceID: "6f1", Status: catalog.Critical, TTL: 20 * time.Second},
				}}},
		{"Check comes before Checks", `{"Name":"web","Checks":[{"ttl":"2s"},{"ttl":"3s","name":"third"}],"Check":{"ttl":"1s","status":"passing"}}`,
			Service{ID: "web", Name: "web", Weights: one, Checks: []Check{
				{ID: "service:web:1", Name: "Service 'web' check", ServiceID: "web", Status: catalog.Passing, TTL: time.Second},
				{ID: "service:web:2", Name: "Service 'web' check", ServiceID: "web", Status: catalog.Critical, TTL: 2 * time.Second},
				{ID: "service:web:3", Name: "third", ServiceID: "web", Status: catalog.Critical, TTL: 3 * time.Second},
			}}},
	} {
		got, err := ServiceFromJSON([]byte(c.body))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", c.claim, got, err, c.want)
		}
	}
}

func TestChecksAreReadAndCompleted(t *testing.T) {
	on, off := true, false
	for _, c := range []struct {
		claim, body string
		want        Check
	}{
		{"all of HTTP", `{"id":"c1","name":"api","service_id":"web","notes":"n","status":"warning","http":"https://h:1/x?y","method":"POST",
			"header":{"X-A":["1","2"],"Host":["h"]},"body":"{\n}","disable_redirects":true,"tls_skip_verify":true,"tls_server_name":"h.example",
			"interval":"1s","timeout":"500ms","success_before_passing":2,"failures_before_warning":1,"failures_before_critical":3,
			"deregister_critical_service_after":"90m","output_max_size":4096,"token":"t"}`,
			Check{ID: "c1", Name: "api", ServiceID: "web", Notes: "n", Status: catalog.Warning, HTTP: "https://h:1/x?y", Method: "POST",
				Header: map[string][]string{"X-A": {"1", "2"}, "Host": {"h"}}, Body: "{\n}", DisableRedirects: true, TLSSkipVerify: true,
				TLSServerName: "h.example", Interval: time.Second, Timeout: 500 * time.Millisecond, SuccessBeforePassing: 2,
				FailuresBeforeWarning: 1, FailuresBeforeCritical: 3, DeregisterCriticalServiceAfter: 90 * time.Minute}},
		{"the name serves as ID", `{"Name":"mem","TTL":"10s"}`, Check{ID: "mem", Name: "mem", Status: catalog.Critical, TTL: 10 * time.Second}},
		{"also of a service's check, as in Consul", `{"Name":"mem","ServiceID":"web","TTL":"10s"}`,
			Check{ID: "mem", Name: "mem", ServiceID: "web", Status: catalog.Critical, TTL: 10 * time.Second}},
		{"the ID serves as name", `{"CheckID":"mem","TTL":"10s"}`, Check{ID: "mem", Name: "mem", Status: catalog.Critical, TTL: 10 * time.Second}},
		{"ID and CheckID may agree", `{"ID":"mem","CheckID":"mem","TTL":"10s"}`, Check{ID: "mem", Name: "mem", Status: catalog.Critical, TTL: 10 * time.Second}},
		{"nanoseconds are durations", `{"Name":"c","TCP":"localhost:80","Interval":1000000000,"Timeout":2e9}`,
			Check{ID: "c", Name: "c", Status: catalog.Critical, TCP: "localhost:80", Interval: time.Second, Timeout: 2 * time.Second}},
		{"the timeout is 10s by default", `{"Name":"c","TCP":"[::1]:80","Interval":"1s","Timeout":""}`,
			Check{ID: "c", Name: "c", Status: catalog.Critical, TCP: "[::1]:80", Interval: time.Second, Timeout: DefaultTimeout}},
		{"an early deregistration waits a minute, as in Consul", `{"Name":"c","TTL":"10ms","DeregisterCriticalServiceAfter":"1s"}`,
			Check{ID: "c", Name: "c", Status: catalog.Critical, TTL: 10 * time.Millisecond, DeregisterCriticalServiceAfter: time.Minute}},
		{"a ping is by TLS unless it says otherwise", `{"Name":"c","h2ping":"h:1","Interval":"1s"}`,
			Check{ID: "c", Name: "c", Status: catalog.Critical, H2PING: "h:1", H2PingUseTLS: &on, Interval: time.Second, Timeout: DefaultTimeout}},
		{"a ping without TLS", `{"Name":"c","h2ping":"h:1","h2_ping_use_tls":false,"Interval":"1s"}`,
			Check{ID: "c", Name: "c", Status: catalog.Critical, H2PING: "h:1", H2PingUseTLS: &off, Interval: time.Second, Timeout: DefaultTimeout}},
		{"a service within a gRPC server", `{"Name":"c","grpc":"[::1]:1/shop.Cart/x","grpc_use_tls":true,"tls_server_name":"x","Interval":"1s","output_max_size":100}`,
			Check{ID: "c", Name: "c", Status: catalog.Critical, GRPC: "[::1]:1/shop.Cart/x", GRPCUseTLS: true, TLSServerName: "x",
				Interval: time.Second, Timeout: DefaultTimeout, OutputMaxSize: 100}},
		{"programs may take longer", `{"Name":"c","os_service":"getty@tty1.service","Interval":"1s","OutputMaxSize":4096}`,
			Check{ID: "c", Name: "c", Status: catalog.Critical, OSService: "getty@tty1.service", Interval: time.Second, Timeout: DefaultScriptTimeout}},
		{"what an agent is sent may be lines", `{"Name":"c","agent_check":"h:1","agent_send":"web/web-1\r\n","Interval":"1s"}`,
			Check{ID: "c", Name: "c", Status: catalog.Critical, AgentCheck: "h:1", AgentSend: "web/web-1\r\n", Interval: time.Second, Timeout: DefaultTimeout}},
		{"an alias needs no interval", `{"Name":"c","alias_service":"web-1","alias_node":"n2","ServiceID":"web-1"}`,
			Check{ID: "c", Name: "c", ServiceID: "web-1", Status: catalog.Critical, AliasService: "web-1", AliasNode: "n2", Interval: DefaultInterval, Timeout: DefaultTimeout}},
		{"zero values of kinds that are not meant", `{"ID":"c","TTL":"1s","Args":null,"DockerContainerID":"","Shell":"","GRPC":"","GRPCUseTLS":false,"UDP":"","H2PING":"",
			"H2PingUseTLS":false,"TCPUseTLS":false,"AliasNode":"","AliasService":"","OSService":"","HTTP":"","TCP":"","Interval":"",
			"Header":null,"Namespace":"","Partition":""}`,
			Check{ID: "c", Name: "c", Status: catalog.Critical, TTL: time.Second}},
	} {
		got, err := CheckFromJSON([]byte(c.body))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", c.claim, got, err, c.want)
		}
	}
}

func TestWrongServicesAreRefusedByField(t *testing.T) {
	long := strings.Repeat("x", 600)
	for _, c := range []struct{ body, want string }{
		{`{}`, `Name: must be given: it is what clients look up`},
		{`{"port":1}`, `name: must be given: it is what clients look up`},
		{`{"Name":""}`, `Name: must not be empty`},
		{`{"Name":7}`, `Name: must be a string, not a number`},
		{`{"Name":"a.b"}`, `Name: "a.b" is no DNS label: only letters, digits and hyphens may stand in it`},
		{`{"Name":"a_b"}`, `Name: "a_b" is no DNS label: only letters, digits and hyphens may stand in it`},
		{`{"Name":"web","ID":"a\nb"}`, `ID: "a\nb" holds a control character`},
		{`{"Name":"web","Port":70000}`, `Port: 70000 is not in 0..65535`},
		{`{"Name":"web","port":-1}`, `port: -1 is not in 0..65535`},
		{`{"Name":"web","Port":"80"}`, `Port: must be a whole number, not a string`},
		{`{"Name":"web","Port":80.5}`, `Port: 80.5 is not a whole number`},
		{`{"Name":"web","Address":"1.2.3.4.5"}`, `Address: "1.2.3.4.5" is neither an IP address nor a host name`},
		{`{"Name":"web","Address":"0.0.0.0"}`, `Address: "0.0.0.0" is not an address a client can connect to`},
		{`{"Name":"web","Weights":{"Passing":-1}}`, `Weights.Passing: -1 is not in 0..65535`},
		{`{"Name":"web","weights":{"warning":65536}}`, `weights.warning: 65536 is not in 0..65535`},
		{`{"Name":"web","Weights":3}`, `Weights: must be an object, not a number`},
		{`{"Name":"web","Weights":{"Pasing":3}}`, `Weights.Pasing: unknown key, did you mean "Passing"?`},
		{`{"Name":"web","Tag":["x"]}`, `Tag: unknown key, did you mean "Tags"?`},
		{`{"Name":"web","Colour":"red"}`, `Colour: unknown key`},
		{`{"Name":"web","name":"web"}`, `name: is given already as "Name"`},
		{`{"Name":"web","Tags":["` + long + `"]}`, `Tags: "` + long[:64] + `..." is longer than 512 bytes`},
		{`{"Name":"web","Meta":{"k":"\u0007"}}`, `Meta: "\a" holds a control character`},
		{`{"Name":"web","Meta":{"":"x"}}`, `Meta: has an empty key`},
		{`{"Name":"web","Meta":{"v":2}}`, `Meta.v: must be a string, not a number`},
		{`{"Name":"web","TaggedAddresses":{"wan":{"Address":"x:1"}}}`, `TaggedAddresses.wan.Address: "x:1" is neither an IP address nor a host name`},
		{`{"Name":"web","tagged_addresses":{"x":{"port":1}}}`, `tagged_addresses.x.address: must not be empty`},
		{`{"Name":"web","Namespace":"team"}`, `Namespace: Covey has no namespaces`},
		{`{"Name":"web","SocketPath":"/run/x"}`, `SocketPath: DNS cannot answer a unix socket: give an Address and a Port`},
		{`{"Name":"web","Proxy":"x"}`, `Proxy: must be an object, not a string`},
		{`{"Name":"web","Proxy":{"x":"` + strings.Repeat("y", catalog.MaxExtra) + `"}}`, `Proxy: the blocks that are kept have 16402 bytes together, may have 16384`},
		{`{"Name":"web","Check":[]}`, `Check: must be an object, not a list`},
		{`{"Name":"web","Check":{"Interval":"1s"}}`, `Check: a check needs one of TTL, HTTP, TCP, UDP, GRPC, H2PING, Hold, Process, AgentCheck, OSService, AliasService, Args and DockerContainerID`},
		{`{"Name":"web","Checks":[{"TTL":"1s"},{}]}`, `Checks[1]: a check needs one of TTL, HTTP, TCP, UDP, GRPC, H2PING, Hold, Process, AgentCheck, OSService, AliasService, Args and DockerContainerID`},
		{`{"Name":"web","Checks":[{"TTL":"1s","ID":"a"},{"TTL":"1s","ID":"a"}]}`, `Checks[1].ID: "a" is the ID of Checks[0] too`},
		{`{"Name":"web","Check":{"TTL":"1s","CheckID":"service:web:2"},"Checks":[{"TTL":"1s"}]}`, `Checks[0].ID: "service:web:2" is the ID of Check too`},
		{`{"Name":"web","Check":{"TTL":"1s","ServiceID":"db"}}`, `Check.ServiceID: "db" is not the service that this check is part of, "web"`},
		{`{"Name":"web","Checks":[` + strings.Repeat(`{"TTL":"1s"},`, 64) + `{"TTL":"1s"}]}`, `Checks: are 65, may be 64`},
		{`[]`, `must be a JSON object, not a list`},
		{`{"Name":"web"} {}`, `line 1: nothing may follow the JSON object`},
		{`{"Name":"-","Port":-1,"Bogus":1,"Check":{"GRPC":"x","interval":"1ns"}}`,
			`Bogus: unknown key; Name: "-" begins or ends with a hyphen, which no DNS label may; Port: -1 is not in 0..65535; ` +
				`Check.GRPC: "x" is not host:port, such as 127.0.0.1:8080; ` +
				`Check.interval: 1ns is shorter than 10ms; give the unit, such as "10s"`},
	} {
		_, err := ServiceFromJSON([]byte(c.body))
		refused(t, c.body, err, c.want)
	}
}

func TestWrongChecksAreRefusedByField(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`{"TTL":"1s"}`, `Name: must not be empty: a check needs a name or an ID`},
		{`{"ID":"c"}`, `a check needs one of TTL, HTTP, TCP, UDP, GRPC, H2PING, Hold, Process, AgentCheck, OSService, AliasService, Args and DockerContainerID`},
		{`{"ID":"c","TTL":"0s"}`, `a check needs one of TTL, HTTP, TCP, UDP, GRPC, H2PING, Hold, Process, AgentCheck, OSService, AliasService, Args and DockerContainerID`},
		{`{"ID":"c","TTL":"-1s"}`, `TTL: -1s is less than 0`},
		{`{"ID":"c","TTL":30}`, `TTL: 30ns is shorter than 10ms; give the unit, such as "10s"`},
		{`{"ID":"c","TTL":"soon"}`, `TTL: "soon" is not a duration such as "10s" or "1m30s"`},
		{`{"ID":"c","ttl":"1s","Interval":"1s"}`, `Interval: means nothing with TTL: it is for checks that the agent carries out`},
		{`{"ID":"c","ttl":"1s","http":"http://h/"}`, `http: a check is of one kind, and TTL is given too`},
		{`{"ID":"c","HTTP":"http://h/"}`, `Interval: must be given with HTTP, such as "10s"`},
		{`{"id":"c","tcp":"h:1"}`, `interval: must be given with TCP, such as "10s"`},
		{`{"ID":"c","HTTP":"h/","Interval":"1s"}`, `HTTP: "h/" is not a whole URL such as http://127.0.0.1:8080/health`},
		{`{"ID":"c","HTTP":"ftp://h/","Interval":"1s"}`, `HTTP: "ftp://h/" is not a whole URL such as http://127.0.0.1:8080/health`},
		{`{"ID":"c","HTTP":"http:///x","Interval":"1s"}`, `HTTP: "http:///x" is not a whole URL such as http://127.0.0.1:8080/health`},
		{`{"ID":"c","HTTP":"http://:80/","Interval":"1s"}`, `HTTP: "http://:80/" is not a whole URL such as http://127.0.0.1:8080/health`},
		{`{"ID":"c","HTTP":"http://h:0/","Interval":"1s"}`, `HTTP: port "0" is not in 1..65535`},
		{`{"ID":"c","HTTP":"http://h:99999/","Interval":"1s"}`, `HTTP: port "99999" is not in 1..65535`},
		{`{"ID":"c","TCP":"h","Interval":"1s"}`, `TCP: "h" is not host:port, such as 127.0.0.1:8080`},
		{`{"ID":"c","TCP":":80","Interval":"1s"}`, `TCP: ":80" is not host:port, such as 127.0.0.1:8080`},
		{`{"ID":"c","TCP":"h:http","Interval":"1s"}`, `TCP: port "http" is not in 1..65535`},
		{`{"ID":"c","TCP":"a b:80","Interval":"1s"}`, `TCP: "a b" is no host name: its labels are 1 to 63 letters, digits and hyphens`},
		{`{"ID":"c","TCP":5,"Interval":"1s"}`, `TCP: must be a string, not a number`},
		{`{"ID":"c","TTL":"1s","Timeout":"1h"}`, `Timeout: 1h0m0s is longer than 10m0s`},
		{`{"ID":"c","TTL":"1s","Status":"Passing"}`, `Status: unknown status "Passing": want passing, warning or critical`},
		{`{"ID":"c","TTL":"1s","SuccessBeforePassing":-1}`, `SuccessBeforePassing: -1 is not in 0..65535`},
		{`{"ID":"c","TTL":"1s","FailuresBeforeWarning":2}`, `FailuresBeforeWarning: 2 is more than FailuresBeforeCritical, 0`},
		{`{"ID":"c","TTL":"1s","Header":{"a b":["x"]}}`, `Header."a b": "a b" is no name of an HTTP header`},
		{`{"ID":"c","TTL":"1s","Header":{"a":["x\r\ny"]}}`, `Header.a: "x\r\ny" holds a control character`},
		{`{"ID":"c","TTL":"1s","Header":{"a":"x"}}`, `Header.a: must be a list of strings, not a string`},
		{`{"ID":"c","TTL":"1s","Method":"GE T"}`, `Method: "GE T" is no HTTP method`},
		{`{"ID":"c","CheckID":"d","TTL":"1s"}`, `CheckID: "d" is not the ID, "c": give one of them`},
		{`{"ID":"serfHealth","TTL":"1s"}`, `ID: "serfHealth" is the agent's own: choose another`},
		{`{"ID":"_service_maintenance:web","TTL":"1s"}`, `ID: "_service_maintenance:web" is the agent's own: choose another`},
		{`{"ID":"c","TTL":"1s","interval":0,"http":"http://h/"}`, `http: a check is of one kind, and TTL is given too`},
		{`{"ID":"c","HTTP":"http://h/","Interval":"0s"}`, `Interval: must be given with HTTP, such as "10s"`},
		{`{"ID":"c","HTTP":"http://h/","Interval":0}`, `Interval: must be given with HTTP, such as "10s"`},
		{`{"ID":"c","tcp":"h:1","udp":"h:1","Interval":"1s"}`, `udp: a check is of one kind, and TCP is given too`},
		{`{"ID":"c","hold":"h:1","alias_node":"n"}`, `AliasService: a check is of one kind, and Hold is given too`},
		{`{"ID":"c","agent_check":"h:1"}`, `Interval: must be given with AgentCheck, such as "10s"`},
		{`{"ID":"c","AgentCheck":"h","Interval":"1s"}`, `AgentCheck: "h" is not host:port, such as 127.0.0.1:8080`},
		{`{"ID":"c","agent_check":"h:1","tcp":"h:1","Interval":"1s"}`, `agent_check: a check is of one kind, and TCP is given too`},
		{`{"ID":"c","agent_send":"x","tcp":"h:1","Interval":"1s"}`, `agent_send: wants AgentCheck, the agent that is to be sent it`},
		{`{"ID":"c","agent_check":"h:1","agent_send":7,"Interval":"1s"}`, `agent_send: must be a string, not a number`},
		{`{"ID":"c","agent_check":"h:1","agent_send":"` + strings.Repeat("x", 1025) + `","Interval":"1s"}`, `agent_send: is longer than 1024 bytes`},
		{`{"ID":"c","grpc":"h:1"}`, `Interval: must be given with GRPC, such as "10s"`},
		{`{"ID":"c","grpc":"h/svc","Interval":"1s"}`, `grpc: "h" is not host:port, such as 127.0.0.1:8080`},
		{`{"ID":"c","grpc":"h:1/a\u0007","Interval":"1s"}`, `grpc: "a\a" holds a control character`},
		{`{"ID":"c","udp":"h","Interval":"1s"}`, `udp: "h" is not host:port, such as 127.0.0.1:8080`},
		{`{"ID":"c","h2ping":"http://h:1","Interval":"1s"}`, `h2ping: "http://h:1" is not host:port, such as 127.0.0.1:8080`},
		{`{"ID":"c","H2PING":"h:1","H2PingUseTLS":"no","Interval":"1s"}`, `H2PingUseTLS: must be true or false, not a string`},
		{`{"ID":"c","os_service":"-x","Interval":"1s"}`, `os_service: "-x" is no name of a systemd unit, such as nginx.service`},
		{`{"ID":"c","os_service":"a b","Interval":"1s"}`, `os_service: "a b" is no name of a systemd unit, such as nginx.service`},
		{`{"ID":"c","os_service":"*","Interval":"1s"}`, `os_service: "*" is no name of a systemd unit, such as nginx.service`},
		{`{"ID":"c","ServiceID":"x","alias_service":"x"}`, `alias_service: "x" is the service that this check is part of: it would wait for itself`},
		{`{"ID":"c","alias_node":"a b"}`, `alias_node: "a b" is no host name: its labels are 1 to 63 letters, digits and hyphens`},
		{`{"ID":"c","docker_container_id":"../x","args":["true"],"Interval":"1s"}`,
			`docker_container_id: "../x" is no ID or name of a container; args: ` + NoPrograms},
		{`{"ID":"c","docker_container_id":"web","Interval":"1s","args":["true"]}`, `args: ` + NoPrograms},
		{`{"ID":"c","docker_container_id":"web","Interval":"1s","shell":"/bin/sh"}`, `shell: wants Args, the program to run in the container`},
		{`{"ID":"c","Args":["/bin/true"],"Interval":"1s"}`, `Args: ` + NoPrograms},
		{`{"ID":"c","ScriptArgs":["/bin/true"],"Interval":"1s"}`, `Args: ` + NoPrograms},
		{`{"ID":"c","Args":"/bin/true","Interval":"1s"}`, `Args: must be a list of strings, not a string`},
		{`{"ID":"c","Script":"/bin/true","Interval":"1s"}`, `Script: is not there: write args = ["/bin/sh", "-c", ...]`},
		{`{"ID":"c","TTL":"1s","OutputMaxSize":-1}`, `OutputMaxSize: -1 is not in 0..2147483647`},
		{`{"ID":"c","TTL":"1s","intervall":"1s"}`, `intervall: unknown key, did you mean "Interval"?`},
	} {
		_, err := CheckFromJSON([]byte(c.body))
		refused(t, c.body, err, c.want)
	}
}

func refused(t *testing.T, body string, err error, want string) {
	t.Helper()
	var f *fault.Error
	switch {
	case err == nil || err.Error() != want:
		t.Errorf("%.200s:\n got %v\nwant %s", body, err, want)
	case !errors.As(err, &f) || f.Kind != fault.Invalid:
		t.Errorf("%.200s: the error is of kind %v", body, fault.KindOf(err))
	}
}

func TestLimitsOfASet(t *testing.T) {
	many := func(n int) map[string]any {
		m := map[string]any{}
		for i := range n {
			m["k"+strings.Repeat("x", i)] = "v"
		}
		return m
	}
	for field, values := range map[string]map[string]any{
		"Meta: has 65 keys, may have 64":        {"Name": "web", "Meta": many(65)},
		"Tags: has 257 tags, may have 256":      {"Name": "web", "Tags": make([]string, 257)},
		"Header: has 65 headers, may have 64":   {"ID": "c", "TTL": "1s", "Header": map[string]any{}},
		"ID: \"" + strings.Repeat("i", 64) + "": {"Name": "web", "ID": strings.Repeat("i", 300)},
	} {
		read := func() error { _, err := ServiceFromMap(values); return err }
		if h, ok := values["Header"].(map[string]any); ok {
			for key := range many(65) {
				h[key] = []string{"v"}
			}
			read = func() error { _, err := CheckFromMap(values); return err }
		}
		if err := read(); err == nil || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("got %v, want %s", err, field)
		}
	}
}

// The IDs that are made of a service's must be short enough for a record as well.
func TestTheLongestServiceIDLeavesRoomForItsChecks(t *testing.T) {
	id := strings.Repeat("i", maxServiceID)
	s, err := ServiceFromMap(map[string]any{"Name": "web", "ID": id, "Checks": []any{map[string]any{"TTL": "1s"}, map[string]any{"TTL": "1s"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{s.Checks[1].ID, catalog.ServiceMaintenancePrefix + id} {
		if err := catalog.CheckText(id, catalog.MaxIDLen); err != nil {
			t.Error(err)
		}
	}
}

func TestInstanceAndStateSayWhatIsDefined(t *testing.T) {
	s, err := ServiceFromJSON([]byte(`{"Name":"web","ID":"w1","Address":"::1","Port":65535,"Tags":["a"],"Meta":{"k":"v"},"Weights":{"Passing":65535},
		"TaggedAddresses":{"lan":{"Address":"10.0.0.1","Port":1}},"EnableTagOverride":true,"Kind":"k","Connect":{"native":true},"Proxy":{"a":1},
		"Check":{"HTTP":"http://h/","Interval":"1s","Notes":"n","Status":"warning"}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &catalog.Instance{ID: "w1", Service: "web", Address: "::1", Port: 65535, Tags: []string{"a"}, Meta: map[string]string{"k": "v"},
		Weights: catalog.Weights{Passing: 65535, Warning: 1}, TaggedAddresses: map[string]catalog.ServiceAddress{"lan": {Address: "10.0.0.1", Port: 1}},
		EnableTagOverride: true, Kind: "k", Extra: json.RawMessage(`{"Connect":{"native":true},"Proxy":{"a":1}}`)}
	if got := s.Instance(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	state := catalog.Check{ID: "service:w1", Name: "Service 'web' check", Status: catalog.Warning, Notes: "n", Type: "http"}
	if got := s.Checks[0].State(); got != state {
		t.Errorf("got %+v, want %+v", got, state)
	}
	if got := (Service{Name: "x"}).Instance(); got.Weights != catalog.DefaultWeights || got.Extra != nil {
		t.Errorf("a service without weights and blocks is %+v", got)
	}
}

func BenchmarkServiceFromJSON(b *testing.B) {
	body := []byte(itemService)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ServiceFromJSON(body); err != nil {
			b.Fatal(err)
		}
	}
}

func TestProgramsAreForFiles(t *testing.T) {
	c, err := CheckFromMap(map[string]any{"name": "c", "args": []any{"/bin/sh", "-c", "true\nfalse"}, "interval": "1s"})
	want := Check{ID: "c", Name: "c", Status: catalog.Critical, Args: []string{"/bin/sh", "-c", "true\nfalse"}, Interval: time.Second, Timeout: DefaultScriptTimeout}
	if err != nil || !reflect.DeepEqual(c, want) || !c.Runs() || c.Kind() != "script" {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = CheckFromMap(map[string]any{"name": "c", "docker_container_id": "web", "shell": "/bin/sh", "args": []any{"true"}, "interval": "1s"})
	if err != nil || !c.Runs() || c.Kind() != "docker" {
		t.Errorf("%+v, %v", c, err)
	}
	for want, args := range map[string][]any{
		`args: "a\x00b" is not UTF-8, or holds a NUL`:         {"a\x00b"},
		`args: begins with "", which is no program`:           {"", "x"},
		`args: are 257 with 257 bytes, may be 256 with 65536`: slices.Repeat([]any{"x"}, 257),
		`args: are 1 with 65537 bytes, may be 256 with 65536`: {strings.Repeat("x", 65537)},
		`a check needs one of ` + kindKeys():                  {},
	} {
		_, err := CheckFromMap(map[string]any{"name": "c", "args": args, "interval": "1s"})
		refused(t, fmt.Sprint(args), err, want)
	}
	_, err = ServiceFromJSON([]byte(`{"Name":"web","Checks":[{"TTL":"1s"},{"Args":["true"],"Interval":"1s"}]}`))
	refused(t, "a service with a script", err, "Args: "+NoPrograms)
}
