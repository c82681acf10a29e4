package definition

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"covey/catalog"
	"pgregory.net/rapid"
)

// camel is every key of the generated bodies, by its snake_case form.
var camel = map[string]string{
	"id": "ID", "name": "Name", "address": "Address", "port": "Port", "tags": "Tags", "meta": "Meta", "weights": "Weights",
	"passing": "Passing", "warning": "Warning", "tagged_addresses": "TaggedAddresses", "enable_tag_override": "EnableTagOverride",
	"kind": "Kind", "proxy": "Proxy", "checks": "Checks", "notes": "Notes", "status": "Status", "http": "HTTP", "tcp": "TCP", "ttl": "TTL",
	"method": "Method", "header": "Header", "body": "Body", "disable_redirects": "DisableRedirects", "tls_skip_verify": "TLSSkipVerify",
	"interval": "Interval", "timeout": "Timeout", "success_before_passing": "SuccessBeforePassing",
	"udp": "UDP", "grpc": "GRPC", "h2ping": "H2PING", "os_service": "OSService", "alias_node": "AliasNode", "alias_service": "AliasService",
	"hold": "Hold", "agent_check": "AgentCheck", "agent_send": "AgentSend", "tcp_use_tls": "TCPUseTLS", "grpc_use_tls": "GRPCUseTLS", "h2ping_use_tls": "H2PingUseTLS",
	"tls_server_name": "TLSServerName", "output_max_size": "OutputMaxSize",
	"failures_before_critical": "FailuresBeforeCritical", "deregister_critical_service_after": "DeregisterCriticalServiceAfter",
}

func spelt(values map[string]any, snake bool) map[string]any {
	out := map[string]any{}
	for key, v := range values {
		switch x := v.(type) {
		case map[string]any:
			if key != "proxy" && key != "header" {
				v = spelt(x, snake)
			}
		case []any:
			list := make([]any, len(x))
			for i := range x {
				if list[i] = x[i]; key == "checks" {
					list[i] = spelt(x[i].(map[string]any), snake)
				}
			}
			v = list
		}
		if name := camel[key]; name != "" && !snake {
			key = name
		}
		out[key] = v
	}
	return out
}

func text() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.Rune().Filter(func(r rune) bool { return !unicode.IsControl(r) && r != unicode.ReplacementChar }), 0, 20, 60)
}

// some draws a value for key in about half of all cases.
func some[V any](t *rapid.T, values map[string]any, key string, g *rapid.Generator[V]) {
	if rapid.Bool().Draw(t, "has "+key) {
		values[key] = g.Draw(t, key)
	}
}

func duration() *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		d := time.Duration(rapid.Int64Range(int64(MinInterval), int64(MaxTimeout)).Draw(t, "ns"))
		if rapid.Bool().Draw(t, "as text") {
			return d.String()
		}
		return int64(d)
	})
}

func genCheck(i int) *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		c := map[string]any{}
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0:
			c["ttl"] = duration().Draw(t, "ttl")
		case 1:
			c["http"] = fmt.Sprintf("http://h%d:80/%s", i, rapid.StringMatching(`[a-z?&<>=]*`).Draw(t, "path"))
			some(t, c, "header", rapid.Just(map[string]any{"X-A": []any{"1", "<2>"}, "X-B": []any{}}))
			some(t, c, "body", rapid.String())
			some(t, c, "method", rapid.SampledFrom([]string{"GET", "PUT"}))
			some(t, c, "disable_redirects", rapid.Bool())
			some(t, c, "tls_skip_verify", rapid.Bool())
		case 2:
			c["tcp"] = "[::1]:80"
			some(t, c, "tcp_use_tls", rapid.Bool())
			some(t, c, "tls_server_name", rapid.Just("db.example"))
		case 3:
			c["udp"] = "h:80"
		case 4:
			c["grpc"] = "h:80" + rapid.SampledFrom([]string{"", "/", "/shop.Cart", "/a/b"}).Draw(t, "grpc")
			some(t, c, "grpc_use_tls", rapid.Bool())
		case 5:
			c["h2ping"] = "h:80"
			some(t, c, "h2ping_use_tls", rapid.Bool())
		case 6:
			c["os_service"] = rapid.StringMatching(`[a-z][a-z@:_.\\\\-]*`).Draw(t, "unit")
		case 7:
			some(t, c, "alias_node", rapid.Just("n1"))
			c["alias_service"] = "another"
		case 8:
			c["hold"] = "h:80"
		case 9:
			c["agent_check"] = "h:80"
			some(t, c, "agent_send", rapid.SampledFrom([]string{"web/web-1\n", "\x00<&> \u2028\r\n", ""}))
		}
		if c["ttl"] == nil {
			c["interval"] = duration().Draw(t, "interval")
			some(t, c, "output_max_size", rapid.IntRange(0, 1000))
		}
		if rapid.Bool().Draw(t, "has id") {
			c["id"] = fmt.Sprintf("check %d", i)
		}
		some(t, c, "notes", text())
		some(t, c, "status", rapid.SampledFrom([]string{"passing", "warning", "critical", ""}))
		some(t, c, "timeout", duration())
		some(t, c, "success_before_passing", rapid.IntRange(0, 65535))
		some(t, c, "failures_before_critical", rapid.IntRange(0, 65535))
		some(t, c, "deregister_critical_service_after", duration())
		return c
	})
}

func genService() *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		s := map[string]any{"name": rapid.StringMatching(`[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?`).Draw(t, "name")}
		some(t, s, "id", text())
		some(t, s, "address", rapid.SampledFrom([]string{"10.0.0.1", "2001:db8::1", "db.example"}))
		some(t, s, "port", rapid.IntRange(0, 65535))
		some(t, s, "tags", rapid.Map(rapid.SliceOfN(text(), 0, 5), anyList))
		some(t, s, "meta", rapid.Map(rapid.MapOfN(text().Filter(notEmpty), text(), 0, 4), func(m map[string]string) any { return m }))
		some(t, s, "weights", rapid.Just(map[string]any{"passing": 7, "warning": 0}))
		some(t, s, "tagged_addresses", rapid.Just(map[string]any{"wan": map[string]any{"address": "192.0.2.1", "port": 7}}))
		some(t, s, "enable_tag_override", rapid.Bool())
		some(t, s, "kind", rapid.Just("connect-proxy"))
		some(t, s, "proxy", rapid.Map(text(), func(v string) map[string]any { return map[string]any{"k<": v, "list": []any{1, nil, true}} }))
		checks := []any{}
		for i := range rapid.IntRange(0, 4).Draw(t, "checks") {
			checks = append(checks, genCheck(i).Draw(t, "check"))
		}
		s["checks"] = checks
		return s
	})
}

func anyList(texts []string) []any {
	out := make([]any, len(texts))
	for i, s := range texts {
		out[i] = s
	}
	return out
}

func notEmpty(s string) bool { return s != "" }

func TestSpellingAndWayInMakeNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := genService().Draw(t, "service")
		want, err := ServiceFromMap(spelt(values, true))
		if err != nil {
			t.Fatal(err)
		}
		for _, snake := range []bool{true, false} {
			body, err := json.Marshal(spelt(values, snake))
			if err != nil {
				t.Fatal(err)
			}
			got, err := ServiceFromJSON(body)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%s\n got %+v, %v\nwant %+v", body, got, err, want)
			}
		}
	})
}

func TestADefinitionKeepsItsValueOverJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := ServiceFromMap(genService().Draw(t, "service"))
		if err != nil {
			t.Fatal(err)
		}
		keepsItsValue(t, s)
	})
}

// keepsItsValue checks what the agent's journal relies on: a definition that was read
// is the same after encoding/json, and is one that may be written by hand.
func keepsItsValue(t interface{ Fatalf(string, ...any) }, s Service) {
	body, err := json.Marshal(s)
	if err != nil {
		t.Fatalf("%+v: %v", s, err)
	}
	var again Service
	if err := json.Unmarshal(body, &again); err != nil || !reflect.DeepEqual(again, s) {
		t.Fatalf("%s\n got %+v, %v\nwant %+v", body, again, err, s)
	}
	s.Extra = nil
	body, _ = json.Marshal(s)
	if again, err = ServiceFromJSON(body); err != nil || !reflect.DeepEqual(again, s) {
		t.Fatalf("%s read again\n got %+v, %v\nwant %+v", body, again, err, s)
	}
}

func FuzzServiceFromJSON(f *testing.F) {
	f.Add([]byte(itemService))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, err := ServiceFromJSON(body)
		if err != nil {
			return
		}
		keepsItsValue(t, s)
		i := s.Instance()
		if i.ID == "" || len(i.ID) > catalog.MaxIDLen || len(i.Extra) > catalog.MaxExtra || int(i.Port) != s.Port {
			t.Errorf("%s: instance %+v", body, i)
		}
		for _, c := range s.Checks {
			if c.ID == "" || len(c.ID) > catalog.MaxIDLen || c.Kind() == "" || c.ServiceID != s.ID {
				t.Errorf("%s: check %+v", body, c)
			}
		}
	})
}

func FuzzCheckFromJSON(f *testing.F) {
	f.Add([]byte(`{"Name":"api","HTTP":"http://127.0.0.1/","Interval":"10s","Header":{"A":["b"]}}`))
	f.Add([]byte(`{"Name":"c","GRPC":"[::1]:1/a.B","GRPCUseTLS":true,"Interval":"1s","OutputMaxSize":9}`))
	f.Add([]byte(`{"Name":"c","H2PING":"h:1","h2ping_use_tls":false,"Interval":"1s"}`))
	f.Add([]byte(`{"Name":"c","os_service":"getty@tty1.service","alias_service":"x","Args":["x"],"docker_container_id":"web","Interval":"1s"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := CheckFromJSON(body)
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Error("an error that says nothing")
			}
			return
		}
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var kept Check
		if err := json.Unmarshal(text, &kept); err != nil || !reflect.DeepEqual(kept, c) {
			t.Fatalf("%s: kept %+v, %v, was %+v", body, kept, err, c)
		}
		if read, err := CheckFromJSON(text); err != nil || !reflect.DeepEqual(read, c) {
			t.Fatalf("%s: read %+v, %v, was %+v", text, read, err, c)
		}
	})
}
