package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync/atomic"
)

// Options of a log; the zero value is usable.
type Options struct {
	// MaxRecord is the longest record accepted, in bytes; DefaultMaxRecord if 0, at most
	// 16 MiB. Lowering it leaves longer records that are there already readable.
	MaxRecord int
	// Logger is told of what goes wrong in passing and fails nothing; nil for silence.
	Logger *slog.Logger
	// FS is the file system; nil for the operating system's.
	FS FS
}

// DefaultMaxRecord is Options.MaxRecord where it is 0.
const DefaultMaxRecord = 4 << 20

// Log is an open log. One goroutine at a time may use it, but for Size.
type Log struct {
	fs     FS
	path   string
	max    int
	logger *slog.Logger
	// closeFirst: the system replaces no file that is open.
	closeFirst bool

	file   File // nil once closed
	buf    []byte
	size   atomic.Int64 // header and whole records; appends go here
	synced int64        // of size, how much is surely on disk
	// suspect, if set, is why file and disk may differ in ways no later sync would show;
	// ErrSuspect is in its tree.
	suspect error
}

// Open opens the log at path, or creates it in a directory that exists, and hands every
// record in it to replay, in order. A record is valid until replay returns; an error
// of replay's ends Open and leaves the file as it was.
//
// What is damaged is repaired as Recovery tells, which the caller should log. Errors
// name the file and what to do; then nothing was lost or changed.
func Open(path string, o Options, replay func(record []byte) error) (*Log, Recovery, error) {
	l := &Log{
		fs: o.FS, path: path, logger: o.Logger, max: o.MaxRecord,
		closeFirst: runtime.GOOS == "windows",
	}
	if l.fs == nil {
		l.fs = OS()
	}
	if l.logger == nil {
		l.logger = slog.New(slog.DiscardHandler)
	}
	if l.max <= 0 {
		l.max = DefaultMaxRecord
	}
	l.max = min(l.max, payloadLimit)

	recovery, err := l.open(replay)
	if err != nil {
		if l.file != nil {
			l.file.Close()
		}
		return nil, Recovery{}, err
	}
	return l, recovery, nil
}

// Size returns the file's length in bytes. It may be called at any time from any
// goroutine.
func (l *Log) Size() int64 { return l.size.Load() }

// Append adds records in one write and, if durable, returns after they and all earlier
// ones are on disk. Without records a durable Append syncs what came before.
//
// On an error none of the records is in the log, as far as the disk obeys. After a full
// disk the next Append may succeed; after a failed sync the log is suspect (ErrSuspect)
// and has dropped the records before that were not durable, too.
func (l *Log) Append(durable bool, records ...[]byte) error {
	if err := l.ready(); err != nil {
		return err
	}
	l.buf = l.buf[:0]
	for _, record := range records {
		if len(record) > l.max {
			return fmt.Errorf("append to %s: %w: %d bytes, at most %d", l.path, ErrTooLong, len(record), l.max)
		}
		l.buf = appendFrame(l.buf, record)
	}
	if len(l.buf) > 0 {
		if err := l.write(l.buf); err != nil {
			return err
		}
	}
	if cap(l.buf) > writeBlock {
		l.buf = nil // one huge batch must not hold its memory for ever
	}
	if durable && l.synced < l.size.Load() {
		if err := l.sync(); err != nil {
			return fmt.Errorf("append to %s: %w", l.path, err)
		}
	}
	return nil
}

// ready says why nothing can be appended, or nil.
func (l *Log) ready() error {
	switch {
	case l.file == nil:
		return fmt.Errorf("append to %s: %w", l.path, os.ErrClosed)
	case l.suspect != nil:
		return fmt.Errorf("append to %s: refused until it is compacted or opened anew: %w", l.path, l.suspect)
	}
	return nil
}

func (l *Log) write(b []byte) error {
	size := l.size.Load()
	if _, err := l.file.WriteAt(b, size); err != nil {
		err = failed("append to", l.path, err)
		// Part of b may be in the file. It is cut off, and the cut synced, lest a power
		// cut bring back records that the caller was told are not there.
		if cutErr := l.file.Truncate(size); cutErr != nil {
			l.suspect = suspicion("cutting off a failed append", cutErr)
			return fmt.Errorf("%w; and then %w", err, l.suspect)
		}
		if syncErr := l.sync(); syncErr != nil {
			return fmt.Errorf("%w; and then %w", err, syncErr)
		}
		return err
	}
	l.size.Store(size + int64(len(b)))
	return nil
}

// sync makes everything appended durable.
//
// It never tries twice. When fsync fails, Linux marks the pages clean that it could not
// write: they read back well, a second fsync reports success, and the data is not on
// disk ("fsyncgate", PostgreSQL 2018). So all that is not known to be on disk is cut
// off, and the log refuses appends until Compact has written a new file from what the
// caller has in memory, or an Open has read what there is.
func (l *Log) sync() error {
	err := l.file.Sync()
	if err == nil {
		l.synced = l.size.Load()
		return nil
	}
	l.suspect = suspicion("syncing it", err)
	if cutErr := l.file.Truncate(l.synced); cutErr != nil {
		l.suspect = fmt.Errorf("%w; nor could it be cut off: %w", l.suspect, cutErr)
	} else {
		l.size.Store(l.synced)
	}
	return l.suspect
}

// Close makes what was appended durable and closes the file. A second Close does
// nothing.
func (l *Log) Close() error {
	if l.file == nil {
		return nil
	}
	var err error
	if l.suspect == nil && l.synced < l.size.Load() {
		err = l.sync()
	}
	err = errors.Join(err, l.file.Close())
	l.file = nil
	if err != nil {
		return failed("close", l.path, err)
	}
	return nil
}
