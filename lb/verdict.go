package lb

import (
	"strings"

	"covey/catalog"
)

// verdict is why an instance may or may not be answered. The first that applies
// counts, in this order.
type verdict uint8

const (
	eligible    verdict = iota
	unreachable         // its host is not alive
	untagged            // it lacks one of the tags
	critical
	warned // it is warning, and only passing ones are wanted
)

func judge(e *catalog.Endpoint, q *Query) verdict {
	if !e.Host.Liveness.Up() {
		return unreachable
	}
	if len(q.Tags) > 0 && !e.HasTags(q.Tags...) {
		return untagged
	}
	switch e.Status() {
	case catalog.Passing:
		return eligible
	case catalog.Warning:
		if q.OnlyPassing {
			return warned
		}
		return eligible
	default:
		return critical
	}
}

// reason puts a verdict other than eligible into words.
func reason(v verdict, e *catalog.Endpoint, q *Query) string {
	switch v {
	case unreachable:
		if e.Host.Liveness == catalog.Failed {
			return "host failed"
		}
		return "host not seen alive yet"
	case untagged:
		for _, tag := range q.Tags {
			if !e.HasTags(tag) {
				return "tag " + tag + " missing"
			}
		}
		return "tag missing"
	case warned:
		return "warning, and only passing ones are wanted: " + culprit(e, catalog.Warning)
	default:
		return "critical: " + culprit(e, catalog.Critical)
	}
}

// culprit names the first check that has the status: the instance's own before its
// node's, since those are whom its owner can mend.
func culprit(e *catalog.Endpoint, s catalog.Status) string {
	for _, c := range e.Checks() {
		if c.Status != s {
			continue
		}
		if strings.HasPrefix(c.ID, catalog.ServiceMaintenancePrefix) {
			return "in maintenance"
		}
		if c.Withdrawn {
			return "check " + c.ID + ", by its own wish"
		}
		return "check " + c.ID
	}
	for _, c := range e.Host.Checks {
		if c.Status != s {
			continue
		}
		if c.ID == catalog.NodeMaintenance {
			return "node in maintenance"
		}
		return "node check " + c.ID
	}
	return "status of its host"
}
