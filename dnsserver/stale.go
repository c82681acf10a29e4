package dnsserver

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"covey/catalog"
	"covey/lb"
)

// An agent to which all others fail at once is the one that is cut off, far more likely
// than not, and who asks it may well reach what it cannot: gossip has ports of its own.
// Then services that have nobody left are answered from what was last known. This is
// RFC 8767 in spirit, and marked as stale (RFC 8914) for clients that care.

// leastOthers is how many hosts must have failed before it is taken for that: of a single
// other host nobody can tell which of the two is cut off.
const leastOthers = 2

// cutOff reports whether the node called self is the only one alive of several.
func cutOff(v *catalog.View, self string) bool {
	failed := 0
	for h := range v.Hosts() {
		switch {
		case strings.EqualFold(h.Name, self), h.Liveness == catalog.Outside:
		case h.Liveness.Up():
			return false
		case h.Liveness == catalog.Failed:
			failed++
		}
	}
	return failed >= leastOthers
}

// lastKnown is who may be answered for a service that has nobody else.
func (in *inquiry) lastKnown(q lb.Query) []lb.Choice {
	s := in.view.Service(q.Service)
	if s == nil || len(s.Unreachable) == 0 || !in.nodeIndex().cutOff {
		return nil
	}
	chosen := lb.LastKnown(in.view, q)
	if len(chosen) > 0 {
		*in.stale = true
	}
	return chosen
}

// without drops the choices from what was left out.
func without(leftOut []lb.Omission, chosen []lb.Choice) []lb.Omission {
	return slices.DeleteFunc(leftOut, func(o lb.Omission) bool {
		return slices.ContainsFunc(chosen, func(c lb.Choice) bool { return c.Endpoint == o.Endpoint })
	})
}

// markStale tells the client that an answer is (RFC 8914 section 4.4).
func markStale(opt *dns.OPT) {
	if opt != nil {
		opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeStaleAnswer})
	}
}
