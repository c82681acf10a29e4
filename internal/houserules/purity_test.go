package houserules

import (
	"go/ast"
	"slices"
	"testing"
)

// pure are the packages that do no I/O, start no goroutine and read no clock: their
// callers hand them bytes, randomness and the time. That is what lets tests run them
// through years of virtual time, and readers trust that a call returns.
var pure = []string{"catalog", "catalog/definition", "lb", "gossip/replica"}

// doors lead out of a pure package.
var doors = []string{"net/http", "os", "os/exec", "os/signal", "syscall", "log", "log/slog"}

// texts is what package net does with text alone; all else of it opens a socket, or
// may.
var texts = []string{"SplitHostPort", "JoinHostPort", "ParseIP", "ParseCIDR", "ParseMAC", "IP", "IPNet", "IPMask", "AddrError"}

// clocks are the functions of package time that read the clock or wait for it.
var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

func TestPurePackagesHaveNoDoors(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !slices.Contains(pure, s.pkg) {
			continue
		}
		s.imports(func(path string, spec *ast.ImportSpec) {
			if slices.Contains(doors, path) {
				t.Errorf("%s: %s must do no I/O, yet imports %s: let the caller do it and hand over the result", s.at(spec), s.pkg, path)
			}
		})
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: %s must start no goroutine: its caller owns them", s.at(n), s.pkg)
			case *ast.SelectorExpr:
				if name, ok := called(n, "net"); ok && !slices.Contains(texts, name) {
					t.Errorf("%s: %s must do no I/O, yet uses net.%s: let the caller do it and hand over the result", s.at(n), s.pkg, name)
				}
				if name, ok := called(n, "time"); ok && slices.Contains(clocks, name) {
					t.Errorf("%s: %s must read no clock, yet uses time.%s: take the time as a parameter", s.at(n), s.pkg, name)
				}
			}
			return true
		})
	}
}

// called returns the name after the dot if n is pkg.Name.
func called(n *ast.SelectorExpr, pkg string) (string, bool) {
	id, ok := n.X.(*ast.Ident)
	return n.Sel.Name, ok && id.Name == pkg
}
