package journal

import (
	"fmt"
	"os"
	"path/filepath"
)

// Compact replaces what the log holds by the records that each emits, which may reuse a
// record's memory once emit has returned. The new file is durable when Compact returns
// nil, and a suspect log is whole again.
//
// On an error the old file remains in use, unless only the last step failed, the sync
// of the directory: then the new one is, and the log is suspect.
func (l *Log) Compact(each func(emit func(record []byte) error) error) error {
	if l.file == nil {
		return fmt.Errorf("compact %s: %w", l.path, os.ErrClosed)
	}
	d, err := newDraft(l.fs, l.path)
	if err != nil {
		return fmt.Errorf("compact %s: %w", l.path, err)
	}
	err = each(func(record []byte) error {
		if len(record) > l.max {
			return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLong, len(record), l.max)
		}
		return d.append(record)
	})
	if err == nil {
		err = d.finish()
	}
	if err != nil {
		err = d.discard(err)
	} else {
		err = l.install(d)
	}
	if err != nil {
		return fmt.Errorf("compact %s: %w", l.path, err)
	}
	return nil
}

// install puts a finished draft in the log's place and goes on with it.
func (l *Log) install(d *draft) error {
	if l.closeFirst {
		return l.installClosed(d)
	}
	if err := l.fs.Rename(d.path, l.path); err != nil {
		return d.discard(failed("replace", l.path, err))
	}
	if l.file != nil {
		if err := l.file.Close(); err != nil {
			l.logger.Warn("closing a replaced log failed", "path", l.path, "error", err)
		}
	}
	return l.adopt(d.file, d.size)
}

// installClosed is install for a system that replaces no file while it is open.
func (l *Log) installClosed(d *draft) error {
	d.file.Close()
	if l.file != nil {
		l.file.Close()
	}
	renameErr := l.fs.Rename(d.path, l.path)
	if renameErr != nil {
		renameErr = d.discard(failed("replace", l.path, renameErr))
		if l.file == nil {
			return renameErr
		}
	}
	file, err := l.fs.OpenFile(l.path, os.O_RDWR, 0)
	if err != nil {
		l.suspect = suspicion("reopening it", err)
		return l.suspect
	}
	if renameErr != nil {
		l.file = file
		return renameErr
	}
	return l.adopt(file, d.size)
}

// adopt goes on with a file that stands in the log's place and is synced.
func (l *Log) adopt(file File, size int64) error {
	l.file, l.synced, l.suspect = file, size, nil
	l.size.Store(size)
	if err := l.fs.SyncDir(filepath.Dir(l.path)); err != nil {
		// A power cut could bring back the old file, without what would be appended to
		// this one from here on.
		l.suspect = suspicion("syncing its directory", err)
		return l.suspect
	}
	return nil
}
