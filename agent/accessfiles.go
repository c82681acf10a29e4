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

// accessFiles are what the HTTP API keeps in files of its own: tokens, a certificate, and
// whose clients' are taken. They are read at the start, on Reload, and when they change, so
// that a certificate that is renewed comes into use by itself. Each of the three that cannot
// be used stays as it was before, whatever becomes of the others.
type accessFiles struct {
	cfg *config.Config

	mu          sync.Mutex // guards reading, and what follows
	seen        string     // of the files as they were last looked at
	certificate tls.Certificate
	authorities *x509.CertPool // of clients; nil for none

	tls    atomic.Pointer[tls.Config] // nil for none
	tokens atomic.Pointer[httpapi.Tokens]
}

// accessEvery is how often the files are looked at.
const accessEvery = 10 * time.Second

func newAccessFiles(cfg *config.Config) (*accessFiles, error) {
	f := &accessFiles{cfg: cfg}
	f.seen = f.look()
	if err := f.read().Err(); err != nil {
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

// read takes the files into use, each that can be, and tells of the others.
func (f *accessFiles) read() (faults fault.List) {
	if path := f.cfg.HTTP.TokenFile; path != "" {
		if tokens, err := readTokens(path); err == nil {
			f.tokens.Store(tokens)
		} else {
			faults.Add(fault.New(fault.Invalid, "the tokens in %s (http_config.token_file) cannot be used: %w", path, err))
		}
	}
	if f.cfg.HTTPSAddr() == "" {
		return faults
	}
	t := &f.cfg.TLS
	if pair, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile); err == nil {
		f.certificate = pair
	} else {
		faults.Add(fault.New(fault.Invalid, "the certificate of the HTTP API (cert_file %s, key_file %s) cannot be used: %w", t.CertFile, t.KeyFile, err))
	}
	if t.CAFile != "" || t.CAPath != "" {
		if pool, err := readCAs(t.CAFile, t.CAPath); err == nil {
			f.authorities = pool
		} else {
			faults.Add(err)
		}
	}
	f.tls.Store(f.newTLS())
	return faults
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

// newTLS is what new connections are served by.
func (f *accessFiles) newTLS() *tls.Config {
	c := &tls.Config{
		Certificates: []tls.Certificate{f.certificate},
		ClientCAs:    f.authorities,
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"http/1.1"},
	}
	if f.cfg.TLS.MinVersion == "TLSv1_3" {
		c.MinVersion = tls.VersionTLS13
	}
	switch {
	case f.cfg.TLS.VerifyIncoming:
		c.ClientAuth = tls.RequireAndVerifyClientCert
	case f.authorities != nil:
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return c
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
// A file that cannot be used is an error once, until one of them changes again.
func (f *accessFiles) refresh(must bool) (read bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.look()
	if now == f.seen && !must {
		return false, nil
	}
	f.seen = now
	if err := f.read().Err(); err != nil {
		return true, fault.New(fault.Invalid, "%w; there, what was read before stays in use", err)
	}
	return true, nil
}

// rereadAccess has what changed in these files take effect.
func (a *Agent) rereadAccess(must bool) error {
	read, err := a.access.refresh(must)
	if read {
		a.http.SetTokens(a.access.tokens.Load())
	}
	if read && err == nil {
		a.log.Info("tokens and certificates of the HTTP API were read again")
	}
	return err
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
