package catalog

import "strings"

// Check is the state of one check. How it is carried out is its owner's business
// and does not travel.
type Check struct {
	ID     string // unique on its node
	Name   string
	Status Status
	Output string // of the last run, at most MaxOutput bytes
	Notes  string // for people
	Type   string // "http", "tcp", "ttl", ...

	// Withdrawn says that the service is critical by its own wish, to drain for example, and
	// not since it fails.
	Withdrawn bool `json:",omitempty"`
}

// SerfHealth is the check every node has: is its agent reachable by gossip?
// It is derived from Liveness and never stored.
const SerfHealth = "serfHealth"

// NodeMaintenance and ServiceMaintenancePrefix name the checks that put a node, or
// a service (the prefix is followed by its ID), into maintenance.
const (
	NodeMaintenance          = "_node_maintenance"
	ServiceMaintenancePrefix = "_service_maintenance:"
)

// MaxOutput is how many bytes of a check's output travel.
const MaxOutput = 512

// Worst returns the worst status of checks, Passing if there are none.
func Worst(checks []Check) Status {
	worst := Passing
	for i := range checks {
		worst = max(worst, checks[i].Status)
	}
	return worst
}

// Maintains reports whether the check is one that puts a node or a service into
// maintenance.
func (c *Check) Maintains() bool {
	return c.ID == NodeMaintenance || strings.HasPrefix(c.ID, ServiceMaintenancePrefix)
}

// Decided reports whether the check keeps its service out of answers since somebody wants
// that, an operator or the service itself, and not since something fails.
func (c *Check) Decided() bool {
	return c.Status == Critical && (c.Withdrawn || c.Maintains())
}
