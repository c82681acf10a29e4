package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"covey/e2e/rig"
)

// refusesToStart starts an agent that must end by itself, with an exit code that is
// not 0 and a message that holds all of says.
func refusesToStart(t *testing.T, a *rig.Agent, says ...string) {
	t.Helper()
	if err := a.Launch(); err != nil {
		t.Fatal(err)
	}
	code, err := a.Wait(soon)
	if err != nil {
		t.Fatal(err)
	}
	if code == 0 {
		t.Errorf("the agent ended with exit code 0")
	}
	for _, word := range says {
		if !strings.Contains(a.Output.String(), word) {
			t.Errorf("the agent does not say %q:\n%s", word, a.Output.String())
		}
	}
}

func TestATakenPortIsAnErrorThatNamesIt(t *testing.T) {
	begin(t)
	for _, c := range []struct {
		name string
		take func(a *rig.Agent) (network, addr string)
	}{
		{"HTTP", func(a *rig.Agent) (string, string) { return "tcp", a.HTTPAddr() }},
		{"DNS over UDP", func(a *rig.Agent) (string, string) { return "udp", a.DNSAddr() }},
		{"DNS over TCP", func(a *rig.Agent) (string, string) { return "tcp", a.DNSAddr() }},
		{"gossip", func(a *rig.Agent) (string, string) { return "tcp", a.GossipAddr() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAgent(t, "agent-1", "--insecure-gossip")
			network, addr := c.take(a)
			if network == "udp" {
				taken, err := net.ListenPacket(network, addr)
				if err != nil {
					t.Fatal(err)
				}
				defer taken.Close()
			} else {
				taken, err := net.Listen(network, addr)
				if err != nil {
					t.Fatal(err)
				}
				defer taken.Close()
			}
			refusesToStart(t, a, addr)
		})
	}
}

func TestADataDirectoryServesOneAgent(t *testing.T) {
	begin(t)
	first := startAgent(t, "agent-1", "--insecure-gossip")
	second := newAgent(t, "agent-2", "--insecure-gossip")
	second.DataDir = first.DataDir
	refusesToStart(t, second, first.DataDir)
	if _, err := first.Get("/v1/agent/self", nil); err != nil {
		t.Errorf("the first agent suffered: %v", err)
	}
	kill(t, first)
	start(t, second) // a lock dies with its holder, kill -9 or not
}

func TestADataDirectoryThatIsAFileIsAnError(t *testing.T) {
	begin(t)
	a := newAgent(t, "agent-1", "--insecure-gossip")
	if err := os.WriteFile(a.DataDir, []byte("not a directory"), 0o600); err != nil {
		t.Fatal(err)
	}
	refusesToStart(t, a, a.DataDir)
}

// registerItems gives the agent a few registrations to lose.
func registerItems(t *testing.T, a *rig.Agent) []rig.Endpoint {
	t.Helper()
	one, e1 := item("item-1", "10.99.0.1", 1, nil)
	two, e2 := item("item-2", "10.99.0.2", 1, nil)
	put(t, a, register, one)
	put(t, a, register, two)
	answers(t, soon, a, e1, e2)
	return []rig.Endpoint{e1, e2}
}

// stateFiles are the regular files under the agent's data directory that hold something.
func stateFiles(t *testing.T, a *rig.Agent) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(a.DataDir, func(name string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if info, err := d.Info(); err != nil || info.Size() == 0 {
			return err
		}
		files = append(files, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("an agent with registrations keeps nothing in %s", a.DataDir)
	}
	return files
}

// Whatever file of the data directory is replaced by something else: the agent either
// refuses to start and names it, or starts and says in its log what it did about it.
func TestAForeignFileIsNeverSilentLoss(t *testing.T) {
	begin(t)
	a := startAgent(t, "agent-1", "--insecure-gossip")
	registerItems(t, a)
	kill(t, a)
	for _, file := range stateFiles(t, a) {
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("#!/bin/sh\necho this is somebody else's file\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		from := a.Output.Len()
		startErr := a.Start()
		said := a.Output.Since(from)
		all := false
		if startErr == nil {
			list, err := a.SRV(itemService)
			all = err == nil && len(list) == 2
		}
		if !strings.Contains(said, filepath.Base(file)) && !all {
			t.Errorf("%s was replaced, something is lost or the agent does not start, and it does not name the file:\n%s", file, said)
		}
		kill(t, a)
		if kept, err := os.ReadFile(file); startErr != nil && (err != nil || string(kept) == "") {
			t.Errorf("the agent refused to start and still changed %s: %v", file, err)
		}
		if err := os.WriteFile(file, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A write that a power cut tore leaves the end of a file missing: what is whole before
// it is there, and the log says what was cut off.
func TestAHalfWrittenFileIsRecoveredAndLogged(t *testing.T) {
	begin(t)
	a := startAgent(t, "agent-1", "--insecure-gossip")
	registerItems(t, a)
	kill(t, a)
	files := stateFiles(t, a)
	for _, file := range files {
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, good[:len(good)-1], 0o600); err != nil {
			t.Fatal(err)
		}
		from := a.Output.Len()
		err = a.Start()
		said := a.Output.Since(from)
		if err != nil {
			if !strings.Contains(said, filepath.Base(file)) {
				t.Errorf("%s lacks its last byte, the agent does not start and does not name it:\n%s", file, said)
			}
		} else if list, err := a.SRV(itemService); err != nil || len(list) < 1 {
			t.Errorf("%s lacks its last byte and more than the last record is lost: %v, %v", file, list, err)
		} else if len(list) < 2 && !strings.Contains(said, filepath.Base(file)) {
			t.Errorf("%s lacks its last byte, a record is lost, and the log does not name the file:\n%s", file, said)
		}
		kill(t, a)
		if err := os.WriteFile(file, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBadConfigurationNamesFileAndKey(t *testing.T) {
	begin(t)
	for _, c := range []struct {
		name, file, text string
		says             string
	}{
		{"an unknown key in HCL", "agent.hcl", "node_name = \"x\"\nno_such_key = 1\n", "no_such_key"},
		{"an unknown key in JSON", "agent.json", `{"node_name": "x", "no_such_key": 1}`, "no_such_key"},
		{"an unknown key in a block", "agent.hcl", "ports {\n  htpp = 8500\n}\n", "htpp"},
		{"a value of the wrong type", "agent.hcl", "retry_join = { a = 1 }\n", "retry_join"},
		{"a bad address", "agent.hcl", "bind_addr = \"nowhere at all\"\n", "bind_addr"},
		{"a bad service", "agent.hcl", "service {\n  name = \"item service\"\n}\n", "name"},
		{"a bad port", "agent.hcl", "service {\n  name = \"item-service\"\n  port = 70000\n}\n", "port"},
		{"no HCL", "agent.hcl", "node_name = \n = 3", "agent.hcl"},
		{"a key that is none", "agent.hcl", "encrypt = \"much too short\"\n", "encrypt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), c.file)
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			a := newAgent(t, "agent-1", "--insecure-gossip", "--config", file)
			refusesToStart(t, a, c.file, c.says)
		})
	}
	t.Run("no such file", func(t *testing.T) {
		refusesToStart(t, newAgent(t, "agent-1", "--insecure-gossip", "--config", "/no/such/file.hcl"), "/no/such/file.hcl")
	})
}

func TestServicesFromAConfigurationFileAreAnswered(t *testing.T) {
	begin(t)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"one.hcl":  "service {\n  id = \"item-1\"\n  name = \"item-service\"\n  address = \"10.99.0.1\"\n  port = 8080\n  weights {\n    passing = 3\n    warning = 1\n  }\n}\n",
		"two.json": `{"services": [{"id": "item-2", "name": "item-service", "address": "10.99.0.2", "port": 8080}]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a := startAgent(t, "agent-1", "--insecure-gossip", "--config", dir)
	answers(t, soon, a,
		rig.Endpoint{Address: "10.99.0.1", Port: 8080, Weight: 3},
		rig.Endpoint{Address: "10.99.0.2", Port: 8080, Weight: 1})
}

func TestGossipOffLoopbackNeedsAKeyOrAWord(t *testing.T) {
	begin(t)
	a := newAgent(t, "agent-1")
	a.IP = "0.0.0.0"
	refusesToStart(t, a, "insecure-gossip")
}
