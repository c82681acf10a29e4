package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"covey/catalog/definition"
	"covey/internal/fault"
)

func TestDefinitionFileHoldsOneServiceOrSeveral(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"Name": "web", "Port": 80}`, "web"},
		{`{"service": {"name": "web", "port": 80}}`, "web"},
		{`{"services": [{"name": "web"}, {"name": "db", "id": "db-1"}]}`, "web db-1"},
		{"name = \"web\"\nport = 80\nweights { passing = 3 }\ncheck { ttl = \"10s\" }", "web"},
		{"# note\nservice {\n  name = \"web\"\n  check { http = \"http://x/\", interval = \"10s\" }\n}", "web"},
		{"service = { name = \"web\" }", "web"},
		{"services { name = \"web\" }\nservices { name = \"db\" }", "web db"},
		{"service { name = \"web\" }\nservice { name = \"db\" }\nservices { name = \"api\" }", "web db api"},
		{"node_name = \"n\"\nports { http = 1 }\ncheck { name = \"c\", ttl = \"1s\" }\nservice { name = \"web\" }", "web"},
		{`{"NodeName": "n", "log_json": true, "dns_config": {}, "checks": [], "services": [{"name": "web"}]}`, "web"},
		{"services = [{ name = \"web\" }, { name = \"db\" }]", "web db"},
	} {
		services, err := readDefinitions("-", strings.NewReader(c.text))
		var ids []string
		for _, s := range services {
			ids = append(ids, s.ID)
		}
		if err != nil || !slices.Equal(ids, strings.Fields(c.want)) {
			t.Errorf("%s\nholds %v, %v; want %s", c.text, ids, err, c.want)
		}
	}
}

func TestDefinitionFileIsRefusedWithAllItsFaults(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", []string{"Name: must be given"}},
		{"{}", []string{"Name: must be given"}},
		{`{"Name": "web"`, []string{"ends before it is complete"}},
		{`{"Name": "we_b", "Port": 70000}`, []string{"Name: ", "Port: 70000 is not in 0..65535"}},
		{`{"services": []}`, []string{"there is no service in it"}},
		{"service {\n  name = \"web\"\n  prot = 80\n}", []string{"service.prot: unknown key, did you mean"}},
		{"name = \"web\"\nprot = 80\nweights { passing = -1 }", []string{"weights.passing: -1 is not", "prot: unknown key"}},
		{"name = \"web\"\nport = ", []string{"line 2", "not HCL"}},
		{"name = \"web\"\nport", []string{"line 2", "not HCL"}},
		{"nodename = \"n\"\nnode_nam = \"n\"\nservice { name = \"web\" }", []string{`node_nam: unknown key, did you mean "node_name"?`}},
		{`{"service": {"name": "web", "name": "db"}}`, []string{"service.name: is given twice"}},
		{"service { name = \"a\" }\nservice { name = \"a\" }", []string{`service[1]: another service of this file has the service ID "a"`}},
		{"services { name = \"a\" }\nservices { name = \"a\" }", []string{`has the service ID "a"`}},
	} {
		_, err := readDefinitions("-", strings.NewReader(c.text))
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s\nis refused by %v, want an Invalid error", c.text, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), os.TempDir()) {
				t.Errorf("%s\nis refused by %q, want %q", c.text, err, want)
			}
		}
	}
}

func TestDefinitionsKeepTheirMeaningOnTheWire(t *testing.T) {
	const text = `{"Name": "web", "ID": "w1", "Port": 80, "Tags": ["a"], "Meta": {"k": "v"}, "Weights": {"Passing": 3, "Warning": 0},
		"TaggedAddresses": {"wan": {"Address": "1.2.3.4", "Port": 1}}, "EnableTagOverride": true, "Kind": "connect-proxy",
		"Proxy": {"DestinationServiceName": "db"}, "Checks": [
			{"HTTP": "http://x/", "Interval": "10s", "Timeout": "2s", "Header": {"A": ["b"]}, "Status": "passing", "Notes": "n"},
			{"TTL": "1m30s", "DeregisterCriticalServiceAfter": "90m"}]}`
	s, err := definition.ServiceFromJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	first, err := wire(&s)
	if err != nil {
		t.Fatal(err)
	}
	again, err := definition.ServiceFromJSON(first)
	if err != nil {
		t.Fatalf("%s\nis refused: %v", first, err)
	}
	second, err := wire(&again)
	if err != nil || string(first) != string(second) || !strings.Contains(string(first), `"Proxy":{"DestinationServiceName":"db"}`) {
		t.Errorf("sent as %s\nunderstood as %s, %v", first, second, err)
	}
}

func TestRegisterReadsFilesAndStandardInput(t *testing.T) {
	agent := newTwin(t, cluster)
	t.Setenv("COVEY_HTTP_ADDR", agent.addr())
	file := filepath.Join(t.TempDir(), "web.hcl")
	if err := os.WriteFile(file, []byte("services { name = \"web\" }\nservices { name = \"refused\" }\nservices { name = \"db\" }"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSession()
	code := s.run("register", file)
	if code != exitFailure || s.out.String() != "Registered web.\nRegistered db.\n" || !strings.Contains(s.err.String(), "cannot register refused") {
		t.Errorf("exit %d\n%s%s", code, &s.out, &s.err)
	}
	if told := agent.heard(); len(told) != 3 {
		t.Errorf("the agent was told %q", told)
	}
	s.stdin = `{"Name": "web"}`
	if code := s.run("register", "-"); code != exitOK || s.out.String() != "Registered web.\n" {
		t.Errorf("exit %d\n%s%s", code, &s.out, &s.err)
	}
	agent.heard()
	s.stdin = `{"services": [{"Name": "web"}, {"Name": "d_b"}]}`
	if code := s.run("register", "-"); code != exitUsage || len(agent.heard()) != 0 {
		t.Errorf("exit %d, and something was registered though one of two was wrong\n%s", code, &s.err)
	}
}
