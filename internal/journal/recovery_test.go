package journal_test

import (
	"bytes"
	"strings"
	"syscall"
	"testing"

	"covey/internal/journal"
	"covey/internal/journal/journaltest"
)

const frame = 8 // bytes before each payload

// intact returns the bytes of a log that holds records.
func intact(t testing.TB, records ...string) []byte {
	disk := journaltest.NewDisk(0)
	l, _, err := journal.Open(logPath, journal.Options{FS: disk}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append(true, octets(records)...); err != nil {
		t.Fatal(err)
	}
	data, _ := disk.ReadFile(logPath)
	return data
}

func TestRecoveryKeepsWhatIsReadableAndTellsWhatIsNot(t *testing.T) {
	three := intact(t, "first", "second", "third")
	second := frame + frame + len("first")
	third := second + frame + len("second")
	edit := func(change func(b []byte) []byte) []byte { return change(bytes.Clone(three)) }
	flip := func(at int) []byte { return edit(func(b []byte) []byte { b[at] ^= 0x10; return b }) }

	for _, c := range []struct {
		name    string
		data    []byte
		want    []string
		cut     int64
		damaged int
	}{
		{"nothing wrong", three, []string{"first", "second", "third"}, 0, 0},
		{"header only", three[:8], nil, 0, 0},
		{"last payload unfinished", three[:len(three)-2], []string{"first", "second"}, frame + 3, 0},
		{"last frame unfinished", three[:third+3], []string{"first", "second"}, 3, 0},
		{"file grew, nothing written", append(bytes.Clone(three), make([]byte, 70000)...), []string{"first", "second", "third"}, 70000, 0},
		{"garbage behind", append(bytes.Clone(three), "!!!!!!!!!!!!"...), []string{"first", "second", "third"}, 0, 1},
		{"payload damaged", flip(second + frame), []string{"first", "third"}, 0, 1},
		{"checksum damaged", flip(second + 4), []string{"first", "third"}, 0, 1},
		{"length damaged", flip(second), []string{"first", "third"}, 0, 1},
		{"length absurd", flip(second + 3), []string{"first", "third"}, 0, 1},
		{"first damaged", flip(frame), []string{"second", "third"}, 0, 1},
		{"last damaged", flip(len(three) - 1), []string{"first", "second"}, 0, 1},
		{"first and last damaged", func() []byte { b := flip(frame); b[len(b)-1]++; return b }(), []string{"second"}, 0, 2},
		{"damaged, then unfinished", flip(second)[:third+2], []string{"first"}, frame + 8, 0},
		{"a sector of zeros in the middle", edit(func(b []byte) []byte { clear(b[second:third]); return b }), []string{"first", "third"}, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := journaltest.NewDisk(1)
			disk.WriteFile(logPath, c.data)
			l, recovery, replayed := open(t, disk)
			wantRecords(t, replayed, c.want...)
			if recovery.Records != len(c.want) || recovery.TruncatedBytes != c.cut || recovery.DamagedRecords != c.damaged {
				t.Errorf("%+v, want %d records, %d bytes cut, %d damaged", recovery, len(c.want), c.cut, c.damaged)
			}
			if recovery.Intact() != (c.cut == 0 && c.damaged == 0) {
				t.Errorf("Intact is %v", recovery.Intact())
			}
			wantSaved(t, disk, recovery, c.data)

			appendAll(t, l, true, "later")
			disk.Restart()
			_, recovery, replayed = open(t, disk)
			wantRecords(t, replayed, append(c.want, "later")...)
			if !recovery.Intact() {
				t.Errorf("a second repair was needed: %+v", recovery)
			}
		})
	}
}

// wantSaved checks that the damaged bytes, all of them, are in the file recovery names.
func wantSaved(t *testing.T, disk *journaltest.Disk, recovery journal.Recovery, data []byte) {
	t.Helper()
	if recovery.DamagedRecords == 0 {
		if recovery.SavedTo != "" {
			t.Errorf("an undamaged log was saved to %s", recovery.SavedTo)
		}
		return
	}
	if saved, ok := disk.ReadFile(recovery.SavedTo); !ok || !bytes.Equal(saved, data) {
		t.Errorf("%q does not hold the damaged log", recovery.SavedTo)
	}
}

func TestCopiesOfDamagedLogsDoNotOverwriteEachOther(t *testing.T) {
	disk := journaltest.NewDisk(1)
	damaged := append(intact(t, "a"), "what is this?"...)
	for _, want := range []string{".damaged-1", ".damaged-2"} {
		disk.WriteFile(logPath, damaged)
		l, recovery, _ := open(t, disk)
		if recovery.SavedTo != logPath+want {
			t.Errorf("saved to %s, want %s", recovery.SavedTo, want)
		}
		l.Close()
	}
}

func TestADamagedLogThatCannotBeSavedIsNotTouched(t *testing.T) {
	damaged := append(intact(t, "a"), "what is this?"...)
	for _, op := range []journaltest.Op{journaltest.Write, journaltest.Sync, journaltest.SyncDir} {
		disk := journaltest.NewDisk(1)
		disk.WriteFile(logPath, damaged)
		disk.SetFault(failing(op, syscall.ENOSPC))
		_, _, err := journal.Open(logPath, journal.Options{FS: disk}, func([]byte) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "left as it is") || !strings.Contains(err.Error(), "free space") {
			t.Errorf("%s failing: %v", op, err)
		}
		if now, _ := disk.ReadFile(logPath); !bytes.Equal(now, damaged) {
			t.Errorf("%s failing: the log was changed", op)
		}
		if names := disk.Names(); len(names) != 1 {
			t.Errorf("%s failing left %q", op, names)
		}
	}
}

func TestAForeignFileIsRefusedAndLeftAsItIs(t *testing.T) {
	later := intact(t)
	later[7]++
	for _, c := range []struct {
		name, data, want string
	}{
		{"someone's notes", "Dear diary, today", `begins with "Dear dia"`},
		{"a short file", "Cove", `begins with "Cove"`},
		{"an empty file", "", "it is empty"},
		{"a later version", string(later), "format version 2"},
	} {
		disk := journaltest.NewDisk(1)
		disk.WriteFile(logPath, []byte(c.data))
		_, _, err := journal.Open(logPath, journal.Options{FS: disk}, nil)
		if err == nil || !strings.Contains(err.Error(), logPath) ||
			!strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "move this one away") {
			t.Errorf("%s: %v", c.name, err)
		}
		if now, _ := disk.ReadFile(logPath); string(now) != c.data {
			t.Errorf("%s was changed", c.name)
		}
	}
}

func TestADraftLeftByACrashIsRemoved(t *testing.T) {
	disk := journaltest.NewDisk(1)
	disk.WriteFile(logPath, intact(t, "a"))
	disk.WriteFile(logPath+".new", []byte("half a compa"))
	open(t, disk)
	if names := disk.Names(); len(names) != 1 {
		t.Errorf("files left: %q", names)
	}
}
