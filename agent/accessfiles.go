package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"covey/agent/config"
	"covey/httpapi"
	"covey/internal/fault"
)

// accessFiles are what the HTTP API keeps in files of its own: tokens and certificates.
// They are read at the start, on Reload, and when they change, so that a certificate that
// is renewed comes into use by itself. If what was read cannot be used, what was read
// before stays in use.
type accessFiles struct {
	cfg *config.Config

	mu   sync.Mutex // guards reading, and what follows
	seen string     // of the files as they were last looked at

	tls    atomic.Pointer[tls.Config] // nil for none
	tokens atomic.Pointer[httpapi.Tokens]
	ends   atomic.Int64 // when the certificate does, in Unix seconds
}

// accessEvery is how often the files are looked at.
const accessEvery = 10 * time.Second

func newAccessFiles(cfg *config.Config) (*accessFiles, error) {
	f := &accessFiles{cfg: cfg}
	f.seen = f.look()
	if err := f.read(); err != nil {
		return nil, err
	}
	return f, nil
}

// closed reports whether other hosts need more than a way to the API.
func (f *accessFiles) closed() bool {
	return f.cfg.HTTPIsLocal() && (f.cfg.HTTPSAddr() == "" || f.cfg.TLS.VerifyIncoming) || f.cfg.HTTP.TokenFile != ""
}

// any reports whether there are any.
func (f *accessFiles) any() bool { return f.cfg.HTTP.TokenFile != "" || f.cfg.HTTPSAddr() != "" }

// read takes the files into use, all or none.
func (f *accessFiles) read() error {
	var tokens *httpapi.Tokens
	if path := f.cfg.HTTP.TokenFile; path != "" {
		var err error
		if tokens, err = readTokens(path); err != nil {
			return fault.New(fault.Invalid, "the tokens in %s (http_config.token_file) cannot be used: %w", path, err)
		}
	}
	if f.cfg.HTTPSAddr() != "" {
		c, ends, err := readTLS(&f.cfg.TLS)
		if err != nil {
			return err
		}
		f.tls.Store(c)
		f.ends.Store(ends.Unix())
	}
	f.tokens.Store(tokens)
	return nil
}

func readTokens(path string) (*httpapi.Tokens, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if others := info.Mode().Perm() & 0o007; others != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("everyone on this host may use the file (its mode is %#o): chmod o= it", info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return httpapi.ParseTokens(text)
}

// readTLS reads a certificate and whose clients' are taken. It returns when the first
// certificate of the chain ends.
func readTLS(t *config.TLS) (*tls.Config, time.Time, error) {
	pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
	if err != nil {
		return nil, time.Time{}, fault.New(fault.Invalid, "the certificate of the HTTP API (cert_file %s, key_file %s) cannot be used: %w", t.CertFile, t.KeyFile, err)
	}
	c := &tls.Config{
		Certificates: []tls.Certificate{pair},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
	}
	if t.MinVersion == "TLSv1_3" {
		c.MinVersion = tls.VersionTLS13
	}
	if t.CAFile != "" || t.CAPath != "" {
		if c.ClientCAs, err = readCAs(t.CAFile, t.CAPath); err != nil {
			return nil, time.Time{}, err
		}
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	if t.VerifyIncoming {
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, pair.Leaf.NotAfter, nil
}

func readCAs(file, dir string) (*x509.CertPool, error) {
	files := []string{file}
	if file == "" {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fault.New(fault.Invalid, "the certificates in ca_path %s cannot be read: %w", dir, err)
		}
		files = nil
		for _, e := range entries {
			if !e.IsDir() {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
	}
	pool, found := x509.NewCertPool(), false
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fault.New(fault.Invalid, "the certificates in %s cannot be read: %w", name, err)
		}
		found = pool.AppendCertsFromPEM(text) || found
	}
	if !found {
		return nil, fault.New(fault.Invalid, "no certificate in PEM is in %s (ca_file, ca_path)", strings.Join(append(files, dir), " "))
	}
	return pool, nil
}

// serverTLS asks for the certificates that are in use at each connection; nil if there is
// no TLS.
func (f *accessFiles) serverTLS() *tls.Config {
	if f.tls.Load() == nil {
		return nil
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return f.tls.Load(), nil },
	}
}

// look returns what changes when a file does.
func (f *accessFiles) look() string {
	var b strings.Builder
	for _, path := range []string{f.cfg.HTTP.TokenFile, f.cfg.TLS.CertFile, f.cfg.TLS.KeyFile, f.cfg.TLS.CAFile, f.cfg.TLS.CAPath} {
		if path == "" {
			continue
		}
		info, err := os.Stat(path)
		var gone *fs.PathError
		switch {
		case errors.As(err, &gone):
			fmt.Fprintf(&b, "%s %v\n", path, gone.Err)
		case err == nil:
			fmt.Fprintf(&b, "%s %d %v %v\n", path, info.Size(), info.ModTime(), info.Mode())
		}
	}
	return b.String()
}

// refresh reads the files again if they changed, or if it must, and reports whether it did.
// A file that cannot be used is an error once, until it changes again.
func (f *accessFiles) refresh(must bool) (read bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.look()
	if now == f.seen && !must {
		return false, nil
	}
	f.seen = now
	return true, f.read()
}

// rereadAccess has what changed in these files take effect.
func (a *Agent) rereadAccess(must bool) error {
	read, err := a.access.refresh(must)
	if err != nil {
		return fmt.Errorf("the tokens and certificates of before stay in use: %w", err)
	}
	if read {
		a.http.SetTokens(a.access.tokens.Load())
		a.log.Info("tokens and certificates of the HTTP API were read again")
	}
	return nil
}

// keepAccess does that when they change, until ctx ends.
func (a *Agent) keepAccess(ctx context.Context) error {
	tick := time.NewTicker(accessEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := a.rereadAccess(false); err != nil {
				a.log.Error("a file of the HTTP API changed and cannot be used", "error", err)
			}
		}
	}
}
