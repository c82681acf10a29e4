package agent

import (
	"maps"
	"strings"

	"covey/dnsserver"
)

// counters is what gossip and DNS counted, by names that do not change.
func (a *Agent) counters() map[string]uint64 {
	all := a.gossip.Counters()
	maps.Copy(all, dnsCounters(a.dns.Stats()))
	return all
}

func dnsCounters(s dnsserver.Stats) map[string]uint64 {
	c := map[string]uint64{
		"dns_replies_udp":         s.UDP,
		"dns_replies_tcp":         s.TCP,
		"dns_truncated":           s.Truncated,
		"dns_ignored":             s.Ignored,
		"dns_panics":              s.Panics,
		"dns_rate_dropped":        s.RateDropped,
		"dns_rate_truncated":      s.RateSlipped,
		"dns_conns":               s.Conns,
		"dns_conns_total":         s.ConnsTotal,
		"dns_conns_evicted":       s.ConnsEvicted,
		"dns_conns_refused":       s.ConnsRefused,
		"dns_waiting":             s.Waiting,
		"dns_waiting_refused":     s.WaitingRefused,
		"dns_recursors_asked":     s.Recursors.Asked,
		"dns_recursors_joined":    s.Recursors.Joined,
		"dns_recursors_retried":   s.Recursors.Retried,
		"dns_recursors_probes":    s.Recursors.Probes,
		"dns_recursors_tcp":       s.Recursors.TCP,
		"dns_recursors_strangers": s.Recursors.Ignored,
		"dns_recursors_failed":    s.Recursors.Failed,
		"dns_recursors_loops":     s.Recursors.Loops,
	}
	for rcode, n := range s.Rcodes {
		c["dns_rcode_"+strings.ToLower(rcode)] = n
	}
	return c
}
