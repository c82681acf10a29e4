package houserules

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// link matches the target of [text](target) that leads to a file of the module.
var link = regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)]*)?\)`)

func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	err := walk(func(file string) error {
		if path.Ext(file) != ".md" {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(top, file))
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			target := path.Join(path.Dir(file), m[1])
			if strings.HasPrefix(m[1], "/") {
				target = strings.TrimPrefix(m[1], "/")
			}
			if _, err := os.Stat(filepath.Join(top, target)); err != nil {
				t.Errorf("%s links to %s, which is not there", file, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
