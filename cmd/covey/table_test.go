package main

import "testing"

func TestColourDoesNotMoveColumns(t *testing.T) {
	s := newSession()
	s.sys.color = true
	tab := table{header: []string{"NODE", "STATUS", "WHY"}}
	tab.add(text("näme"), status("passing"), text(""))
	tab.add(text("b"), status("critical"), text("host failed"))
	s.sys.write(&tab)
	want := "\x1b[1mNODE\x1b[0m  \x1b[1mSTATUS\x1b[0m    \x1b[1mWHY\x1b[0m\n" +
		"näme  \x1b[32mpassing\x1b[0m\n" +
		"b     \x1b[31mcritical\x1b[0m  host failed\n"
	if got := s.out.String(); got != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

func TestEmptyFieldsKeepTheirColumn(t *testing.T) {
	s := newSession()
	tab := table{header: []string{"A", "B", "C"}}
	tab.add(text(""), text(""), text("z"))
	tab.add(text("xxx"), text(""), text(""))
	s.sys.write(&tab)
	if got, want := s.out.String(), "A    B  C\n        z\nxxx\n"; got != want {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
}

func TestNothingReachesTheTerminalRaw(t *testing.T) {
	if got, want := printable("a\x1b[2J\nb\u202ec\x7f"), "a\uFFFD[2J b\uFFFDc\uFFFD"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestColourIsOffWhenAskedFor(t *testing.T) {
	agent := newTwin(t, cluster)
	for _, args := range [][]string{{"--no-color", "members"}, {"members", "--no-color"}} {
		s := newSession()
		s.sys.color = true
		s.run(append(args, "--http-addr", agent.addr())...)
		if s.out.Len() == 0 || containsEscape(s.out.String()) {
			t.Errorf("covey %v printed %q", args, s.out.String())
		}
	}
	s := newSession()
	s.sys.color = true
	s.run("members", "--http-addr", agent.addr())
	if !containsEscape(s.out.String()) {
		t.Error("there is no colour though nothing forbids it")
	}
}

func containsEscape(text string) bool {
	for _, r := range text {
		if r == '\x1b' {
			return true
		}
	}
	return false
}
