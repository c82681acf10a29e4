//go:build linux || darwin

package agent

import (
	"golang.org/x/sys/unix"

	"covey/httpapi"
)

func hostDisk(path string) (httpapi.HostDisk, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return httpapi.HostDisk{Path: path}, err
	}
	block := uint64(s.Bsize)
	d := httpapi.HostDisk{Path: path, Total: s.Blocks * block, Free: s.Bavail * block, Used: (s.Blocks - s.Bfree) * block}
	d.UsedPercent = percent(d.Used, d.Used+d.Free)
	return d, nil
}
