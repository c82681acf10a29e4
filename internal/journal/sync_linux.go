package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncData uses fdatasync, which leaves out what a log does not need (times) and
// keeps what it does (the size).
func syncData(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
