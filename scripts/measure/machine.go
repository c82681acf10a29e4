// Package measure is what the benchmarks share: a client that costs little, the machine
// they run on, and what the system says of a process. It is for scripts only.
package measure

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// Machine says on what the figures were taken, as far as the system tells.
func Machine(target, dir string) string {
	parts := []string{fmt.Sprintf("%s/%s, %d cores", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())}
	if model, err := ProcField("/proc/cpuinfo", "model name"); err == nil {
		parts[0] += " of " + model
	}
	if memory, err := ProcField("/proc/meminfo", "MemTotal"); err == nil {
		parts = append(parts, memory+" of memory")
	}
	if kernel, err := exec.Command("uname", "-sr").Output(); err == nil {
		parts = append(parts, string(bytes.TrimSpace(kernel)))
	}
	// df -PT is GNU's; elsewhere the file system stays unnamed.
	if df, err := exec.Command("df", "-PT", dir).Output(); err == nil {
		if lines := strings.Split(string(df), "\n"); len(lines) > 1 {
			if fields := strings.Fields(lines[1]); len(fields) > 1 {
				parts = append(parts, "data directory on "+fields[1])
			}
		}
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		if average, _, ok := strings.Cut(string(load), " "); ok {
			parts = append(parts, "load before "+average)
		}
	}
	return "Measured by `make " + target + "` on " + strings.Join(append(parts, runtime.Version()), "; ") + "."
}
