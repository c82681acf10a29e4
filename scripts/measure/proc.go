package measure

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ResidentKB is a process's VmRSS (proc_pid_status(5)).
func ResidentKB(pid int) (int, error) {
	value, err := ProcField(fmt.Sprintf("/proc/%d/status", pid), "VmRSS")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSuffix(value, " kB"))
}

// ProcField returns the value of "name: value" in a file of /proc.
func ProcField(file, name string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("%s has no %s", file, name)
}
