package httpapi

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"covey/internal/fault"
)

func TestAUnixSocketIsOpenToWhomItIsGiven(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions of sockets are Unix's")
	}
	path := filepath.Join(t.TempDir(), "api.sock")
	l, err := listen("unix://"+path, Socket{Mode: 0o660, User: strconv.Itoa(os.Getuid()), Group: strconv.Itoa(os.Getgid())})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("%v, %v", info, err)
	}
	l.Close()
	for _, s := range []Socket{{User: "no-such-user-here"}, {Group: "no-such-group-here"}} {
		if _, err := listen("unix://"+path, s); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "no-such") {
			t.Errorf("%+v: %v", s, err)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%+v: a socket nobody serves was left behind: %v", s, err)
		}
	}
}

// Whoever connects while a socket is open to more than it is to be keeps what came of it.
func TestAUnixSocketIsNeverOpenToMore(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("permissions of sockets are Unix's")
	}
	path := filepath.Join(t.TempDir(), "api.sock")
	stop, looked := make(chan struct{}), make(chan int)
	go func() {
		seen := 0
		defer func() { looked <- seen }()
		for {
			select {
			case <-stop:
				return
			default:
			}
			info, err := os.Lstat(path)
			if err != nil {
				continue
			}
			if seen++; info.Mode().Perm() != 0o600 {
				t.Errorf("the socket was there with %v", info.Mode())
				return
			}
		}
	}()
	for range 300 {
		l, err := listen("unix://"+path, Socket{})
		if err != nil {
			t.Fatal(err)
		}
		if l.Addr().String() != path {
			t.Fatalf("it is told to be at %s", l.Addr())
		}
		l.Close()
	}
	close(stop)
	if <-looked == 0 {
		t.Error("the socket was never seen")
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}
