package agent

import "github.com/prometheus/client_golang/prometheus"

// counted is a counter of a part, by the name that it has there, as a metric.
type counted struct {
	counter string
	desc    *prometheus.Desc
	kind    prometheus.ValueType
	milli   bool // the counter is in thousandths
	labels  []string
}

func total(counter, name, help string) counted {
	return counted{counter: counter, desc: desc(name+"_total", help), kind: prometheus.CounterValue}
}

func level(counter, name, help string) counted {
	return counted{counter: counter, desc: desc(name, help), kind: prometheus.GaugeValue}
}

var (
	descRefused   = desc("gossip_refused_total", "What peers sent and was refused, by reason.", "reason")
	descMistakes  = desc("gossip_suspicions_total", "Nodes that were found not to answer, by how that ended.", "outcome")
	descRecursors = desc("dns_recursor_questions_total", "Questions to recursors, by what became of them.", "event")
)

// of is a counter that is one of several of the same metric.
func of(d *prometheus.Desc, counter, label string) counted {
	return counted{counter: counter, desc: d, kind: prometheus.CounterValue, labels: []string{label}}
}

// countedMetrics are all counters of gossip and DNS, but for dns_rcode_ and
// dns_replies_, which are shown by more labels.
var countedMetrics = []counted{
	level("health_score", "gossip_health_score", "How far this agent lags behind in answering probes: 0 is well, 7 as bad as can be."),
	{counter: "replication_lag_ms", desc: desc("replication_lag_seconds", "For how long no peer has held what this agent holds; a moment while something changes."), kind: prometheus.GaugeValue, milli: true},
	total("replication_frames_in", "replication_frames_received", "Frames of replication received."),
	total("replication_frames_out", "replication_frames_sent", "Frames of replication sent."),
	total("replication_bytes_in", "replication_received_bytes", "Bytes of replication received."),
	total("replication_bytes_out", "replication_sent_bytes", "Bytes of replication sent."),
	total("replication_deltas_new", "replication_deltas_applied", "Changes of other owners that were new."),
	total("replication_deltas_old", "replication_deltas_known", "Changes of other owners that were known already."),
	total("replication_deltas_gap", "replication_deltas_early", "Changes that came before an earlier one, which was asked for."),
	total("replication_refused", "replication_refused", "Frames that were refused for what they hold."),
	total("replication_quarantined", "replication_quarantined", "Records left out since they are invalid."),
	total("replication_roots", "replication_digests_sent", "Digests sent."),
	total("replication_mismatches", "replication_mismatches", "Digests received that differed from our own."),
	total("replication_pulls", "replication_pulls", "Repairs begun."),
	total("replication_pulls_timed_out", "replication_pulls_timed_out", "Repairs that the peer did not answer."),
	total("replication_resets", "replication_resets", "Owners whose whole state was taken anew."),
	total("replication_epochs_raised", "replication_epochs_raised", "Times that this agent's state had to be made newer than what peers held of it."),
	total("replication_estranged", "replication_estranged", "Digests of peers that hold others to be alive."),
	total("replication_mends", "gossip_mends", "Comparisons of membership begun for such a peer."),
	total("replication_packets_dropped", "replication_packets_dropped", "Packets dropped for want of room."),
	total("replication_stream_dropped", "replication_stream_frames_dropped", "Frames to streams dropped for want of room."),
	total("packets_over_budget", "gossip_packets_over_budget", "Packets refused since their sender sent too many."),
	total("streams_cut_short", "gossip_streams_cut_short", "Streams closed since they were too slow."),
	total("streams_crowded_out", "gossip_streams_crowded_out", "Streams refused for want of room."),
	level("waiting_stream_bytes", "replication_waiting_stream_bytes", "Bytes that wait to be sent over streams."),
	level("waiting_frames", "replication_waiting_frames", "Frames received that wait to be looked at."),
	level("waiting_staged", "replication_waiting_staged", "Owners whose whole state is being gathered."),
	level("waiting_pushes", "replication_waiting_pushes", "Owners whose changes wait to be sent."),
	level("waiting_pulls", "replication_waiting_pulls", "Owners to be repaired."),
	level("held_owners", "replication_owners", "Owners whose state is held."),
	level("held_entries", "replication_entries", "Records held, and tombstones."),
	level("held_graves", "replication_graves", "Owners that left and are remembered for a while."),
	of(descMistakes, "nodes_found_refusing", "refusing"),
	of(descMistakes, "nodes_wrongly_refused", "refusal_withdrawn"),
	of(descMistakes, "nodes_wrongly_failed", "failure_contradicted"),
	of(descRefused, "refused_protocol_version", "protocol_version"),
	of(descRefused, "refused_key", "key"),
	of(descRefused, "refused_plaintext", "plaintext"),
	of(descRefused, "refused_cluster", "cluster"),
	of(descRefused, "refused_frame", "frame"),
	of(descRefused, "duplicate_node_id", "duplicate_node_id"),
	of(descRefused, "duplicate_node_name", "duplicate_node_name"),
	total("unsaved_gossip_keys", "gossip_keys_unsaved", "Times that a changed keyring could not be written to disk."),

	total("dns_truncated", "dns_truncated", "DNS replies that were cut to fit, and say so."),
	total("dns_ignored", "dns_ignored", "Packets that deserved no reply."),
	total("dns_panics", "dns_panics", "Questions that failed by a fault in the program."),
	total("dns_rate_dropped", "dns_rate_dropped", "Questions not answered since their network asked too many."),
	total("dns_rate_truncated", "dns_rate_truncated", "Questions sent to TCP for that."),
	level("dns_conns", "dns_connections", "DNS connections open over TCP."),
	total("dns_conns_total", "dns_connections_accepted", "DNS connections accepted."),
	total("dns_conns_evicted", "dns_connections_evicted", "Silent DNS connections that gave way to new ones."),
	total("dns_conns_refused", "dns_connections_refused", "DNS connections closed at once for want of room."),
	level("dns_waiting", "dns_waiting", "Questions that wait for a recursor."),
	total("dns_waiting_refused", "dns_waiting_refused", "Questions answered SERVFAIL since too many were waiting."),
	of(descRecursors, "dns_recursors_asked", "asked"),
	of(descRecursors, "dns_recursors_joined", "joined"),
	of(descRecursors, "dns_recursors_retried", "retried"),
	of(descRecursors, "dns_recursors_probes", "probe"),
	of(descRecursors, "dns_recursors_tcp", "tcp"),
	of(descRecursors, "dns_recursors_strangers", "stranger"),
	of(descRecursors, "dns_recursors_failed", "failed"),
	of(descRecursors, "dns_recursors_loops", "loop"),
}
