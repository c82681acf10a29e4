package agent

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"covey/httpapi"
)

// Host describes this machine. Most of it is read from /proc, which is Linux's; what
// cannot be had is named among the errors.
func (a *Agent) Host() httpapi.Host {
	var h httpapi.Host
	note := func(what string, err error) {
		if err != nil {
			h.Errors = append(h.Errors, fmt.Sprintf("%s: %v", what, err))
		}
	}
	h.Host.OS, h.Host.KernelArch = runtime.GOOS, runtime.GOARCH
	var err error
	h.Host.Hostname, err = os.Hostname()
	note("the host's name", err)
	h.Host.KernelVersion, err = firstLine("/proc/sys/kernel/osrelease")
	note("the kernel's version", err)
	h.Host.Uptime, err = uptime()
	note("how long the system has run", err)
	h.Host.BootTime = uint64(time.Now().Unix()) - h.Host.Uptime
	h.Memory, err = hostMemory()
	note("memory", err)
	h.CPU, err = hostCPUs()
	note("processors", err)
	if a.cfg.DataDir != "" {
		h.Disk, err = hostDisk(a.cfg.DataDir)
		note("the file system of the data directory", err)
	}
	return h
}

func firstLine(file string) (string, error) {
	text, err := os.ReadFile(file)
	line, _, _ := strings.Cut(string(text), "\n")
	return line, err
}

func uptime() (uint64, error) {
	line, err := firstLine("/proc/uptime")
	if err != nil {
		return 0, err
	}
	text, _, _ := strings.Cut(line, " ")
	seconds, err := strconv.ParseFloat(text, 64)
	return uint64(max(seconds, 0)), err
}

// hostMemory reads /proc/meminfo (proc_meminfo(5)), which counts in KiB.
func hostMemory() (httpapi.HostMemory, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return httpapi.HostMemory{}, err
	}
	kib := map[string]uint64{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		kib[name], _ = strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
	}
	m := httpapi.HostMemory{Total: kib["MemTotal"] << 10, Available: kib["MemAvailable"] << 10, Free: kib["MemFree"] << 10}
	m.Used = m.Total - min(m.Available, m.Total)
	m.UsedPercent = percent(m.Used, m.Total)
	return m, nil
}

// hostCPUs reads /proc/cpuinfo, a paragraph for each processor.
func hostCPUs() ([]httpapi.HostCPU, error) {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return nil, err
	}
	var list []httpapi.HostCPU
	for paragraph := range strings.SplitSeq(string(text), "\n\n") {
		c := httpapi.HostCPU{CPU: len(list), Cores: 1}
		known := false
		for line := range strings.Lines(paragraph) {
			name, value, _ := strings.Cut(line, ":")
			value = strings.TrimSpace(value)
			switch strings.TrimSpace(name) {
			case "processor":
				known = true
			case "vendor_id":
				c.VendorID = value
			case "model name":
				c.ModelName = value
			case "cpu MHz":
				c.MHz, _ = strconv.ParseFloat(value, 64)
			}
		}
		if known {
			list = append(list, c)
		}
	}
	return list, nil
}

func percent(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) * 100 / float64(whole)
}
