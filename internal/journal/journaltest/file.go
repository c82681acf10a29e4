package journaltest

import (
	"io"
	"io/fs"
)

// file is an open file of a Disk; it implements journal.File.
type file struct {
	disk   *Disk
	node   *inode
	name   string
	boot   int
	closed bool
}

// begin is Disk.begin for an operation on an open file; the disk's lock is held.
func (f *file) begin(op Op, changes bool) error {
	if f.closed || f.boot != f.disk.boot {
		return &fs.PathError{Op: string(op), Path: f.name, Err: fs.ErrClosed}
	}
	return f.disk.begin(op, f.name, changes)
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.begin(Read, false); err != nil {
		return 0, err
	}
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	wasOff := f.disk.off
	if err := f.begin(Write, true); err != nil {
		n := 0
		if !wasOff && !f.closed && f.boot == f.disk.boot {
			n = f.disk.rand.IntN(len(p) + 1)
			f.node.write(off, p[:n])
		}
		return n, err
	}
	f.node.write(off, p)
	return len(p), nil
}

func (f *file) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.begin(Truncate, true); err != nil {
		return err
	}
	f.node.truncate(size)
	return nil
}

func (f *file) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.begin(Sync, true); err != nil {
		// With the power goes no more than what a crash takes.
		if !f.disk.off && !f.closed && f.boot == f.disk.boot {
			f.node.loseSync()
		}
		return err
	}
	f.node.sync()
	return nil
}

func (f *file) Size() (int64, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if err := f.begin(Read, false); err != nil {
		return 0, err
	}
	return int64(len(f.node.data)), nil
}

func (f *file) Close() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if f.closed {
		return fs.ErrClosed
	}
	f.closed = true
	return nil
}
