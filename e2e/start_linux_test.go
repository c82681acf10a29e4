package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// nobody is the uid and gid that own nothing, on every Linux.
const nobody = 65534

func TestAnUnreadableDataDirectoryIsAnError(t *testing.T) {
	begin(t)
	a := newAgent(t, "agent-1", "--insecure-gossip")
	if err := os.MkdirAll(a.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		// Nothing is unreadable for root, so the agent runs as somebody else.
		for dir := filepath.Dir(a.DataDir); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		a.Attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	} else {
		if err := os.Chmod(a.DataDir, 0); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(a.DataDir, 0o700)
	}
	refusesToStart(t, a, a.DataDir, "permission denied")
}

// A full disk refuses what cannot be kept, loses nothing that was acknowledged, and is
// forgotten once there is room again.
func TestAFullDiskRefusesAndLosesNothing(t *testing.T) {
	begin(t)
	mount := t.TempDir()
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("needs a small file system of its own, and mounting one is not allowed here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(mount, syscall.MNT_DETACH) })
	a := newAgent(t, "agent-1", "--insecure-gossip")
	a.DataDir = filepath.Join(mount, "data")
	start(t, a)
	acknowledged := 0
	try := func(n int) (int, string) {
		body, _ := item(fmt.Sprintf("item-%d", n), fmt.Sprintf("10.99.%d.%d", n/250, n%250), 1, nil)
		res, err := a.Do(http.MethodPut, register, body)
		if err != nil {
			t.Fatalf("the agent does not answer on a full disk: %v", err)
		}
		return res.Code, string(res.Body)
	}
	for range 10 {
		if code, text := try(acknowledged); code != http.StatusOK {
			t.Fatalf("status %d: %s", code, text)
		}
		acknowledged++
	}

	ballast := filepath.Join(mount, "ballast")
	fill(t, ballast)
	refused := false
	for n := 0; n < 2000 && !refused; n++ { // what is left of the last page is still used
		code, text := try(acknowledged)
		if code == http.StatusOK {
			acknowledged++
			continue
		}
		refused = true
		if code < 500 {
			t.Errorf("a full disk is answered with %d, which blames the client: %s", code, text)
		}
	}
	if !refused {
		t.Fatal("the disk is full and every registration is acknowledged")
	}
	if list, err := a.SRV(itemService); err != nil || len(list) == 0 {
		t.Errorf("on a full disk the agent answers %v, %v", list, err)
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	eventually(t, soon, func() error {
		code, text := try(acknowledged)
		if code != http.StatusOK {
			return fmt.Errorf("there is room again, and the agent answers %d: %s", code, text)
		}
		return nil
	})
	acknowledged++

	kill(t, a)
	start(t, a)
	var there map[string]any
	get(t, a, "/v1/agent/services", &there)
	for n := range acknowledged {
		if there[fmt.Sprintf("item-%d", n)] == nil {
			t.Errorf("item-%d was acknowledged and is lost", n)
		}
	}
}

// fill writes to file until the file system has no room left.
func fill(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 16; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}
