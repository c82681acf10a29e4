package main

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheTokenIsShown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("from-file-0123456\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	shown := make(chan string, 1)
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown <- r.Header.Get("X-Consul-Token")
		io.WriteString(w, "[]")
	}))
	defer agent.Close()
	t.Setenv("COVEY_HTTP_ADDR", agent.Listener.Addr().String())
	for _, c := range []struct {
		env  map[string]string
		args []string
		want string
	}{
		{nil, nil, ""},
		{map[string]string{"COVEY_HTTP_TOKEN": "a"}, nil, "a"},
		{map[string]string{"CONSUL_HTTP_TOKEN": "b"}, nil, "b"},
		{map[string]string{"COVEY_HTTP_TOKEN": "a", "CONSUL_HTTP_TOKEN": "b"}, nil, "a"},
		{map[string]string{"COVEY_HTTP_TOKEN": "a"}, []string{"--token-file", file}, "from-file-0123456"},
		{map[string]string{"COVEY_HTTP_TOKEN_FILE": file}, nil, "from-file-0123456"},
		{map[string]string{"CONSUL_HTTP_TOKEN_FILE": file}, nil, "from-file-0123456"},
	} {
		for _, name := range []string{"COVEY_HTTP_TOKEN", "CONSUL_HTTP_TOKEN", "COVEY_HTTP_TOKEN_FILE", "CONSUL_HTTP_TOKEN_FILE"} {
			t.Setenv(name, c.env[name])
		}
		newSession().run(append([]string{"nodes"}, c.args...)...)
		if got := <-shown; got != c.want {
			t.Errorf("%v %q shows %q, want %q", c.env, c.args, got, c.want)
		}
	}
	s := newSession()
	if code := s.run("nodes", "--token-file", filepath.Join(t.TempDir(), "absent")); code != exitUsage || !strings.Contains(s.err.String(), "--token-file") {
		t.Errorf("a file that is not there: %d %s", code, &s.err)
	}
}

func TestAnAgentOverTLSIsTrustedByItsAuthority(t *testing.T) {
	agent := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `[{"Name":"n1","Status":1}]`)
	}))
	agent.Config.ErrorLog = log.New(io.Discard, "", 0)
	agent.StartTLS()
	defer agent.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: agent.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := agent.Listener.Addr().String()
	for _, c := range []struct {
		claim string
		env   map[string]string
		args  []string
		code  int
		says  string
	}{
		{"https and its authority", nil, []string{"--http-addr", "https://" + addr, "--ca-file", ca}, exitOK, ""},
		{"the authority by a variable", map[string]string{"COVEY_CACERT": ca, "COVEY_HTTP_SSL": "true"}, []string{"--http-addr", addr}, exitOK, ""},
		{"by Consul's", map[string]string{"CONSUL_CACERT": ca, "CONSUL_HTTP_SSL": "1"}, []string{"--http-addr", addr}, exitOK, ""},
		{"by a directory", map[string]string{"CONSUL_CAPATH": filepath.Dir(ca)}, []string{"--http-addr", "https://" + addr}, exitOK, ""},
		{"anyone", map[string]string{"CONSUL_HTTP_SSL_VERIFY": "false"}, []string{"--http-addr", "https://" + addr}, exitOK, ""},
		{"nobody", nil, []string{"--http-addr", "https://" + addr}, exitUnreachable, "--ca-file"},
		{"another name", nil, []string{"--http-addr", "https://" + addr, "--ca-file", ca, "--tls-server-name", "db.internal"}, exitUnreachable, "db.internal"},
		{"an authority without certificates", nil, []string{"--http-addr", "https://" + addr, "--ca-file", "access_test.go"}, exitUsage, "no certificate in PEM"},
		{"a certificate without its key", nil, []string{"--http-addr", "https://" + addr, "--client-cert", ca}, exitUsage, "both"},
		{"a switch that is none", map[string]string{"CONSUL_HTTP_SSL": "maybe"}, []string{"--http-addr", addr}, exitUsage, "CONSUL_HTTP_SSL"},
	} {
		t.Run(c.claim, func(t *testing.T) {
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			s := newSession()
			if code := s.run(append([]string{"members", "--json"}, c.args...)...); code != c.code || !strings.Contains(s.err.String(), c.says) {
				t.Errorf("%d %s", code, &s.err)
			}
		})
	}
}
