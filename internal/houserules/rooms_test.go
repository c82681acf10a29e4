package houserules

import (
	"go/ast"
	"strings"
	"testing"
)

// rooms are the parts of the module from the top floor down. A package imports rooms on
// lower floors only, and packages within its own room; so those that share a floor
// know nothing of one another, and whoever stands above introduces them.
var rooms = []struct {
	name  string
	floor int
	is    string
}{
	{"cmd", 6, "the command: flags in, text or JSON out"},
	{"agent", 5, "one running agent: it starts the rooms below and introduces them"},
	{"httpapi", 4, "the HTTP API"},
	{"dnsserver", 4, "names to answers"},
	{"agentcheck", 4, "HAProxy's agent-check protocol"},
	{"gossip", 4, "membership and replication"},
	{"health", 4, "checks of what runs on this host"},
	{"lb", 3, "which instances, in which order"},
	{"catalog/definition", 2, "what a user writes to register services"},
	{"catalog", 1, "what the cluster knows"},
	{"internal", 0, "what is nobody's interface"},
}

// drivers use the built command as its users do, or simulate the replication core or
// balancing, which are functions of what they are given.
// They may import what is listed and nothing else of the module, or they would test
// something nobody runs.
var drivers = map[string][]string{
	"e2e":     {"e2e", "internal"},
	"scripts": {"scripts", "e2e/rig", "internal", "gossip/replica", "gossip/replicasim", "lb", "catalog"},
}

// roomOf returns the innermost room that holds pkg.
func roomOf(pkg string) (name string, floor int, ok bool) {
	for _, r := range rooms {
		if within(pkg, r.name) && len(r.name) > len(name) {
			name, floor, ok = r.name, r.floor, true
		}
	}
	return name, floor, ok
}

// offence says why from must not import to, or "" if it may.
func offence(from, to string) string {
	for driver, allowed := range drivers {
		if within(to, driver) && !within(from, "e2e") && !within(from, "scripts") {
			return "nothing of the product may lean on its tests and scripts"
		}
		if within(from, driver) {
			for _, room := range allowed {
				if within(to, room) {
					return ""
				}
			}
			return driver + " drives the built command from outside and may import only " + strings.Join(allowed, ", ")
		}
	}
	fromRoom, fromFloor, ok := roomOf(from)
	if !ok {
		return from + " is in no room: give it a floor in rooms (internal/houserules) and a line in docs/ARCHITECTURE.md"
	}
	toRoom, toFloor, ok := roomOf(to)
	switch {
	case !ok:
		return to + " is in no room: give it a floor in rooms (internal/houserules) and a line in docs/ARCHITECTURE.md"
	case fromRoom == toRoom && from != to && to == toRoom:
		return "an inner package must not import the room it is in: " + toRoom + " imports it"
	case fromRoom == toRoom, toFloor < fromFloor:
		return ""
	case toFloor == fromFloor:
		return fromRoom + " and " + toRoom + " stand on one floor and must not know each other: let agent introduce them by an interface or a function"
	default:
		return "imports run downwards only, cmd -> agent -> httpapi, dnsserver, gossip, health -> lb -> catalog; " + toRoom + " is above " + fromRoom
	}
}

func TestImportsRunDownwardsOnly(t *testing.T) {
	for _, s := range sources(t) {
		s.imports(func(path string, spec *ast.ImportSpec) {
			to, ours := strings.CutPrefix(path, module+"/")
			if !ours || to == s.pkg { // an external test imports its own package
				return
			}
			if why := offence(s.pkg, to); why != "" {
				t.Errorf("%s: %s imports %s: %s", s.at(spec), s.pkg, to, why)
			}
		})
	}
}

func TestEveryPackageIsInARoom(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		_, _, ok := roomOf(s.pkg)
		if ok || seen[s.pkg] || within(s.pkg, "e2e") || within(s.pkg, "scripts") {
			continue
		}
		seen[s.pkg] = true
		t.Errorf("%s is in no room: give it a floor in rooms and a line in docs/ARCHITECTURE.md", s.pkg)
	}
}

func TestTheImportRuleSaysWhatTheDesignSays(t *testing.T) {
	for _, c := range []struct {
		from, to string
		allowed  bool
	}{
		{"cmd/covey", "agent", true},
		{"cmd/covey", "agent/config", true},
		{"agent", "httpapi", true},
		{"agent", "agent/config", true},
		{"agent/config", "agent", false},
		{"agent", "cmd/covey", false},
		{"httpapi", "agent", false},
		{"httpapi", "dnsserver", false},
		{"dnsserver", "gossip", false},
		{"gossip", "health", false},
		{"gossip", "gossip/replica", true},
		{"gossip/replica", "gossip", false},
		{"gossip/replica", "catalog", true},
		{"health", "catalog/definition", true},
		{"dnsserver", "lb", true},
		{"lb", "catalog", true},
		{"lb", "dnsserver", false},
		{"catalog/definition", "catalog", true},
		{"catalog", "catalog/definition", false},
		{"catalog", "lb", false},
		{"catalog", "internal/fault", true},
		{"internal/journal", "catalog", false},
		{"internal/journal", "internal/fault", true},
		{"e2e", "agent", false},
		{"e2e", "e2e/rig", true},
		{"scripts/bench-agent", "e2e/rig", true},
		{"scripts/bench-agent", "httpapi", false},
		{"agent", "e2e/rig", false},
		{"attic", "catalog", false},
		{"agent", "attic", false},
	} {
		if why := offence(c.from, c.to); (why == "") != c.allowed {
			t.Errorf("%s imports %s: allowed is %v, want %v (%s)", c.from, c.to, why == "", c.allowed, why)
		}
	}
}
