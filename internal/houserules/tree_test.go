package houserules

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "covey"

// top is the module's root, seen from this package.
const top = "../.."

// source is one Go file of the module.
type source struct {
	path      string // from the module's root, with slashes
	pkg       string // import path without the module: "catalog/definition"
	test      bool
	generated bool
	lines     int
	text      []byte
	fset      *token.FileSet
	syntax    *ast.File
}

// at says where a node stands, as editors understand it.
func (s *source) at(n ast.Node) string {
	return s.path + ":" + strconv.Itoa(s.fset.Position(n.Pos()).Line)
}

// imports yields each import path with its node.
func (s *source) imports(each func(path string, spec *ast.ImportSpec)) {
	for _, spec := range s.syntax.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			each(p, spec)
		}
	}
}

// tree is every Go file of the module, parsed once.
var tree = sync.OnceValues(func() ([]*source, error) {
	var all []*source
	fset := token.NewFileSet()
	err := walk(func(file string) error {
		if path.Ext(file) != ".go" {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(top, file))
		if err != nil {
			return err
		}
		syntax, err := parser.ParseFile(fset, file, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, &source{
			path:      file,
			pkg:       path.Dir(file),
			test:      strings.HasSuffix(file, "_test.go"),
			generated: ast.IsGenerated(syntax),
			lines:     bytes.Count(text, []byte("\n")),
			text:      text,
			fset:      fset,
			syntax:    syntax,
		})
		return nil
	})
	return all, err
})

// walk calls each with every file of the module, from its root and with slashes, in
// order. Hidden directories, what is built, and modules of their own are left out.
func walk(each func(file string) error) error {
	return filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(top, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if !d.IsDir() {
			return each(rel)
		}
		if rel == "." {
			return nil
		}
		_, nested := os.Stat(filepath.Join(name, "go.mod"))
		if base := d.Name(); base[0] == '.' || base == "testdata" || base == "bin" || nested == nil {
			return fs.SkipDir
		}
		return nil
	})
}

func sources(t *testing.T) []*source {
	t.Helper()
	all, err := tree()
	if err != nil {
		t.Fatalf("reading the module's sources: %v", err)
	}
	if len(all) < 10 {
		t.Fatalf("found %d Go files: %s is not the module's root", len(all), top)
	}
	return all
}

// within reports whether pkg is room or lies in it.
func within(pkg, room string) bool {
	return pkg == room || strings.HasPrefix(pkg, room+"/")
}
