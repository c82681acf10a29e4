package health

import "golang.org/x/sys/unix"

// awaitEnd returns when a child of this process has ended, which stays to be waited for
// (waitid(2), WNOWAIT), so that its ID still means it and its process group.
func awaitEnd(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return
		}
	}
}
