package definition

import (
	"strings"
	"time"
)

// kind is one way to check a service. A check is of exactly one.
type kind struct {
	key     string // that asks for it
	name    string // as catalog.Check.Type
	given   func(*Check) bool
	runs    bool          // the agent carries it out, at intervals
	every   time.Duration // the interval if none is given; 0 if it must be
	timeout time.Duration // of one run if none is given; 0 for DefaultTimeout
}

// kinds are in the order in which errors name them.
var kinds = []kind{
	{key: "TTL", name: "ttl", given: func(c *Check) bool { return c.TTL != 0 }},
	{key: "HTTP", name: "http", given: func(c *Check) bool { return c.HTTP != "" }, runs: true},
	{key: "TCP", name: "tcp", given: func(c *Check) bool { return c.TCP != "" }, runs: true},
	{key: "UDP", name: "udp", given: func(c *Check) bool { return c.UDP != "" }, runs: true},
	{key: "GRPC", name: "grpc", given: func(c *Check) bool { return c.GRPC != "" }, runs: true},
	{key: "H2PING", name: "h2ping", given: func(c *Check) bool { return c.H2PING != "" }, runs: true},
	{key: "Hold", name: "hold", given: func(c *Check) bool { return c.Hold != "" }, runs: true, every: DefaultInterval},
	{key: "Process", name: "process", given: func(c *Check) bool { return c.Process != "" }, runs: true, every: DefaultInterval},
	{key: "AgentCheck", name: "agent_check", given: func(c *Check) bool { return c.AgentCheck != "" }, runs: true},
	{key: "OSService", name: "os_service", given: func(c *Check) bool { return c.OSService != "" }, runs: true, timeout: DefaultScriptTimeout},
	{key: "AliasService", name: "alias", given: func(c *Check) bool { return c.AliasService != "" || c.AliasNode != "" }, runs: true, every: DefaultInterval},
	{key: "Args", name: "script", given: func(c *Check) bool { return len(c.Args) > 0 && c.DockerContainerID == "" }, runs: true, timeout: DefaultScriptTimeout},
	{key: "DockerContainerID", name: "docker", given: func(c *Check) bool { return c.DockerContainerID != "" }, runs: true, timeout: DefaultScriptTimeout},
}

// kindsOf are the kinds that a check asks for.
func kindsOf(c *Check) []kind {
	var given []kind
	for _, k := range kinds {
		if k.given(c) {
			given = append(given, k)
		}
	}
	return given
}

// kindKeys names the kinds for an error.
func kindKeys() string {
	var keys []string
	for _, k := range kinds {
		keys = append(keys, k.key)
	}
	last := len(keys) - 1
	return strings.Join(keys[:last], ", ") + " and " + keys[last]
}
