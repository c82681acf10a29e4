package agent

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"covey/agent/config"
	"covey/catalog/definition"
)

// guarded is an agent whose API wants a client's certificate and a token.
type guarded struct {
	*testAgent
	authority *authority
	files     map[string]string // by what they hold
}

const firstToken, secondToken = "read-0123456789abcdef", "read-fedcba9876543210"

func newGuarded(t *testing.T, o Options) *guarded {
	a := newAuthority(t)
	a.leaf("client")
	a.leaf("server")
	g := &guarded{authority: a, files: map[string]string{
		"tokens": filepath.Join(t.TempDir(), "tokens"), "certificate": a.file("server"), "authorities": a.file("ca"),
	}}
	g.write(t, "tokens", "read "+firstToken)
	cfg := testConfig(t.TempDir())
	cfg.Ports.HTTP = -1
	cfg.TLS = config.TLS{CertFile: a.file("server"), KeyFile: a.file("server-key"), CAFile: a.file("ca"), VerifyIncoming: true}
	cfg.HTTP.TokenFile = g.files["tokens"]
	g.testAgent = startAgent(t, cfg, o)
	return g
}

func (g *guarded) write(t *testing.T, what, text string) {
	t.Helper()
	if err := os.WriteFile(g.files[what], []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ask is answered with a status, by a certificate of that serial; 0 without an answer.
func (g *guarded) ask(t *testing.T, client *http.Client, token string) (code int, serial int64) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+g.http.Addr().String()+"/v1/agent/self", nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("X-Consul-Token", token)
	}
	w, err := client.Do(r)
	if err != nil {
		return 0, 0
	}
	w.Body.Close()
	return w.StatusCode, w.TLS.PeerCertificates[0].SerialNumber.Int64()
}

// Tokens, certificate and authorities come into use each by itself; what is broken is named
// and opens nothing.
func TestABrokenFileHoldsUpNoOther(t *testing.T) {
	for _, broken := range []string{"tokens", "certificate", "authorities"} {
		t.Run(broken, func(t *testing.T) {
			g := newGuarded(t, Options{})
			old, next := g.authority, newAuthority(t)
			next.leaf("client")
			_, before := g.ask(t, old.client("client"), firstToken)
			if before == 0 {
				t.Fatal("it does not answer")
			}
			// All three are to be others; one of them cannot be read.
			g.write(t, "tokens", "read "+secondToken)
			old.leaf("server")
			authorities, err := os.ReadFile(next.file("ca"))
			if err != nil {
				t.Fatal(err)
			}
			g.write(t, "authorities", string(authorities))
			g.write(t, broken, "half a li")
			if err := g.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), g.files[broken]) || strings.Count(err.Error(), "cannot be")+strings.Count(err.Error(), "no certificate") != 1 {
				t.Errorf("Reload: %v", err)
			}

			// Who may come: with which client's certificate, by which token, to which certificate.
			in, out := next.client("client"), old.client("client")
			in.Transport.(*http.Transport).TLSClientConfig.RootCAs = out.Transport.(*http.Transport).TLSClientConfig.RootCAs
			good, bad := secondToken, firstToken
			switch broken {
			case "authorities":
				in, out = out, in
			case "tokens":
				good, bad = bad, good
			}
			code, serial := g.ask(t, in, good)
			if code != 200 {
				t.Errorf("who may come in: %d", code)
			}
			if same := serial == before; same != (broken == "certificate") {
				t.Errorf("the certificate is the one before: %v", same)
			}
			for name, token := range map[string]string{"the other token": bad, "no token": ""} {
				if code, _ := g.ask(t, in, token); code != 403 {
					t.Errorf("%s: %d", name, code)
				}
			}
			if code, _ := g.ask(t, out, good); code != 0 {
				t.Errorf("a client of the other authority: %d", code)
			}
		})
	}
}

// Neither does a broken file of tokens hold up the configuration, nor the other way round.
func TestTokensAndConfigurationAreReloadedEachByItself(t *testing.T) {
	var reread *config.Config
	var refuse error
	g := newGuarded(t, Options{Reread: func() (*config.Config, error) { return reread, refuse }})
	next := *g.cfg
	next.Services = []definition.Service{web(80)}
	reread = &next
	g.write(t, "tokens", "")
	if err := g.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no token") {
		t.Errorf("Reload: %v", err)
	}
	if g.endpoint("web-80") == nil {
		t.Error("broken tokens hold up the configuration")
	}
	g.write(t, "tokens", "read "+secondToken)
	refuse = os.ErrNotExist
	if err := g.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "the configuration was not reloaded") {
		t.Errorf("Reload: %v", err)
	}
	if code, _ := g.ask(t, g.authority.client("client"), secondToken); code != 200 {
		t.Errorf("a broken configuration holds up tokens: %d", code)
	}
}
