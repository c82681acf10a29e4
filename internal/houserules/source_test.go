package houserules

import (
	"bytes"
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

const (
	maxFileLines = 600 // one concept a file; most stay below half of this
	maxFuncLines = 90  // about a screen and a half
)

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	said := map[string]bool{}
	for _, s := range sources(t) {
		if s.syntax.Doc == nil {
			said[s.pkg] = said[s.pkg] || false
			continue
		}
		text := s.syntax.Doc.Text()
		if s.test && strings.HasSuffix(s.syntax.Name.Name, "_test") {
			continue
		}
		if !strings.HasPrefix(text, "Package "+s.syntax.Name.Name+" ") && !strings.HasPrefix(text, "Command ") {
			t.Errorf("%s: a package comment begins with \"Package %s\" or \"Command\"", s.path, s.syntax.Name.Name)
		}
		said[s.pkg] = true
	}
	for pkg, ok := range said {
		if !ok {
			t.Errorf("%s has no package comment: say its purpose, what it guarantees, what it does not do", pkg)
		}
	}
}

func TestFilesAndFunctionsCanBeReadWhole(t *testing.T) {
	for _, s := range sources(t) {
		if s.generated {
			continue
		}
		if s.lines > maxFileLines {
			t.Errorf("%s has %d lines, over %d: part it by concept", s.path, s.lines, maxFileLines)
		}
		for _, d := range s.syntax.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || s.test { // a table of cases may be as long as it must
				continue
			}
			if n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1; n > maxFuncLines {
				t.Errorf("%s: %s has %d lines, over %d: name its steps", s.at(f), f.Name.Name, n, maxFuncLines)
			}
		}
	}
}

func TestNamesSayWhatThingsAre(t *testing.T) {
	vague := []string{"util", "utils", "common", "helper", "helpers", "manager", "base", "misc", "shared"}
	for _, s := range sources(t) {
		stem := strings.TrimSuffix(strings.TrimSuffix(path.Base(s.path), ".go"), "_test")
		for _, word := range []string{s.syntax.Name.Name, path.Base(s.pkg), stem} {
			if slices.Contains(vague, word) {
				t.Errorf("%s: %q says nothing: name what is in it", s.path, word)
			}
		}
	}
}

func TestNothingRunsBeforeMain(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.syntax.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" && !s.generated {
				t.Errorf("%s: an init function: do the work where its result is needed", s.at(f))
			}
		}
	}
}

// Only the command and scripts own the standard output and the process: a package
// returns its errors, and logs through the logger it was given.
func TestOnlyCommandsPrintAndExit(t *testing.T) {
	forbidden := map[string][]string{
		"fmt": {"Print", "Printf", "Println"},
		"log": {"Print", "Printf", "Println", "Fatal", "Fatalf", "Fatalln", "Panic", "Panicf", "Panicln"},
		"os":  {"Exit"},
	}
	for _, s := range sources(t) {
		if s.test || within(s.pkg, "cmd") || within(s.pkg, "scripts") {
			continue
		}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			for pkg, names := range forbidden {
				if name, ok := called(sel, pkg); ok && slices.Contains(names, name) {
					t.Errorf("%s: %s calls %s.%s: return an error, or log it through the given slog.Logger", s.at(n), s.pkg, pkg, name)
				}
			}
			return true
		})
	}
}

func TestNothingIsLeftForLater(t *testing.T) {
	marks := []string{"TO" + "DO", "FIX" + "ME", "XX" + "X", "not imple" + "mented", "unimple" + "mented"}
	for _, s := range sources(t) {
		for i, line := range bytes.Split(s.text, []byte("\n")) {
			for _, mark := range marks {
				if bytes.Contains(line, []byte(mark)) && !s.generated {
					t.Errorf("%s:%d: %q: build it now, or open an issue", s.path, i+1, mark)
				}
			}
		}
	}
}
