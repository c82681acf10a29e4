package definition

import (
	"strings"
	"time"
)

// kind is one way to check a service. A check is of exactly one.
type kind struct {
	key   string // that asks for it
	name  string // as catalog.Check.Type
	given func(*Check) bool
	runs  bool          // the agent carries it out, at intervals
	every time.Duration // the interval if none is given; 0 if it must be
}

// allKinds lists them in the order in which errors name them.
func allKinds() []kind {
	return []kind{
		{key: "TTL", name: "ttl", given: func(c *Check) bool { return c.TTL != 0 }},
		{key: "HTTP", name: "http", given: func(c *Check) bool { return c.HTTP != "" }, runs: true},
		{key: "TCP", name: "tcp", given: func(c *Check) bool { return c.TCP != "" }, runs: true},
		{key: "Hold", name: "hold", given: func(c *Check) bool { return c.Hold != "" }, runs: true, every: DefaultInterval},
		{key: "Process", name: "process", given: func(c *Check) bool { return c.Process != "" }, runs: true, every: DefaultInterval},
	}
}

// kindsOf are the kinds that a check asks for.
func kindsOf(c *Check) []kind {
	var given []kind
	for _, k := range allKinds() {
		if k.given(c) {
			given = append(given, k)
		}
	}
	return given
}

// kindKeys names the kinds for an error.
func kindKeys() string {
	var keys []string
	for _, k := range allKinds() {
		keys = append(keys, k.key)
	}
	last := len(keys) - 1
	return strings.Join(keys[:last], ", ") + " and " + keys[last]
}
