package houserules

import (
	"go/ast"
	"strings"
	"testing"
)

// sleepers are the test files that may call time.Sleep on real time, and why.
var sleepers = map[string]string{}

// Sleeping until something has probably happened makes a test slow where it is right
// and red where the machine is busy. In a bubble the time is virtual and a
// sleep is exact, so there it is welcome: directly in the bubble, or in a function of
// such a file that is no test itself and so is called from one.
func TestTestsDoNotSleep(t *testing.T) {
	used := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		bubbles := false
		s.imports(func(path string, n *ast.ImportSpec) {
			bubbles = bubbles || path == "covey/internal/bubble"
			if path == "testing/synctest" {
				t.Errorf("%s: a bubble is had from internal/bubble, which says why", s.at(n))
			}
		})
		for _, d := range s.syntax.Decls {
			f, isFunc := d.(*ast.FuncDecl)
			if isFunc && bubbles && !strings.HasPrefix(f.Name.Name, "Test") {
				continue
			}
			for _, n := range sleepsAwake(d) {
				if sleepers[s.path] != "" {
					used[s.path] = true
					continue
				}
				t.Errorf("%s: a test sleeps: wait for the event, poll with a deadline, or use internal/bubble", s.at(n))
			}
		}
	}
	for file := range sleepers {
		if !used[file] {
			t.Errorf("%s is allowed to sleep and does not: take it off the list", file)
		}
	}
}

// sleepsAwake returns the calls of time.Sleep in n that are outside any bubble.
func sleepsAwake(n ast.Node) (found []ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if _, ok := called(sel, "bubble"); ok {
			return false
		}
		if name, ok := called(sel, "time"); ok && name == "Sleep" {
			found = append(found, call)
		}
		return true
	})
	return found
}
