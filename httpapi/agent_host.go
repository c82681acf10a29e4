package httpapi

import (
	"net/http"
	"time"
)

// Host describes the machine that an agent runs on, as far as its system tells. Names
// are those by which Consul's users know it.
type Host struct {
	Memory         HostMemory
	CPU            []HostCPU
	Host           HostSystem
	Disk           HostDisk
	CollectionTime int64    // Unix time in nanoseconds
	Errors         []string // what could not be had
}

// HostMemory is in bytes.
type HostMemory struct {
	Total       uint64  `json:"total"`
	Available   uint64  `json:"available"`
	Used        uint64  `json:"used"`
	UsedPercent float64 `json:"usedPercent"`
	Free        uint64  `json:"free"`
}

// HostCPU is one processor.
type HostCPU struct {
	CPU       int     `json:"cpu"`
	VendorID  string  `json:"vendorId"`
	ModelName string  `json:"modelName"`
	Cores     int     `json:"cores"`
	MHz       float64 `json:"mhz"`
}

// HostSystem is the operating system. Times are in seconds.
type HostSystem struct {
	Hostname      string `json:"hostname"`
	Uptime        uint64 `json:"uptime"`
	BootTime      uint64 `json:"bootTime"`
	OS            string `json:"os"`
	KernelVersion string `json:"kernelVersion"`
	KernelArch    string `json:"kernelArch"`
}

// HostDisk is the file system of the data directory, in bytes.
type HostDisk struct {
	Path        string  `json:"path"`
	Total       uint64  `json:"total"`
	Free        uint64  `json:"free"`
	Used        uint64  `json:"used"`
	UsedPercent float64 `json:"usedPercent"`
}

func (s *Server) agentHost(w http.ResponseWriter, r *request) error {
	h := s.cfg.Agent.Host()
	h.CollectionTime = time.Now().UnixNano()
	h.CPU, h.Errors = nonNil(h.CPU), nonNil(h.Errors)
	return s.value(w, r, http.StatusOK, h)
}
