package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// asCommand makes the test binary be the command, for scripts that call it.
const asCommand = "COVEY_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// completed is what `covey __complete words...` offers.
func completed(words ...string) []string {
	s := newSession()
	s.run(append([]string{"__complete"}, words...)...)
	var found []string
	for line := range strings.Lines(s.out.String()) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
		found = append(found, word)
	}
	return found
}

func TestCompletion(t *testing.T) {
	agent := newTwin(t, cluster)
	t.Setenv("COVEY_HTTP_ADDR", agent.addr())
	for _, c := range []struct{ line, want string }{
		{"lo", "lookup"},
		{"le", "leave"},
		{"__", ""},
		{"nonsense ", ""},
		{"lookup ", "gone item-service web"},
		{"lookup it", "item-service"},
		{"lookup --type A w", "web"},
		{"lookup web ", ""},
		{"lookup --type ", "A AAAA HTTPS PTR SRV TXT"},
		{"lookup --type=A", "--type=A --type=AAAA"},
		{"lookup --t", "--tag --timeout --tls-server-name --token-file --type"},
		{"lookup --type A --t", "--tag --timeout --tls-server-name --token-file"},
		{"lookup --tag a --ta", "--tag"},
		{"lookup web --js", "--json"},
		{"lookup --http-addr 127.0.0.1:1 ", ""},
		{"lookup --http-addr=127.0.0.1:1 ", ""},
		{"deregister ", "web web-2"},
		{"deregister web ", "web-2"},
		{"force-leave ", "n3"},
		{"keyring ", "install list remove use"},
		{"keyring use ", ""},
		{"check ", "run"},
		{"check run ", "_node_maintenance service:web"},
		{"check run service:web ", ""},
		{"timeline it", "item-service"},
		{"register ", ":files"},
		{"register --name ", ""},
		{"completion ", "bash fish zsh"},
		{"completion z", "zsh"},
		{"help lo", "lookup"},
		{"agent --log-f", "--log-format"},
		{"agent --log-format ", "json text"},
		{"agent --data-dir /v", ":directories"},
		{"agent --config ", ":files"},
		{"--no", "--no-color"},
		{"lookup -- --", ""},
	} {
		got := completed(strings.Split(c.line, " ")...)
		if !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("covey %q completes to %q, want %q", c.line, got, c.want)
		}
	}
	if !slices.Contains(completed(""), "agent") || slices.Contains(completed(""), "__complete") {
		t.Errorf("covey completes to %q", completed(""))
	}
}

func TestCompletionWithoutAnAgentOffersNoNames(t *testing.T) {
	t.Setenv("COVEY_HTTP_ADDR", "127.0.0.1:1")
	if got := completed("lookup", ""); len(got) != 0 {
		t.Errorf("offers %q", got)
	}
}

// shell returns the path of a shell, and a directory where `covey` is this binary.
func shell(t *testing.T, name string) (path, dir string) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("no %s here", name)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "covey")); err != nil {
		t.Fatal(err)
	}
	t.Setenv(asCommand, "1")
	t.Setenv("GORACE", "atexit_sleep_ms=0") // a second, otherwise, each time covey is run
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return path, dir
}

// script writes what `covey completion name` prints to a file.
func script(t *testing.T, dir, name string) string {
	t.Helper()
	s := newSession()
	if code := s.run("completion", name); code != exitOK {
		t.Fatalf("exit code %d: %s", code, s.err.String())
	}
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, s.out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func outputOf(t *testing.T, name string, args ...string) []string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return strings.Fields(string(out))
}

func TestBashScriptCompletes(t *testing.T) {
	bash, dir := shell(t, "bash")
	agent := newTwin(t, cluster)
	file := script(t, dir, "bash")
	outputOf(t, bash, "-n", file)
	if err := os.WriteFile(filepath.Join(dir, "some file.hcl"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	// What readline does: part the line into words, then call the function.
	const press = `. "$1"; COMP_LINE=$2; COMP_POINT=${#2}; COMP_WORDS=(covey); COMP_CWORD=1
		cd "$3"; _covey covey; printf '%s\n' "${COMPREPLY[@]}"`
	for _, c := range []struct{ line, want string }{
		{"covey lo", "lookup"},
		{"covey lookup --http-addr " + agent.addr() + " w", "web"},
		{"covey lookup --http-addr=" + agent.addr() + " ", "gone item-service web"},
		{"covey lookup --type=S", "SRV"},
		{"covey register some", "some file.hcl"},
		{"covey completion ", "bash fish zsh"},
	} {
		got := outputOf(t, bash, "--norc", "-c", press, "bash", file, c.line, dir)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q completes to %q, want %q", c.line, got, c.want)
		}
	}
}

func TestZshScriptIsOne(t *testing.T) {
	zsh, dir := shell(t, "zsh")
	file := script(t, dir, "zsh")
	outputOf(t, zsh, "-n", file)
	// _describe is zsh's own and needs a line editor; what it is given does not.
	const press = `compdef() { }; _describe() { print -l -- ${(P)2} }; _files() { print files }
		. "$1"; words=(covey lookup --type A); CURRENT=4; _covey
		words=(covey reg); CURRENT=2; _covey; words=(covey register ""); CURRENT=3; _covey`
	got := strings.Join(outputOf(t, zsh, "-f", "-c", press, "zsh", file), " ")
	if !strings.HasPrefix(got, "A AAAA register:register a service") || !strings.HasSuffix(got, "files") {
		t.Errorf("offers %q", got)
	}
}

func TestFishScriptCompletes(t *testing.T) {
	fish, dir := shell(t, "fish")
	file := script(t, dir, "fish")
	outputOf(t, fish, "--no-execute", file)
	got := outputOf(t, fish, "--no-config", "-c", `source $argv[1]; complete -C "covey lookup --type=A"`, file)
	if want := []string{"--type=A", "--type=AAAA"}; !slices.Equal(got, want) {
		t.Errorf("offers %q, want %q", got, want)
	}
	got = outputOf(t, fish, "--no-config", "-c", `source $argv[1]; complete -C "covey comple"`, file)
	if len(got) == 0 || got[0] != "completion" {
		t.Errorf("offers %q", got)
	}
}
