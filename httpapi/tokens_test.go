package httpapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"covey/catalog"
	"covey/internal/fault"
)

const (
	readToken     = "read-0123456789abcdef"
	registerToken = "register-0123456789ab"
	operateToken  = "operate-0123456789abc"
)

func someTokens(t *testing.T, more string) *Tokens {
	t.Helper()
	tokens, err := ParseTokens([]byte("# who may do what\n\nread " + readToken + "\n register\t" + registerToken + " # the deployer\noperate " + operateToken + "\n" + more))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func withToken(s http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = "127.0.0.1:8500"
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestATokenDoesWhatItsRoleAllows(t *testing.T) {
	for _, c := range []struct {
		method, path, body string
		least              Role
	}{
		{"GET", "/v1/catalog/services", "", Read},
		{"HEAD", "/v1/health/service/web", "", Read},
		{"GET", "/metrics", "", Read},
		{"GET", "/v1/covey/status", "", Read},
		{"GET", "/v1/kv/a", "", Read},
		{"PUT", "/v1/agent/service/register", itemService, Register},
		{"PUT", "/v1/agent/check/pass/x", "", Register},
		{"PUT", "/v1/covey/report/item-service/item-1?result=ok", "", Register},
		{"GET", "/v1/agent/host", "", Operate},
		{"GET", "/v1/agent/monitor?loglevel=x", "", Operate},
		{"PUT", "/v1/agent/leave", "", Operate},
		{"PUT", "/v1/agent/join/10.0.0.9", "", Operate},
		{"PUT", "/v1/agent/maintenance?enable=true", "", Operate},
		{"GET", "/v1/operator/keyring", "", Operate},
	} {
		for token, role := range map[string]Role{"": NoRole, readToken: Read, registerToken: Register, operateToken: Operate} {
			s, a := newTestServer(t)
			s.SetTokens(someTokens(t, ""))
			w := withToken(s, c.method, c.path, c.body, "X-Consul-Token", token)
			if allowed := w.Code != 403; allowed != (role >= c.least) {
				t.Errorf("%s %s with the role %v: %d %s", c.method, c.path, role, w.Code, w.Body)
			}
			if role < c.least && (len(a.services) > 0 || a.leaving || len(a.joined) > 0) {
				t.Errorf("%s %s with the role %v was done", c.method, c.path, role)
			}
			if strings.Contains(w.Body.String(), registerToken) {
				t.Errorf("a refusal tells a token: %s", w.Body)
			}
		}
	}
}

// What an operator did to the whole node, and what only operators do to nodes with an agent,
// is not to be had by way of deregistering.
func TestDeregisteringUndoesNothingThatAnOperatorDid(t *testing.T) {
	for _, c := range []struct{ target, body string }{
		{"/v1/agent/check/deregister/_node_maintenance", ""},
		{"/v1/catalog/deregister", `{"Node":"n1","CheckID":"_node_maintenance"}`},
		{"/v1/catalog/deregister", `{"Node":"n2"}`}, // it failed: that would force it to leave
	} {
		s, a := newTestServer(t)
		a.addHost("n2", "10.0.0.2", catalog.Failed)
		s.SetTokens(someTokens(t, ""))
		withToken(s, "PUT", "/v1/agent/maintenance?enable=true", "", "X-Consul-Token", operateToken)
		if w := withToken(s, "PUT", c.target, c.body, "X-Consul-Token", registerToken); w.Code != 403 {
			t.Errorf("%s %s with the role register: %d %s", c.target, c.body, w.Code, w.Body)
		}
		if a.checks["_node_maintenance"] == nil || len(a.removed) > 0 {
			t.Errorf("%s %s was done", c.target, c.body)
		}
		if w := withToken(s, "PUT", c.target, c.body, "X-Consul-Token", operateToken); w.Code != 200 {
			t.Errorf("%s %s with the role operate: %d %s", c.target, c.body, w.Code, w.Body)
		}
	}
	s, a := newTestServer(t)
	s.SetTokens(someTokens(t, ""))
	if w := withToken(s, "PUT", "/v1/catalog/deregister", `{"Node":"db"}`, "X-Consul-Token", registerToken); w.Code != 200 || len(a.removed) != 1 {
		t.Errorf("an external node: %d %s", w.Code, w.Body)
	}
}

func TestTokensAreTakenFromWhereConsulsClientsPutThem(t *testing.T) {
	s, _ := newTestServer(t)
	s.SetTokens(someTokens(t, ""))
	for name, c := range map[string]struct {
		target string
		header []string
		code   int
	}{
		"header":                     {"/v1/agent/self", []string{"X-Consul-Token", readToken}, 200},
		"bearer":                     {"/v1/agent/self", []string{"Authorization", "Bearer " + readToken}, 200},
		"bearer in lower case":       {"/v1/agent/self", []string{"Authorization", "bearer  " + readToken}, 200},
		"query":                      {"/v1/agent/self?token=" + readToken, nil, 200},
		"query comes first":          {"/v1/agent/self?token=wrong-0123456789abc", []string{"X-Consul-Token", readToken}, 403},
		"an empty one is none":       {"/v1/agent/self?token=", []string{"X-Consul-Token", readToken}, 200},
		"basic":                      {"/v1/agent/self", []string{"Authorization", "Basic " + readToken}, 403},
		"unknown":                    {"/v1/agent/self", []string{"X-Consul-Token", readToken + "x"}, 403},
		"the start of one":           {"/v1/agent/self", []string{"X-Consul-Token", readToken[:len(readToken)-1]}, 403},
		"none":                       {"/v1/agent/self", nil, 403},
		"the word for those without": {"/v1/agent/self", []string{"X-Consul-Token", "anonymous"}, 403},
	} {
		if w := withToken(s, "GET", c.target, "", c.header...); w.Code != c.code {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, c.code)
		}
	}
	if w := withToken(s, "GET", "/v1/agent/self", "", "X-Consul-Token", "wrong-0123456789abc"); !strings.Contains(w.Body.String(), "ACL not found") {
		t.Errorf("an unknown token: %s", w.Body)
	}
	if w := withToken(s, "GET", "/v1/agent/self", ""); !strings.Contains(w.Body.String(), "Permission denied") {
		t.Errorf("no token: %s", w.Body)
	}
	if n := s.Stats().TokensRefused; n == 0 {
		t.Error("refusals were not counted")
	}
}

func TestThoseWithoutATokenMayBeLetRead(t *testing.T) {
	s, _ := newTestServer(t)
	s.SetTokens(someTokens(t, "read anonymous"))
	if w := withToken(s, "GET", "/v1/catalog/services", ""); w.Code != 200 {
		t.Errorf("reading: %d %s", w.Code, w.Body)
	}
	if w := withToken(s, "PUT", "/v1/agent/service/register", itemService); w.Code != 403 {
		t.Errorf("registering: %d %s", w.Code, w.Body)
	}
	// An agent of Nomad's or the like may bear a token of another day: it is told so only
	// where it wants more than everyone may.
	if w := withToken(s, "GET", "/v1/catalog/services", "", "X-Consul-Token", "of-another-day-0123"); w.Code != 200 {
		t.Errorf("reading with an unknown token: %d %s", w.Code, w.Body)
	}
}

func TestOtherTokensTakeEffectAtOnce(t *testing.T) {
	s, _ := newTestServer(t)
	ask := func(token string) int { return withToken(s, "GET", "/v1/agent/self", "", "X-Consul-Token", token).Code }
	if code := ask("anything"); code != 200 {
		t.Errorf("without tokens: %d", code)
	}
	s.SetTokens(someTokens(t, ""))
	other, err := ParseTokens([]byte("read another-0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	s.SetTokens(other)
	if old, now := ask(readToken), ask("another-0123456789"); old != 403 || now != 200 {
		t.Errorf("the old one: %d, the new one: %d", old, now)
	}
}

func TestFilesOfTokensThatCannotBeRight(t *testing.T) {
	long := strings.Repeat("x", 513)
	for text, want := range map[string]string{
		"":                              "there is no token",
		"read anonymous":                "there is no token",
		"read":                          "line 1: want a role and a token",
		"read a b":                      "line 1: want a role and a token",
		"\n# c\nwrite 0123456789abcdef": "line 3: the first word is none of read, register and operate",
		"none 0123456789abcdef":         "line 1: the first word",
		"read short":                    "line 1: the token has 5 characters",
		"read " + long:                  "line 1: the token has 513 characters",
		"read 0123456789abcdé":          "line 1: the token holds something else",
		"register anonymous":            "line 1: those without a token may be let read at most",
		"read 0123456789abcdef\noperate 0123456789abcdef": "line 2: the token is on an earlier line too",
		"read " + strings.Repeat("y", 70_000):             "a line is too long",
	} {
		_, err := ParseTokens([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "0123456789abc") {
			t.Errorf("the error tells a token: %v", err)
		}
	}
}

// Every path and method with the role it wants: what is added must be decided here.
func TestRolesOfAllRoutes(t *testing.T) {
	s, _ := newTestServer(t)
	var lines []string
	for _, r := range s.table {
		for _, method := range r.methods {
			lines = append(lines, fmt.Sprintf("%-8s %-6s %s", roleFor(method, r.path), method, r.path))
		}
	}
	slices.Sort(lines)
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile("testdata/roles.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/roles.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("roles are not those of testdata/roles.txt; see whether they are right, then go test -update\n%s", got)
	}
}
