package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"covey/internal/bubble"
	"covey/internal/journal"
	"covey/internal/journal/journaltest"
)

// open opens the log on disk and returns what it replayed.
func open(t *testing.T, disk journal.FS) (*journal.Log, journal.Recovery, []string) {
	t.Helper()
	var replayed []string
	l, recovery, err := journal.Open(logPath, journal.Options{FS: disk}, func(record []byte) error {
		replayed = append(replayed, string(record))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, recovery, replayed
}

func appendAll(t *testing.T, l *journal.Log, durable bool, records ...string) {
	t.Helper()
	if err := l.Append(durable, octets(records)...); err != nil {
		t.Fatal(err)
	}
}

func octets(records []string) [][]byte {
	all := make([][]byte, len(records))
	for i, record := range records {
		all[i] = []byte(record)
	}
	return all
}

func wantRecords(t *testing.T, got []string, want ...string) {
	t.Helper()
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("replayed %q, want %q", got, want)
	}
}

// failing makes one kind of operation fail with err.
func failing(op journaltest.Op, err error) func(journaltest.Op, string) error {
	return func(o journaltest.Op, _ string) error {
		if o == op {
			return err
		}
		return nil
	}
}

func TestLogOnARealDiskKeepsItsRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.log")
	var replayed []string
	replay := func(record []byte) error {
		replayed = append(replayed, string(record))
		return nil
	}
	l, recovery, err := journal.Open(path, journal.Options{}, replay)
	if err != nil || !recovery.Created || !recovery.Intact() {
		t.Fatalf("Open: %+v, %v", recovery, err)
	}
	appendAll(t, l, true, "a", "", "b")
	appendAll(t, l, false, "c")
	if err := l.Compact(func(emit func([]byte) error) error {
		return errors.Join(emit([]byte("A")), emit(bytes.Repeat([]byte("x"), 1<<20)))
	}); err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, false, "d")
	size := l.Size()
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(true, nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Append after Close: %v", err)
	}

	l, recovery, err = journal.Open(path, journal.Options{}, replay)
	if err != nil || recovery.Created || recovery.Records != 3 || l.Size() != size {
		t.Fatalf("Open again: %+v, %v, size %d, want %d", recovery, err, l.Size(), size)
	}
	defer l.Close()
	wantRecords(t, replayed, "A", strings.Repeat("x", 1<<20), "d")
	if names, _ := filepath.Glob(path + "*"); len(names) != 1 {
		t.Errorf("files left: %q", names)
	}
}

func TestErrorsSayWhatFailedAndWhatToDo(t *testing.T) {
	for _, c := range []struct {
		op   journaltest.Op
		err  error
		want string
	}{
		{journaltest.Open, syscall.EACCES, "let the user the agent runs as read and write"},
		{journaltest.Open, syscall.EROFS, "mount the file system writable"},
		{journaltest.Read, syscall.EIO, "look at the kernel's log"},
		{journaltest.Sync, syscall.EIO, "look at the kernel's log"},
	} {
		disk := journaltest.NewDisk(1)
		l, _, _ := open(t, disk)
		l.Close()
		disk.SetFault(failing(c.op, c.err))
		_, _, err := journal.Open(logPath, journal.Options{FS: disk}, func([]byte) error { return nil })
		if err == nil || !strings.Contains(err.Error(), logPath) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s failing with %v: %v; want the path and %q", c.op, c.err, err, c.want)
		}
	}
}

func TestOpenInADirectoryThatIsMissingFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "agent.log")
	_, _, err := journal.Open(path, journal.Options{}, nil)
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "the directory must exist") {
		t.Error(err)
	}
}

func TestAFailedReplayLeavesTheFileAlone(t *testing.T) {
	disk := journaltest.NewDisk(1)
	l, _, _ := open(t, disk)
	appendAll(t, l, true, "a", "b")
	torn, _ := disk.ReadFile(logPath)
	torn = append(torn, 9, 0, 0)
	disk.WriteFile(logPath, torn)

	cause := errors.New("no such thing")
	_, _, err := journal.Open(logPath, journal.Options{FS: disk}, func(record []byte) error {
		if string(record) == "b" {
			return cause
		}
		return nil
	})
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), "record 1 at offset 17") {
		t.Error(err)
	}
	if now, _ := disk.ReadFile(logPath); !bytes.Equal(now, torn) {
		t.Error("the file was changed")
	}
}

func TestAFullDiskLeavesNoTraceOfTheAppend(t *testing.T) {
	for seed := range uint64(50) {
		disk := journaltest.NewDisk(seed)
		l, _, _ := open(t, disk)
		appendAll(t, l, false, "before")
		size := l.Size()

		disk.SetFault(failing(journaltest.Write, syscall.ENOSPC))
		err := l.Append(true, octets([]string{"one", "two", "three"})...)
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "free space") || errors.Is(err, journal.ErrSuspect) {
			t.Fatalf("Append on a full disk: %v", err)
		}
		if l.Size() != size {
			t.Fatalf("size %d after the failure, %d before", l.Size(), size)
		}
		disk.SetFault(nil)
		appendAll(t, l, true, "after")

		disk.Restart()
		_, recovery, replayed := open(t, disk)
		wantRecords(t, replayed, "before", "after")
		if !recovery.Intact() {
			t.Errorf("seed %d: %+v", seed, recovery)
		}
	}
}

func TestAFailedSyncStopsAppendsUntilCompact(t *testing.T) {
	disk := journaltest.NewDisk(1)
	l, _, _ := open(t, disk)
	appendAll(t, l, true, "kept")

	disk.SetFault(failing(journaltest.Sync, syscall.EIO))
	if err := l.Append(true, []byte("lost")); !errors.Is(err, journal.ErrSuspect) || !errors.Is(err, syscall.EIO) {
		t.Fatalf("Append: %v", err)
	}
	disk.SetFault(nil)
	for _, durable := range []bool{true, false} {
		if err := l.Append(durable, []byte("refused")); !errors.Is(err, journal.ErrSuspect) {
			t.Errorf("Append to a suspect log: %v", err)
		}
	}
	// Whoever reads the file now, as after a kill -9, sees no record that was refused.
	disk.Kill()
	again, _, replayed := open(t, disk)
	wantRecords(t, replayed, "kept")
	again.Close()

	l = openSuspect(t, disk)
	if err := l.Compact(func(emit func([]byte) error) error { return emit([]byte("live")) }); err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, true, "more")
	disk.Restart()
	_, _, replayed = open(t, disk)
	wantRecords(t, replayed, "live", "more")
}

// openSuspect returns a log that is suspect because a sync failed.
func openSuspect(t *testing.T, disk *journaltest.Disk) *journal.Log {
	t.Helper()
	l, _, _ := open(t, disk)
	disk.SetFault(failing(journaltest.Sync, syscall.EIO))
	if err := l.Append(true, []byte("x")); !errors.Is(err, journal.ErrSuspect) {
		t.Fatalf("Append: %v", err)
	}
	disk.SetFault(nil)
	return l
}

func TestACompactThatFailsLeavesTheOldLogInUse(t *testing.T) {
	for _, op := range []journaltest.Op{journaltest.Open, journaltest.Write, journaltest.Sync, journaltest.Rename} {
		disk := journaltest.NewDisk(1)
		l, _, _ := open(t, disk)
		appendAll(t, l, true, "old")
		disk.SetFault(failing(op, syscall.ENOSPC))
		err := l.Compact(func(emit func([]byte) error) error { return emit([]byte("new")) })
		if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "compact "+logPath) {
			t.Errorf("%s failing: %v", op, err)
		}
		disk.SetFault(nil)
		appendAll(t, l, true, "older")
		if names := disk.Names(); len(names) != 1 {
			t.Errorf("%s failing left %q", op, names)
		}
		disk.Restart()
		_, _, replayed := open(t, disk)
		wantRecords(t, replayed, "old", "older")
	}
}

func TestACompactEndsWithTheErrorOfItsCaller(t *testing.T) {
	disk := journaltest.NewDisk(1)
	l, _, _ := open(t, disk)
	cause := errors.New("state is gone")
	if err := l.Compact(func(func([]byte) error) error { return cause }); !errors.Is(err, cause) {
		t.Error(err)
	}
	appendAll(t, l, true, "on we go")
}

func TestARenameThatMayBeUndoneMakesTheLogSuspect(t *testing.T) {
	disk := journaltest.NewDisk(1)
	l, _, _ := open(t, disk)
	compact := func() error {
		return l.Compact(func(emit func([]byte) error) error { return emit([]byte("new")) })
	}
	disk.SetFault(failing(journaltest.SyncDir, syscall.EIO))
	if err := compact(); !errors.Is(err, journal.ErrSuspect) {
		t.Errorf("Compact: %v", err)
	}
	disk.SetFault(nil)
	if err := l.Append(false, nil); !errors.Is(err, journal.ErrSuspect) {
		t.Errorf("Append: %v", err)
	}
	if err := compact(); err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, true, "more")
}

func TestCompactWorksWhereNoOpenFileCanBeReplaced(t *testing.T) {
	disk := journaltest.NewDisk(1)
	l, _, _ := open(t, disk)
	l.ReplaceClosed()
	appendAll(t, l, true, "old")
	compact := func() error {
		return l.Compact(func(emit func([]byte) error) error { return emit([]byte("new")) })
	}
	disk.SetFault(failing(journaltest.Rename, syscall.EACCES))
	if err := compact(); !errors.Is(err, syscall.EACCES) {
		t.Errorf("Compact: %v", err)
	}
	disk.SetFault(nil)
	appendAll(t, l, true, "older")
	if err := compact(); err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, true, "newer")
	disk.Restart()
	_, _, replayed := open(t, disk)
	wantRecords(t, replayed, "new", "newer")
}

func TestALongRecordIsRefusedAndNothingIsWritten(t *testing.T) {
	disk := journaltest.NewDisk(1)
	l, _, err := journal.Open(logPath, journal.Options{FS: disk, MaxRecord: 4}, nil)
	if err != nil {
		t.Fatal(err)
	}
	size := l.Size()
	if err := l.Append(true, []byte("four"), []byte("fives")); !errors.Is(err, journal.ErrTooLong) {
		t.Error(err)
	}
	if err := l.Compact(func(emit func([]byte) error) error { return emit([]byte("fives")) }); !errors.Is(err, journal.ErrTooLong) {
		t.Error(err)
	}
	if l.Size() != size {
		t.Errorf("size %d, was %d", l.Size(), size)
	}
	appendAll(t, l, true, "four")
	l.Close()

	// A record is readable whatever the limit is later.
	if _, recovery, err := journal.Open(logPath, journal.Options{FS: disk, MaxRecord: 1},
		func([]byte) error { return nil }); err != nil || recovery.Records != 1 {
		t.Errorf("%+v, %v", recovery, err)
	}
}

func TestADurableAppendOfNothingSyncsWhatCameBefore(t *testing.T) {
	disk := journaltest.NewDisk(1)
	l, _, _ := open(t, disk)
	appendAll(t, l, false, "a", "b")
	appendAll(t, l, true)
	disk.Restart()
	_, _, replayed := open(t, disk)
	wantRecords(t, replayed, "a", "b")
}

func TestSlowSyncSlowsSyncsOnly(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		l, _, _ := open(t, journal.SlowSync(journaltest.NewDisk(1), 5*time.Millisecond))
		begin := time.Now()
		appendAll(t, l, false, "a")
		if took := time.Since(begin); took != 0 {
			t.Errorf("an append took %v", took)
		}
		appendAll(t, l, true, "b", "c")
		if took := time.Since(begin); took != 5*time.Millisecond {
			t.Errorf("a durable append took %v", took)
		}
	})
}
