package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Every row is refused with 400 and a text that names the field, and changes nothing.
func TestBadRegistrationsAreRefusedAndChangeNothing(t *testing.T) {
	begin(t)
	a := startAgent(t, "agent-1", "--insecure-gossip")
	body, e := item("item-1", "10.99.0.1", 1, nil)
	put(t, a, register, body)
	answers(t, soon, a, e)
	services := get(t, a, "/v1/agent/services", nil).Body
	checks := get(t, a, "/v1/agent/checks", nil).Body
	before := index(t, a)

	for _, c := range []struct {
		name, body, field string
	}{
		{"a name that is no DNS label", `{"Name": "item service"}`, "Name"},
		{"a name with a dot", `{"Name": "item.service"}`, "Name"},
		{"a name of 64 letters", `{"Name": "` + strings.Repeat("a", 64) + `"}`, "Name"},
		{"no name", `{"Port": 80}`, "Name"},
		{"a port above 65535", `{"Name": "item-service", "Port": 65536}`, "Port"},
		{"a port below 0", `{"Name": "item-service", "Port": -1}`, "Port"},
		{"a port that is no number", `{"Name": "item-service", "Port": "eighty"}`, "Port"},
		{"a weight below 0", `{"Name": "item-service", "Weights": {"Passing": -1, "Warning": 1}}`, "Passing"},
		{"a weight above 65535", `{"Name": "item-service", "Weights": {"Passing": 1, "Warning": 65536}}`, "Warning"},
		{"a bad address", `{"Name": "item-service", "Address": "10.0.0.256"}`, "Address"},
		{"an unknown policy", `{"Name": "item-service", "LB": {"Policy": "fastest"}}`, "LB.Policy"},
		{"an unknown policy in the metadata", `{"Name": "item-service", "Meta": {"lb-policy": "fastest"}}`, "lb-policy"},
		{"a share of nothing", `{"Name": "item-service", "LB": {"MaxShare": -1}}`, "LB.MaxShare"},
		{"an unknown field", `{"Name": "item-service", "Prot": 80}`, "Prot"},
		{"an unknown field of a check", `{"Name": "item-service", "Check": {"TTL": "10s", "Intervall": "1s"}}`, "Intervall"},
		{"an unknown check type", `{"Name": "item-service", "Check": {"Pigeon": "coo", "Interval": "10s"}}`, "Pigeon"},
		{"a check of no type", `{"Name": "item-service", "Check": {"Interval": "10s"}}`, "Check"},
		{"a script check", `{"Name": "item-service", "Check": {"Args": ["true"], "Interval": "10s"}}`, "Args"},
		{"a duration that is none", `{"Name": "item-service", "Check": {"TTL": "soon"}}`, "TTL"},
		{"half a body", `{"Name": "item-service"`, ""},
		{"no JSON", `name=item-service`, ""},
		{"an empty body", ``, ""},
		{"a body over 1 MiB", `{"Name": "item-service", "Meta": {"k": "` + strings.Repeat("v", 1<<20) + `"}}`, ""},
	} {
		res, err := a.Do(http.MethodPut, register, c.body)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if res.Code != http.StatusBadRequest {
			t.Errorf("%s: status %d, want 400: %s", c.name, res.Code, res.Body)
		}
		if text := string(res.Body); text == "" || !strings.Contains(strings.ToLower(text), strings.ToLower(c.field)) {
			t.Errorf("%s: the answer %q does not name %s", c.name, text, c.field)
		}
	}

	if now := get(t, a, "/v1/agent/services", nil).Body; string(now) != string(services) {
		t.Errorf("the refused bodies changed the services from %s to %s", services, now)
	}
	if now := get(t, a, "/v1/agent/checks", nil).Body; string(now) != string(checks) {
		t.Errorf("the refused bodies changed the checks from %s to %s", checks, now)
	}
	if now := index(t, a); now != before {
		t.Errorf("the refused bodies moved the index from %d to %d", before, now)
	}
	if err := a.Answers(itemService, e); err != nil {
		t.Error(err)
	}
}

func TestUnknownPathsAndMethodsSaySo(t *testing.T) {
	begin(t)
	a := startAgent(t, "agent-1", "--insecure-gossip")
	for _, c := range []struct {
		method, path string
		code         int
	}{
		{http.MethodGet, "/v1/nothing/here", http.StatusNotFound},
		{http.MethodPut, "/v1/agent/check/pass/no-such-check", http.StatusNotFound},
		{http.MethodPut, "/v1/agent/service/deregister/no-such-service", http.StatusNotFound},
		{http.MethodGet, register, http.StatusMethodNotAllowed},
		{http.MethodGet, "/v1/health/service/item-service?index=minus&wait=1s", http.StatusBadRequest},
		{http.MethodGet, "/v1/health/service/item-service?index=1&wait=soon", http.StatusBadRequest},
		{http.MethodGet, "/v1/health/service/item-service?passing=perhaps", http.StatusBadRequest},
		{http.MethodGet, "/v1/health/service/no-such-service", http.StatusOK},
	} {
		res, err := a.Do(c.method, c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if res.Code != c.code {
			t.Errorf("%s %s: status %d, want %d: %s", c.method, c.path, res.Code, c.code, res.Body)
		}
	}
}

func TestTheCommandRefusesWhatTheAPIRefuses(t *testing.T) {
	begin(t)
	a := startAgent(t, "agent-1", "--insecure-gossip")
	env := []string{"COVEY_HTTP_ADDR=" + a.HTTPAddr()}
	for _, c := range []struct {
		args  []string
		names string // what the message must name
	}{
		{[]string{"register", "--name", "item service"}, "name"},
		{[]string{"register", "--name", "item-service", "--port", "70000"}, "port"},
		{[]string{"register", "--name", "item-service", "--weight", "-1"}, "weight"},
		{[]string{"register", "--name", "item-service", "--check-ttl", "soon"}, "check-ttl"},
		{[]string{"deregister", "no-such-service"}, "no-such-service"},
		{[]string{"join", "127.0.0.1:1"}, "127.0.0.1:1"},
		{[]string{"lookup", "item-service", "--type", "MX"}, "MX"},
		{[]string{"no-such-command"}, "no-such-command"},
		{[]string{"members", "--no-such-flag"}, "no-such-flag"},
	} {
		o, err := binary.Run(env, c.args...)
		if err != nil {
			t.Fatal(err)
		}
		if o.Code == 0 {
			t.Errorf("covey %v succeeded: %s", c.args, o.Stdout)
		}
		if !strings.Contains(strings.ToLower(o.Stderr), strings.ToLower(c.names)) {
			t.Errorf("covey %v does not name %q: %s", c.args, c.names, o.Stderr)
		}
	}
	o, err := binary.Run([]string{fmt.Sprintf("COVEY_HTTP_ADDR=%s:1", a.IP)}, "members")
	if err != nil {
		t.Fatal(err)
	}
	if o.Code == 0 || !strings.Contains(o.Stderr, a.IP+":1") {
		t.Errorf("without an agent there, covey members must fail and name the address: %d, %s", o.Code, o.Stderr)
	}
}
