package gossip

import (
	"time"

	"github.com/hashicorp/memberlist"
)

// Timing is how soon membership finds out that a host is dead: how often each agent
// probes another, how long it waits for the answer, and for how many probes the others
// have time to contradict. Lifeguard's protections (a slow node doubts itself first) are
// memberlist's own and stay on whatever these are.
type Timing struct {
	ProbeInterval  time.Duration
	ProbeTimeout   time.Duration // at least the round trip of nearly all links
	SuspicionMult  int           // times the logarithm of the cluster's size, in probes
	GossipInterval time.Duration
	ExchangeTime   time.Duration // for comparing all members over a stream
}

// Profiles are the timings that a configuration names.
//
//	local  agents on one host or in one rack, for tests and for the impatient
//	lan    one data centre
//	wan    links of up to half a second, or hosts that are starved of CPU
func Profiles() map[string]Timing {
	return map[string]Timing{
		"local": {100 * time.Millisecond, 50 * time.Millisecond, 3, 50 * time.Millisecond, 2 * time.Second},
		"lan":   {200 * time.Millisecond, 120 * time.Millisecond, 2, 100 * time.Millisecond, 5 * time.Second},
		"wan":   {2 * time.Second, time.Second, 4, 300 * time.Millisecond, 15 * time.Second},
	}
}

// DefaultProfile names the timing of agents that are not told another.
const DefaultProfile = "lan"

func (t Timing) set(m *memberlist.Config) {
	m.ProbeInterval, m.ProbeTimeout = t.ProbeInterval, t.ProbeTimeout
	m.SuspicionMult = t.SuspicionMult
	m.GossipInterval = t.GossipInterval
	m.TCPTimeout = t.ExchangeTime
}
