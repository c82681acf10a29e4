// Who may use the HTTP API, and how they come to it.

package config

import (
	"io/fs"
	"strconv"

	"covey/catalog"
	"covey/catalog/definition/strict"
)

// TLS is how the HTTP API is served over TLS, on Ports.HTTPS. Files are read again when
// they change.
type TLS struct {
	// CertFile and KeyFile are the certificate, with those between it and its root, and its
	// key, in PEM. Default: none, and there is no TLS.
	CertFile, KeyFile string

	// CAFile and CAPath, a directory, are whose certificates clients may show. Default: none.
	CAFile, CAPath string

	// VerifyIncoming refuses clients that show no certificate of these. Default: false.
	VerifyIncoming bool

	// MinVersion is "TLSv1_2", the default, or "TLSv1_3".
	MinVersion string
}

// tlsTable reads the members of tls.defaults and tls.https.
var tlsTable = strict.NewTable(
	strict.Key[TLS]{Name: "cert_file", Read: func(t *TLS, v strict.Value) { file(&t.CertFile, v) }},
	strict.Key[TLS]{Name: "key_file", Read: func(t *TLS, v strict.Value) { file(&t.KeyFile, v) }},
	strict.Key[TLS]{Name: "ca_file", Read: func(t *TLS, v strict.Value) { file(&t.CAFile, v) }},
	strict.Key[TLS]{Name: "ca_path", Read: func(t *TLS, v strict.Value) { file(&t.CAPath, v) }},
	strict.Key[TLS]{Name: "verify_incoming", Read: func(t *TLS, v strict.Value) { v.Bool(&t.VerifyIncoming) }},
	strict.Key[TLS]{Name: "tls_min_version", Read: func(t *TLS, v strict.Value) {
		var text string
		if v.Text(&text) && text != "TLSv1_2" && text != "TLSv1_3" {
			v.Fault("%q is neither TLSv1_2 nor TLSv1_3", text)
			return
		}
		t.MinVersion = text
	}},
	refusedTLS("verify_outgoing", "agents speak to each other by gossip, which has a key (encrypt) and no certificates: remove this key"),
	refusedTLS("verify_server_hostname", "agents speak to each other by gossip, which has a key (encrypt) and no certificates: remove this key"),
	refusedTLS("tls_cipher_suites", "the suites are those that Go's TLS holds to be safe: remove this key"),
	refusedTLS("use_auto_cert", noMesh),
)

func refusedTLS(name, why string) strict.Key[TLS] {
	return strict.Key[TLS]{Name: name, Hidden: true, Read: func(_ *TLS, v strict.Value) {
		if !v.Off() {
			v.Fault("%s", why)
		}
	}}
}

// tlsBlock reads tls.defaults or tls.https.
func tlsBlock(into *TLS, v strict.Value) {
	if o, ok := v.Object(); ok {
		tlsTable.Read(o, into)
	}
}

func file(into *string, v strict.Value) {
	v.Text(into)
	v.Check(catalog.CheckText(*into, maxPath))
}

// Sockets is whose a unix socket is and who may use it.
type Sockets struct {
	// User and Group are names or numbers. Default: the agent's own.
	User, Group string
	// Mode are its permissions. Who may write to it may do all that the API does. Default:
	// 0600.
	Mode fs.FileMode
}

// mode reads permissions as Consul has them: a string in octal.
func mode(into *fs.FileMode, v strict.Value) {
	var text string
	if !v.Text(&text) {
		return
	}
	n, err := strconv.ParseUint(text, 8, 32)
	if err != nil || n == 0 || n > 0o777 {
		v.Fault("%q are no permissions of a file: write them in octal, such as \"0660\"", text)
		return
	}
	*into = fs.FileMode(n)
}

// withDefaults fills in from tls.defaults what tls.https does not say.
func (t TLS) withDefaults(d TLS) TLS {
	for _, f := range []struct{ own, other *string }{
		{&t.CertFile, &d.CertFile}, {&t.KeyFile, &d.KeyFile}, {&t.CAFile, &d.CAFile}, {&t.CAPath, &d.CAPath}, {&t.MinVersion, &d.MinVersion},
	} {
		if *f.own == "" {
			*f.own = *f.other
		}
	}
	t.VerifyIncoming = t.VerifyIncoming || d.VerifyIncoming
	return t
}

// settleTLS finds what is missing, and what contradicts what: TLS must never be off by
// mistake.
func (d *draft) settleTLS() {
	d.TLS = d.TLS.withDefaults(d.tlsDefaults)
	t, on := &d.TLS, d.Ports.HTTPS >= 0
	key := "tls.https"
	if !d.isGiven(key) {
		key = "tls.defaults"
	}
	switch given := d.isGiven("tls.https") || d.isGiven("tls.defaults"); {
	case on && (t.CertFile == "" || t.KeyFile == ""):
		d.fault("ports.https", "wants a certificate: give cert_file and key_file in tls { https { } }")
	case given && !on:
		d.fault(key, "is for the HTTP API over TLS, which is off: give it a port with ports.https (8501 is Consul's)")
	}
	if t.VerifyIncoming && t.CAFile == "" && t.CAPath == "" {
		d.fault(key, "verify_incoming wants to know whose certificates clients may show: give ca_file or ca_path")
	}
	if d.Ports.HTTP < 0 && !on {
		d.fault("ports.http", "is -1 and so is ports.https: no client could reach the agent")
	}
	if t.VerifyIncoming && on && d.Ports.HTTP >= 0 && !d.HTTPIsLocal() {
		d.fault(key, "verify_incoming contradicts %s: there everyone may come without TLS; put it on loopback or a unix socket, or switch it off with ports.http = -1", d.HTTPAddr())
	}
}
