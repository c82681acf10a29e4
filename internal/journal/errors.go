package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// ErrSuspect is in the tree of the error of every Append to a log that lost touch with
// its disk. A Compact that succeeds mends it for good. Opening the log anew mends it if
// what could not be synced could be cut off; if not even that, or if Open's own sync
// fails, a later Open may read records that were never durable and are gone after a
// power cut.
var ErrSuspect = errors.New("what the disk holds of it is uncertain")

// ErrForeign is in the tree of Open's error for a file that is no log of this release.
var ErrForeign = errors.New("it is no log of this release")

// ErrTooLong is in the tree of the error for a record over Options.MaxRecord.
var ErrTooLong = errors.New("record too long")

// failed returns err as the failure of doing something to the log at path, with what
// the user can do about it.
func failed(doing, path string, err error) error {
	if named, ok := err.(*fs.PathError); ok && named.Path == path {
		err = named.Err // the path is said already
	}
	if advice := remedy(err); advice != "" {
		return fmt.Errorf("%s %s: %w; %s", doing, path, err, advice)
	}
	return fmt.Errorf("%s %s: %w", doing, path, err)
}

// suspicion returns the ErrSuspect that a failure of doing something leaves behind.
func suspicion(doing string, err error) error {
	if advice := remedy(err); advice != "" {
		return fmt.Errorf("%w, since %s failed: %w; %s", ErrSuspect, doing, err, advice)
	}
	return fmt.Errorf("%w, since %s failed: %w", ErrSuspect, doing, err)
}

func remedy(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "let the user the agent runs as read and write this file and its directory"
	case errors.Is(err, syscall.EROFS):
		return "mount the file system writable or choose another directory"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "free space on this file system"
	case errors.Is(err, syscall.EIO):
		return "the disk or its file system fails: look at the kernel's log"
	case errors.Is(err, fs.ErrNotExist):
		return "the directory must exist"
	}
	return ""
}
