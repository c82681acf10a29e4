package agent

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"covey/agent/config"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "ca"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, "ca")
	return a
}

// file is where a certificate or key is.
func (a *authority) file(name string) string { return filepath.Join(a.dir, name+".pem") }

// sign writes NAME.pem and NAME-key.pem.
func (a *authority) sign(c *x509.Certificate, name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	a.n++
	c.SerialNumber, c.NotBefore, c.NotAfter = big.NewInt(a.n), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name: {Type: "CERTIFICATE", Bytes: der}, name + "-key": {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(a.file(file), pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return out, key
}

func (a *authority) leaf(name string) {
	a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, name)
}

// client trusts the authority and shows the certificate of that name, "" for none.
func (a *authority) client(name string) *http.Client {
	a.t.Helper()
	c := &tls.Config{RootCAs: x509.NewCertPool()}
	c.RootCAs.AddCert(a.cert)
	if name != "" {
		pair, err := tls.LoadX509KeyPair(a.file(name), a.file(name+"-key"))
		if err != nil {
			a.t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true, ForceAttemptHTTP2: true}}
}

// secured is an agent whose API wants TLS and a client's certificate, and nothing else.
func secured(t *testing.T, a *authority) *testAgent {
	a.leaf("server")
	cfg := testConfig(t.TempDir())
	cfg.Ports.HTTP = -1
	cfg.TLS = config.TLS{CertFile: a.file("server"), KeyFile: a.file("server-key"), CAFile: a.file("ca"), VerifyIncoming: true}
	return startAgent(t, cfg, Options{})
}

func TestTLSWantsCertificatesOfTheAuthority(t *testing.T) {
	a, stranger := newAuthority(t), newAuthority(t)
	a.leaf("client")
	stranger.leaf("client")
	x := secured(t, a)
	url := "https://" + x.http.Addr().String() + "/v1/agent/self"

	r, err := a.client("client").Get(url)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != 200 || r.ProtoMajor != 1 || r.TLS.Version < tls.VersionTLS12 {
		t.Errorf("%d over %s, TLS %x", r.StatusCode, r.Proto, r.TLS.Version)
	}
	if r, err := a.client("").Get(url); err == nil {
		t.Errorf("without a certificate: %d", r.StatusCode)
	}
	mixed := stranger.client("client")
	mixed.Transport.(*http.Transport).TLSClientConfig.RootCAs = a.client("").Transport.(*http.Transport).TLSClientConfig.RootCAs
	if r, err := mixed.Get(url); err == nil {
		t.Errorf("with a stranger's certificate: %d", r.StatusCode)
	}
	if r, err := stranger.client("client").Get(url); err == nil {
		t.Errorf("who does not know the authority was answered %d", r.StatusCode)
	}
	old := a.client("client")
	old.Transport.(*http.Transport).TLSClientConfig.MaxVersion = tls.VersionTLS11
	if r, err := old.Get(url); err == nil {
		t.Errorf("TLS 1.1 was answered %d", r.StatusCode)
	}
	if r, err := http.Get("http://" + x.http.Addr().String() + "/v1/agent/self"); err == nil {
		if r.Body.Close(); r.StatusCode == 200 {
			t.Error("TLS was silently off")
		}
	}
}

func TestARenewedCertificateComesIntoUse(t *testing.T) {
	a := newAuthority(t)
	a.leaf("client")
	x := secured(t, a)
	serial := func() int64 {
		t.Helper()
		c := a.client("client")
		c.Transport.(*http.Transport).TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(4)
		r, err := c.Get("https://" + x.http.Addr().String() + "/v1/agent/self")
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		return r.TLS.PeerCertificates[0].SerialNumber.Int64()
	}
	first := serial()
	if read, err := x.access.refresh(false); read || err != nil {
		t.Errorf("files that did not change: %v %v", read, err)
	}
	a.leaf("server") // as a tool that renews does, in two steps
	for name := range map[string]bool{"server": true, "server-key": true} {
		if err := os.Chtimes(a.file(name), time.Now(), time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.rereadAccess(false); err != nil {
		t.Fatal(err)
	}
	if second := serial(); second == first {
		t.Error("the old certificate is still shown")
	}

	second := serial()
	if err := os.WriteFile(a.file("server"), []byte("half a certif"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := x.rereadAccess(false); err == nil || !strings.Contains(err.Error(), a.file("server")) {
		t.Errorf("a broken file: %v", err)
	}
	if now := serial(); now != second {
		t.Error("what could not be read is in use")
	}
	if err := x.rereadAccess(false); err != nil {
		t.Errorf("it is told of twice: %v", err)
	}
	a.leaf("server")
	if err := x.Reload(t.Context()); err != nil {
		t.Errorf("Reload: %v", err)
	}
	if now := serial(); now == second {
		t.Error("Reload did not read the files again")
	}
}

func TestClientsOfAnAuthorityThatWasReplacedAreOut(t *testing.T) {
	a, next := newAuthority(t), newAuthority(t)
	a.leaf("client")
	next.leaf("client")
	x := secured(t, a)
	url := "https://" + x.http.Addr().String() + "/v1/agent/self"
	text, err := os.ReadFile(next.file("ca"))
	if err != nil {
		t.Fatal(err)
	}
	old := a.client("client")
	old.Transport.(*http.Transport).TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(4)
	if r, err := old.Get(url); err != nil {
		t.Fatal(err)
	} else {
		r.Body.Close()
	}
	if err := os.WriteFile(a.file("ca"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := x.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := old.Get(url); err == nil {
		t.Errorf("a resumed session was answered %d", r.StatusCode)
	}
}

func TestTokensAreReadAtTheStartAndAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
	}
	cfg := testConfig(t.TempDir())
	cfg.HTTP.TokenFile = file
	if _, err := New(cfg, Options{}); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("without the file: %v", err)
	}
	if runtime.GOOS != "windows" {
		write("read 0123456789abcdef\n", 0o644)
		if _, err := New(cfg, Options{}); err == nil || !strings.Contains(err.Error(), "chmod") {
			t.Errorf("a file that everyone may read: %v", err)
		}
	}
	write("read 0123456789abcdef\n", 0o640)
	x := startAgent(t, cfg, Options{})
	code := func(token string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+x.http.Addr().String()+"/v1/agent/self", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Consul-Token", token)
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		w.Body.Close()
		return w.StatusCode
	}
	if none, one := code(""), code("0123456789abcdef"); none != 403 || one != 200 {
		t.Errorf("without: %d, with: %d", none, one)
	}
	write("read 0123456789abcdef-2\n", 0o600)
	if err := x.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if old, now := code("0123456789abcdef"), code("0123456789abcdef-2"); old != 403 || now != 200 {
		t.Errorf("the old one: %d, the new one: %d", old, now)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := x.Reload(t.Context()); err == nil {
		t.Error("that the file is gone is no error")
	}
	if code := code(""); code != 403 {
		t.Errorf("without a file everyone may do everything: %d", code)
	}
}
