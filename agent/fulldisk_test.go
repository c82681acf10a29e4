package agent

import (
	"os"
	"sync/atomic"

	"covey/internal/journal"
)

// fullDisk is the system's file system, on which nothing can be written while full.
type fullDisk struct{ full atomic.Bool }

func (d *fullDisk) OpenFile(name string, flag int, perm os.FileMode) (journal.File, error) {
	f, err := journal.OS().OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &fullFile{f, d}, nil
}

func (d *fullDisk) Rename(from, to string) error { return journal.OS().Rename(from, to) }
func (d *fullDisk) Remove(name string) error     { return journal.OS().Remove(name) }
func (d *fullDisk) SyncDir(dir string) error     { return journal.OS().SyncDir(dir) }

type fullFile struct {
	journal.File
	disk *fullDisk
}

func (f *fullFile) WriteAt(b []byte, at int64) (int, error) {
	if f.disk.full.Load() {
		return 0, errFull
	}
	return f.File.WriteAt(b, at)
}
