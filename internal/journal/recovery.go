package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Recovery is what Open found and did. Whatever is not Intact deserves a line in the
// caller's log.
type Recovery struct {
	Created        bool   // there was no log
	Records        int    // replayed
	TruncatedBytes int64  // cut off at the end: an append that was never finished
	DamagedRecords int    // stretches that could not be read, each of one record or more
	DamagedBytes   int64  // their length together
	SavedTo        string // where the damaged file was copied; "" if nothing was damaged
}

// Intact reports whether every byte of the log was read as it was written.
func (r Recovery) Intact() bool { return r.TruncatedBytes == 0 && r.DamagedRecords == 0 }

func (l *Log) open(replay func(record []byte) error) (Recovery, error) {
	file, err := l.fs.OpenFile(l.path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return Recovery{Created: true}, l.create()
	}
	if err != nil {
		return Recovery{}, failed("open", l.path, err)
	}
	l.file = file
	r, err := l.newReader()
	if err != nil {
		return Recovery{}, err
	}
	found, err := readAll(r, replay)
	if err != nil {
		return Recovery{}, failed("read", l.path, err)
	}
	recovery := Recovery{
		Records: found.records, TruncatedBytes: r.size - found.tail,
		DamagedRecords: found.damaged, DamagedBytes: found.damagedBytes,
	}
	// A draft that a crash left behind was never in use.
	if err := l.fs.Remove(l.path + draftSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.logger.Warn("removing an unfinished file failed", "path", l.path+draftSuffix, "error", err)
	}
	if found.damaged > 0 {
		recovery.SavedTo, err = l.rewrite(r, found)
		return recovery, err
	}
	return recovery, l.cut(r.size, found.tail)
}

// create makes a log that has a header only. It appears under its name when it is whole,
// so a crash leaves no half of one.
func (l *Log) create() error {
	d, err := newDraft(l.fs, l.path)
	if err != nil {
		return err
	}
	if err := d.finish(); err != nil {
		return d.discard(err)
	}
	if err := l.install(d); err != nil {
		return fmt.Errorf("create %s: %w", l.path, err)
	}
	return nil
}

// newReader returns a reader of the file after making sure that it is a log.
func (l *Log) newReader() (*reader, error) {
	size, err := l.file.Size()
	if err != nil {
		return nil, failed("read", l.path, err)
	}
	r := newReader(l.file, size)
	head, err := r.view(0, int(min(size, int64(headerSize))))
	if err != nil {
		return nil, failed("read", l.path, err)
	}
	if err := checkHeader(head); err != nil {
		return nil, fmt.Errorf("open %s: %w: %w; it was left as it is: put the right file there, or move this one away to begin anew", l.path, ErrForeign, err)
	}
	return r, nil
}

// cut ends the file at the end of its last whole record. It syncs file and directory
// even if there is nothing to cut: a process killed at the wrong moment leaves records
// that can be read and a file under its name that are not on disk yet, and appends must
// not become durable before those.
func (l *Log) cut(size, tail int64) error {
	if tail < size {
		if err := l.file.Truncate(tail); err != nil {
			return failed("cut the unfinished end off", l.path, err)
		}
	}
	if err := l.file.Sync(); err != nil {
		return failed("sync", l.path, err)
	}
	if err := l.fs.SyncDir(filepath.Dir(l.path)); err != nil {
		return failed("sync the directory of", l.path, err)
	}
	l.synced = tail
	l.size.Store(tail)
	return nil
}

// rewrite saves the damaged file aside, then replaces it by its readable records.
func (l *Log) rewrite(r *reader, found survey) (savedTo string, err error) {
	if savedTo, err = l.saveAside(r.size); err != nil {
		return "", fmt.Errorf("%s is damaged in %d places and was left as it is, since no copy could be saved: %w",
			l.path, found.damaged, err)
	}
	d, err := newDraft(l.fs, l.path)
	if err != nil {
		return savedTo, err
	}
	for _, s := range found.readable {
		if err := d.copy(r, s); err != nil {
			return savedTo, d.discard(err)
		}
	}
	if err := d.finish(); err != nil {
		return savedTo, d.discard(err)
	}
	if err := l.install(d); err != nil {
		return savedTo, fmt.Errorf("repair %s: %w", l.path, err)
	}
	return savedTo, nil
}

// saveAside copies the file, durably, to a name that is free.
func (l *Log) saveAside(size int64) (name string, err error) {
	var copied File
	for n := 1; ; n++ {
		name = fmt.Sprintf("%s.damaged-%d", l.path, n)
		copied, err = l.fs.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", failed("create", name, err)
		}
	}
	_, err = io.Copy(io.NewOffsetWriter(copied, 0), io.NewSectionReader(l.file, 0, size))
	if err == nil {
		err = copied.Sync()
	}
	if err = errors.Join(err, copied.Close()); err == nil {
		err = l.fs.SyncDir(filepath.Dir(name))
	}
	if err != nil {
		// Half a copy would only mislead.
		return "", failed("write", name, errors.Join(err, l.fs.Remove(name)))
	}
	return name, nil
}
