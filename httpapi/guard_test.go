package httpapi

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"covey/catalog/definition"
)

func TestOnlyHostsThisAgentIsKnownByAreServed(t *testing.T) {
	hosts := newHostList([]string{"127.0.0.1", "N1", "registry.example.", ""})
	for host, want := range map[string]bool{
		"":                      true, // HTTP/1.0
		"127.0.0.1:8500":        true,
		"127.0.0.1":             true,
		"10.9.8.7:8500":         true,
		"[::1]:8500":            true,
		"[::1]":                 true,
		"::1":                   true,
		"localhost:8500":        true,
		"LOCALHOST.":            true,
		"covey.localhost":       true,
		"n1:8500":               true,
		"n1":                    true,
		"registry.example:8500": true,
		"Registry.Example.":     true,
		"evil.example":          false,
		"evil.example:8500":     false,
		"n1.evil.example":       false,
		"127.0.0.1.evil":        false,
		"localhost.evil":        false,
		"notlocalhost":          false,
		".":                     false,
		":8500":                 false,
		"[::1":                  true, // still an address, whoever wrote it
	} {
		if got := hosts.allow(host); got != want {
			t.Errorf("Host %q: %v, want %v", host, got, want)
		}
	}
	if !hostList(nil).allow("evil.example") {
		t.Error("a unix socket cares for the Host")
	}
}

func TestAForeignHostIsRefusedBeforeAnythingIsDone(t *testing.T) {
	s, a := newTestServer(t)
	s.hosts = newHostList(nil)
	r := httptest.NewRequest("PUT", "/v1/agent/service/register", strings.NewReader(itemService))
	r.Host = "evil.example:8500"
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 403 || !strings.Contains(w.Body.String(), "evil.example") || len(a.services) != 0 || s.Stats().HostsRefused != 1 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestCrossSiteWritesAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		header, value string
		code          int
	}{
		"another site by fetch metadata": {"Sec-Fetch-Site", "cross-site", 403},
		"another port of this host":      {"Sec-Fetch-Site", "same-site", 403},
		"another origin":                 {"Origin", "http://evil.example", 403},
		"the same origin":                {"Sec-Fetch-Site", "same-origin", 200},
		"its own origin":                 {"Origin", "http://127.0.0.1:8500", 200},
		"no browser":                     {"User-Agent", "curl", 200},
	} {
		t.Run(name, func(t *testing.T) {
			s, a := newTestServer(t)
			r := httptest.NewRequest("PUT", "/v1/agent/service/register", strings.NewReader(itemService))
			r.Host = "127.0.0.1:8500"
			r.Header.Set(test.header, test.value)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != test.code || len(a.services) != 0 != (test.code == 200) {
				t.Errorf("%d %s, %d services", w.Code, w.Body, len(a.services))
			}
		})
	}
}

// faulty is an agent with a fault in it.
type faulty struct{ *twin }

func (faulty) RegisterService(context.Context, definition.Service, bool) error { panic("index 7 of 3") }

func TestAPanicIsA500AndLogged(t *testing.T) {
	var log bytes.Buffer
	c := newTwin().config()
	c.Agent, c.Logger = faulty{newTwin()}, slog.New(slog.NewTextHandler(&log, nil))
	s, err := newServer(c)
	if err != nil {
		t.Fatal(err)
	}
	w := call(s, "PUT", "/v1/agent/service/register", itemService)
	if w.Code != 500 || strings.Contains(w.Body.String(), "index 7") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if s.Stats().Panics != 1 || !strings.Contains(log.String(), "index 7 of 3") || !strings.Contains(log.String(), "guard_test.go") {
		t.Errorf("%d panics, log: %s", s.Stats().Panics, &log)
	}
	if w := call(s, "GET", "/v1/agent/services", ""); w.Code != 200 {
		t.Errorf("the next request: %d", w.Code)
	}
}

func TestInternalErrorsAreLoggedAndUsersErrorsAreNot(t *testing.T) {
	var log bytes.Buffer
	a := newTwin()
	c := a.config()
	c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s, err := newServer(c)
	if err != nil {
		t.Fatal(err)
	}
	call(s, "PUT", "/v1/agent/service/register", `{"Name":"bad_name"}`)
	call(s, "GET", "/v1/health/service/x?dc=dc9", "")
	if log.Len() != 0 {
		t.Errorf("logged: %s", &log)
	}
	a.fail = errDisk
	if w := call(s, "PUT", "/v1/agent/service/register", itemService); w.Code != 500 || !strings.Contains(log.String(), errDisk.Error()) {
		t.Errorf("%d, log: %s", w.Code, &log)
	}
}

func TestAPoisonedRecordDoesNotSpoilTheAnswer(t *testing.T) {
	for _, extra := range []string{`{"Proxy":5}`, `{"Proxy":[1],"Connect":{"Native":true}}`, `{"Proxy":`, `[]`, `null`, `{"ID":"x","Proxy":null}`} {
		s, a := newTestServer(t)
		mustRegister(t, s)
		bad := instance("item-service", "bad")
		bad.Extra = []byte(extra)
		a.addHost("n2", "10.0.0.2", 1, bad)
		for _, target := range []string{"/v1/health/service/item-service", "/v1/catalog/service/item-service"} {
			w := call(s, "GET", target, "")
			if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, "item-1") || !strings.Contains(body, `"bad"`) ||
				strings.Contains(body, `Proxy":`) {
				t.Errorf("extra %s: %d %s", extra, w.Code, body)
			}
		}
	}
}

func TestNewRefusesAnIncompleteConfig(t *testing.T) {
	if _, err := New(Config{Addr: "127.0.0.1:0"}); err == nil {
		t.Error("a server without an agent was made")
	}
}

var _ http.Handler = (*Server)(nil)
