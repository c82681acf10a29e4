package journal

import (
	"os"
	"time"
)

// SlowSync returns fs with d added to every sync of a file or directory, as a slower
// disk would; benchmarks measure with it what batching is worth.
func SlowSync(fs FS, d time.Duration) FS { return slowFS{fs, d} }

type slowFS struct {
	FS
	delay time.Duration
}

func (s slowFS) OpenFile(name string, flag int, perm os.FileMode) (File, error) {
	f, err := s.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return slowFile{f, s.delay}, nil
}

func (s slowFS) SyncDir(dir string) error {
	time.Sleep(s.delay)
	return s.FS.SyncDir(dir)
}

type slowFile struct {
	File
	delay time.Duration
}

func (s slowFile) Sync() error {
	time.Sleep(s.delay)
	return s.File.Sync()
}
