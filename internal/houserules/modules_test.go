package houserules

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// modules are the dependencies, what each is for, and the packages that may import it.
// One that is missing here wants a reason in docs/decisions first; one that turns up
// in another room has become part of that room's design.
var modules = []struct {
	path string
	job  string
	in   []string // rooms; tests of any room if "tests"
}{
	{"github.com/hashicorp/serf", "membership", []string{"gossip", "scripts"}},
	{"github.com/hashicorp/memberlist", "transport and keyring under serf", []string{"gossip", "scripts"}},
	{"github.com/hashicorp/go-sockaddr", "which of the host's addresses others reach", []string{"gossip"}},
	{"github.com/hashicorp/go-multierror", "the errors of serf, one by one", []string{"gossip"}},
	{"github.com/hashicorp/go-immutable-radix/v2", "views that share what did not change", []string{"catalog"}},
	{"github.com/hashicorp/go-bexpr", "Consul's filter expressions", []string{"httpapi"}},
	{"github.com/hashicorp/consul/api", "a client that is nobody of ours", []string{"e2e"}},
	{"github.com/hashicorp/hcl", "Consul's definition files", []string{"agent"}},
	{"github.com/gofrs/flock", "one agent a data directory", []string{"agent"}},
	{"github.com/oklog/run", "the first part to stop stops the rest", []string{"agent", "cmd"}},
	{"github.com/urfave/cli/v2", "the command line", []string{"cmd"}},
	{"github.com/miekg/dns", "DNS messages", []string{"dnsserver", "e2e", "scripts", "tests"}},
	{"github.com/prometheus/client_golang", "metrics in Prometheus's formats", []string{"agent", "httpapi"}},
	{"google.golang.org/protobuf", "the wire, the journal and gRPC health checks", []string{"agent", "catalog", "gossip", "health", "internal"}},
	{"golang.org/x/net", "HTTP/2, for gRPC health checks and pings", []string{"health"}},
	{"golang.org/x/sys", "system calls", []string{"agent", "dnsserver", "gossip", "health", "internal"}},
	{"golang.org/x/term", "is this a terminal?", []string{"cmd"}},
	{"pgregory.net/rapid", "property tests", []string{"tests"}},
}

func TestDependenciesStayWhereTheyBelong(t *testing.T) {
	for _, s := range sources(t) {
		s.imports(func(path string, spec *ast.ImportSpec) {
			host, _, _ := strings.Cut(path, "/")
			if !strings.Contains(host, ".") {
				return // the standard library, or the module itself
			}
			for _, m := range modules {
				if !within(path, m.path) {
					continue
				}
				inRoom := slices.ContainsFunc(m.in, func(room string) bool { return within(s.pkg, room) })
				if !inRoom && !(s.test && slices.Contains(m.in, "tests")) {
					t.Errorf("%s: %s imports %s, which is for %s and belongs to %s only",
						s.at(spec), s.pkg, path, m.job, strings.Join(m.in, ", "))
				}
				return
			}
			t.Errorf("%s: %s imports %s, a dependency without a reason: write docs/decisions, then list it in internal/houserules",
				s.at(spec), s.pkg, path)
		})
	}
}
