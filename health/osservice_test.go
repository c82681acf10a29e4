//go:build unix

package health

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"covey/catalog"
)

// systemctl is a program in its place that says and does what a script says.
func systemctl(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "systemctl")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAUnitPassesWhileItIsActive(t *testing.T) {
	for _, c := range []struct {
		load, active, sub string
		status            catalog.Status
		want              string
	}{
		{"loaded", "active", "running", catalog.Passing, "active (running)"},
		{"loaded", "active", "exited", catalog.Passing, "active (exited)"},
		{"loaded", "reloading", "reload", catalog.Passing, "reloading (reload)"},
		{"loaded", "activating", "auto-restart", catalog.Critical, "activating (auto-restart)"},
		{"loaded", "failed", "failed", catalog.Critical, "failed (failed)"},
		{"loaded", "inactive", "dead", catalog.Critical, "inactive (dead)"},
		{"masked", "inactive", "dead", catalog.Critical, "inactive (dead)"},
		{"not-found", "inactive", "dead", catalog.Critical, "there is no such unit"},
		{"bad-setting", "inactive", "dead", catalog.Critical, "its unit file cannot be used (bad-setting)"},
		{"", "", "", catalog.Critical, "systemctl does not say how it is"},
	} {
		p := &unitProbe{unit: "web", timeout: time.Minute,
			systemctl: systemctl(t, "echo LoadState="+c.load+"; echo ActiveState="+c.active+"; echo SubState="+c.sub)}
		wantVerdict(t, p.ask(t.Context()), c.status, "Service web: "+c.want)
	}
}

func TestAUnitThatCannotBeAskedAfter(t *testing.T) {
	p := &unitProbe{unit: "web.service", timeout: time.Minute, systemctl: "systemctl-that-is-not-there"}
	wantVerdict(t, p.ask(t.Context()), catalog.Critical,
		"Service web.service: cannot be asked after: this host has no systemd, whose units are all that is known here")

	p.systemctl = systemctl(t, `echo "no bus ($*)" >&2; exit 1`)
	wantVerdict(t, p.ask(t.Context()), catalog.Critical,
		"Service web.service: systemctl failed: exit status 1. Output: no bus (show --property=LoadState --property=ActiveState --property=SubState -- web.service)")
}
