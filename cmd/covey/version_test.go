package main

import (
	"errors"
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersionTellsWhatItWasBuiltFrom(t *testing.T) {
	info := &debug.BuildInfo{
		Main: debug.Module{Version: "(devel)"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "abc123"}, {Key: "vcs.modified", Value: "true"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"},
		},
	}
	s := newSession()
	s.sys.build = func() (*debug.BuildInfo, bool) { return info, true }
	if code := s.run("version"); code != exitOK || !strings.HasPrefix(s.out.String(), "covey devel (commit abc123-dirty, 2026-01-02T03:04:05Z, go") {
		t.Errorf("exit %d: %s", code, &s.out)
	}
	info.Main.Version, info.Settings = "v1.2.3", nil
	if s.run("--version"); !strings.HasPrefix(s.out.String(), "covey v1.2.3 (go") {
		t.Errorf("got %s", &s.out)
	}
}

// full is a disk with no room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestOutputThatCannotBeWrittenIsAFailure(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"version", "--json"}, {"help"}, {"keygen"}} {
		s := newSession()
		s.sys.out = full{}
		if code := s.run(args...); code != exitFailure || !strings.Contains(s.err.String(), "no space left") {
			t.Errorf("covey %v: exit %d, %s", args, code, &s.err)
		}
	}
}

func TestKeysAreNewAndOfTheRightLength(t *testing.T) {
	seen := map[string]bool{}
	for range 3 {
		s := newSession()
		s.run("keygen")
		key := s.out.String()
		if len(key) != 44+1 || seen[key] {
			t.Errorf("got the key %q", key)
		}
		seen[key] = true
	}
}
