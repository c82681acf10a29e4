package apiclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Access is what an agent may want before it answers. The zero value is nothing.
type Access struct {
	Token string

	// SSL asks for https where the address does not say http or https.
	SSL bool
	// CAFile and CAPath, a directory, are whose certificates an agent may show, besides
	// nobody's: without either it is those that the system trusts.
	CAFile, CAPath string
	// ClientCert and ClientKey are the certificate to show, and its key, in PEM.
	ClientCert, ClientKey string
	// ServerName is what the agent's certificate is for; "" for the host that is dialled.
	ServerName string
	// SkipVerify takes any certificate.
	SkipVerify bool
}

// tlsConfig reads the files.
func (a *Access) tlsConfig() (*tls.Config, error) {
	c := &tls.Config{ServerName: a.ServerName, InsecureSkipVerify: a.SkipVerify, MinVersion: tls.VersionTLS12}
	if (a.ClientCert == "") != (a.ClientKey == "") {
		return nil, errors.New("a client's certificate and its key are needed both, and one is missing")
	}
	if a.ClientCert != "" {
		pair, err := tls.LoadX509KeyPair(a.ClientCert, a.ClientKey)
		if err != nil {
			return nil, fmt.Errorf("the client's certificate %s with the key %s: %w", a.ClientCert, a.ClientKey, err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	files, err := a.authorities()
	if err != nil || len(files) == 0 {
		return c, err
	}
	c.RootCAs = x509.NewCertPool()
	found := false
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("the certificates of authorities: %w", err)
		}
		found = c.RootCAs.AppendCertsFromPEM(text) || found
	}
	if !found {
		return nil, fmt.Errorf("no certificate in PEM is in %s", files[0])
	}
	return c, nil
}

func (a *Access) authorities() (files []string, err error) {
	if a.CAFile != "" {
		files = append(files, a.CAFile)
	}
	if a.CAPath == "" {
		return files, nil
	}
	entries, err := os.ReadDir(a.CAPath)
	if err != nil {
		return nil, fmt.Errorf("the certificates of authorities: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			files = append(files, filepath.Join(a.CAPath, e.Name()))
		}
	}
	return files, nil
}
