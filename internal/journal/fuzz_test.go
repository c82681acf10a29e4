package journal_test

import (
	"bytes"
	"testing"

	"covey/internal/journal"
	"covey/internal/journal/journaltest"
)

// FuzzOpen: whatever a file holds, Open refuses it untouched or makes a sound log of it
// and keeps every byte it could not read.
func FuzzOpen(f *testing.F) {
	whole := intact(f, "first", "", "third, which is longer than the others")
	f.Add(whole)
	f.Add(whole[:len(whole)-5])
	f.Add(append(bytes.Clone(whole), make([]byte, 40)...))
	f.Add(append(bytes.Clone(whole[:20]), whole[17:]...))
	f.Add(append(bytes.Clone(whole[:8]), 0xff, 0xff, 0xff, 0x03, 0, 0, 0, 0))
	f.Add(whole[:8])
	f.Add([]byte("not a log at all"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		disk := journaltest.NewDisk(0)
		disk.WriteFile(logPath, data)
		var first []string
		collect := func(into *[]string) func([]byte) error {
			return func(record []byte) error { *into = append(*into, string(record)); return nil }
		}
		l, recovery, err := journal.Open(logPath, journal.Options{FS: disk}, collect(&first))
		if err != nil {
			if now, _ := disk.ReadFile(logPath); !bytes.Equal(now, data) {
				t.Fatalf("refused (%v) but changed", err)
			}
			return
		}
		if recovery.Records != len(first) {
			t.Errorf("replayed %d, recovery says %d", len(first), recovery.Records)
		}
		if gone := int64(len(data)) - l.Size(); gone != recovery.TruncatedBytes+recovery.DamagedBytes {
			t.Errorf("%d bytes are gone, recovery explains %+v", gone, recovery)
		}
		wantSaved(t, disk, recovery, data)
		if err := l.Append(true, []byte("next")); err != nil {
			t.Fatal(err)
		}
		var second []string
		disk.Restart()
		if _, recovery, err = journal.Open(logPath, journal.Options{FS: disk}, collect(&second)); err != nil || !recovery.Intact() {
			t.Fatalf("opened again: %+v, %v", recovery, err)
		}
		wantRecords(t, second, append(first, "next")...)
	})
}
