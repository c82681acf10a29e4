package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documents are those whose examples users copy.
var documents = []string{"../README.md", "../docs/operating.md"}

// block matches a fenced block and its language.
var block = regexp.MustCompile("(?s)```(\\w+)\n(.*?)```")

// blocks returns the fenced blocks of one language in the documents.
func blocks(t *testing.T, language string) (found []string) {
	t.Helper()
	for _, file := range documents {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range block.FindAllStringSubmatch(string(text), -1) {
			if m[1] == language {
				found = append(found, m[2])
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("no %s blocks in %v", language, documents)
	}
	return found
}

func TestCommandsInTheDocumentsExist(t *testing.T) {
	begin(t)
	for _, text := range blocks(t, "sh") {
		for line := range strings.Lines(text) {
			line, _, _ = strings.Cut(line, "#")
			words := strings.Fields(line)
			if len(words) < 2 || words[0] != "covey" {
				continue
			}
			help, err := binary.Run(nil, "help", words[1])
			if err == nil {
				err = help.OK()
			}
			if err != nil {
				t.Errorf("%q: %v", strings.TrimSpace(line), err)
				continue
			}
			known := strings.FieldsFunc(help.Stdout, func(r rune) bool { return strings.ContainsRune(" \t\n,=[]`", r) })
			for _, word := range words[2:] {
				if flag, _, _ := strings.Cut(word, "="); strings.HasPrefix(flag, "--") && !slices.Contains(known, flag) {
					t.Errorf("%q: covey %s knows no %s", strings.TrimSpace(line), words[1], flag)
				}
			}
		}
	}
}

func TestConfigurationsInTheDocumentsAreAccepted(t *testing.T) {
	begin(t)
	for _, text := range blocks(t, "hcl") {
		file := filepath.Join(t.TempDir(), "agent.hcl")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		// The rig's flags go before the file's addresses, and nobody has to be there to join.
		a := startAgent(t, "agent-1", "--insecure-gossip", "--config", file)
		var there map[string]any
		if get(t, a, "/v1/agent/services", &there); there["item-service"] == nil {
			t.Errorf("the agent accepts this and does not know item-service:\n%s", text)
		}
		kill(t, a)
	}
}
