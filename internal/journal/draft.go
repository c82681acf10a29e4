package journal

import (
	"fmt"
	"os"
)

// draft is a log being written beside the one it is to replace. Nobody reads it before
// it is whole and synced, so whatever happens there is always one whole log in place.
type draft struct {
	fs   FS
	path string
	file File
	size int64  // of what is in the file
	buf  []byte // to be written behind it
}

const (
	draftSuffix = ".new"
	writeBlock  = 256 << 10
)

func newDraft(fs FS, logPath string) (*draft, error) {
	path := logPath + draftSuffix
	file, err := fs.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, failed("create", path, err)
	}
	return &draft{fs: fs, path: path, file: file, buf: header()}, nil
}

func (d *draft) append(record []byte) error {
	d.buf = appendFrame(d.buf, record)
	return d.drain(writeBlock)
}

// copy appends the bytes of a span of another log.
func (d *draft) copy(r *reader, s span) error {
	for s.from < s.to {
		block, err := r.view(s.from, int(min(readBlock, s.to-s.from)))
		if err != nil {
			return err
		}
		d.buf = append(d.buf, block...)
		if err := d.drain(writeBlock); err != nil {
			return err
		}
		s.from += int64(len(block))
	}
	return nil
}

// drain writes what is buffered if it is at least the threshold.
func (d *draft) drain(threshold int) error {
	if len(d.buf) < threshold {
		return nil
	}
	if _, err := d.file.WriteAt(d.buf, d.size); err != nil {
		return failed("write", d.path, err)
	}
	d.size += int64(len(d.buf))
	d.buf = d.buf[:0]
	return nil
}

// finish makes the draft durable under its own name.
func (d *draft) finish() error {
	if err := d.drain(1); err != nil {
		return err
	}
	d.buf = nil
	if err := d.file.Sync(); err != nil {
		return failed("sync", d.path, err)
	}
	return nil
}

// discard removes the draft because of err and returns err.
func (d *draft) discard(err error) error {
	d.file.Close()
	if rmErr := d.fs.Remove(d.path); rmErr != nil {
		return fmt.Errorf("%w (and %s stays behind: %v)", err, d.path, rmErr)
	}
	return err
}
