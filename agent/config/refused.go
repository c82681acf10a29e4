// Consul's keys that Covey does not have: a value that asks for something gets an error
// that says why, since a setting that is passed over in silence is one that somebody
// relies on. What is switched off asks for nothing.

package config

import (
	"strings"

	"covey/catalog/definition/strict"
)

const (
	noServers  = "Covey has no servers and no leader: remove this key"
	noWAN      = "Covey has no WAN pool, a cluster is one pool: remove this key"
	noACL      = "Covey has no ACL language: http_config.token_file gives tokens their roles; remove this key"
	noMesh     = "Covey has no service mesh: remove this key"
	tlsMoved   = "is written in tls { https { } } or tls { defaults { } }"
	noScript   = "checks that run a program are never taken over the API: write enable_local_script_checks for those in files"
	noLogFile  = "logs go to standard error, where systemd or the container takes them: remove this key"
	noTenancy  = "Covey has no namespaces, partitions or segments: remove this key"
	noGRPC     = "Covey has no gRPC API: remove this key"
	nothing    = "Covey has nothing of the kind: remove this key"
	notDone    = "Covey never does that: remove this key"
	notTunable = "this is not tuned in Covey: remove this key"
	noMetrics  = "metrics are read from the HTTP API, none are pushed: remove this key"
	dnsDirect  = "DNS answers from this agent's own memory, never from a cache or a server: remove this key"
)

var refused = []struct{ keys, why string }{
	{`server bootstrap bootstrap_expect autopilot performance protocol raft_protocol raft_logstore
		raft_snapshot_threshold raft_snapshot_interval raft_trailing_logs rpc rpc_protocol rpc_rate rpc_max_burst
		rpc_hold_timeout leave_drain_time non_voting_server read_replica snapshot_agent use_streaming_backend
		discovery_max_stale session_ttl_min cache xds server_rejoin_age_max request_limits
		ports.server ports.rpc`, noServers},
	{`retry_join_wan start_join_wan retry_interval_wan retry_max_wan reconnect_timeout_wan advertise_addr_wan
		advertise_addr_wan_ipv4 advertise_addr_wan_ipv6 serf_wan serf_wan_allowed_cidrs gossip_wan translate_wan_addrs
		primary_datacenter primary_gateways primary_gateways_interval peering ports.serf_wan`, noWAN},
	{`acl acl_agent_master_token acl_agent_token acl_datacenter acl_default_policy acl_disabled_ttl acl_down_policy
		acl_enable_key_list_policy acl_enforce_version_8 acl_master_token acl_replication_token acl_token acl_ttl
		enable_acl_replication`, noACL},
	{`connect config_entries auto_config auto_encrypt enable_central_service_config default_intention_policy
		ports.sidecar_min_port ports.sidecar_max_port ports.expose_min_port ports.expose_max_port ports.proxy_min_port
		ports.proxy_max_port`, noMesh},
	{`ca_file ca_path cert_file key_file verify_incoming verify_incoming_https tls_min_version`, tlsMoved},
	{`server_name verify_incoming_rpc verify_outgoing verify_server_hostname tls.internal_rpc`,
		"agents speak to each other by gossip, which has a key (encrypt) and no certificates: remove this key"},
	{`tls_cipher_suites tls_prefer_server_cipher_suites`, "the suites are those that Go's TLS holds to be safe: remove this key"},
	{`enable_agent_tls_for_checks`, "checks bring no certificate of the agent's: remove this key"},
	{`tls.grpc`, noGRPC},
	{`ports.grpc ports.grpc_tls addresses.grpc addresses.grpc_tls`, noGRPC},
	{`enable_script_checks`, noScript},
	{`log_file log_rotate_duration log_rotate_bytes log_rotate_max_files enable_syslog syslog_facility pid_file`, noLogFile},
	{`segment segments partition namespace`, noTenancy},
	{`locality`, "write zone and region beside it, not within: remove this key"},
	{`audit license_path reporting cloud`, nothing},
	{`limits.rpc_rate limits.rpc_max_burst limits.rpc_max_conns_per_client limits.rpc_handshake_timeout
		limits.rpc_client_timeout limits.request_limits`, noServers},
	{`gossip_lan limits.https_handshake_timeout limits.kv_max_value_size limits.txn_max_req_len check_update_interval check_output_max_size discard_check_output reconnect_timeout
		skip_leave_on_interrupt disable_coordinates disable_host_node_id disable_keyring_file
		disable_http_unprintable_char_filter enable_debug default_query_time max_query_time experiments
		advertise_reconnect_timeout`, notTunable},
	{`telemetry`, noMetrics},
	{`ui ui_config ui_dir ui_content_path`, "there is nothing to set about the dashboard: remove this key"},
	{`watches`, "nothing is run when the catalogue changes: watch it with blocking queries, and remove this key"},
	{`dns_config.max_stale dns_config.use_cache dns_config.cache_max_age`, dnsDirect},
	{`dns_config.disable_compression dns_config.enable_additional_node_meta_txt dns_config.prefer_namespace`,
		notTunable},
	{`serf_lan`, "write bind_addr instead"},
	{`serf_lan_allowed_cidrs`, "gossip is not filtered by address: let a firewall do it, and remove this key"},
	{`tagged_addresses`, "the addresses of a node follow from advertise_addr, advertise_addr_ipv4 and advertise_addr_ipv6: remove this key"},
	{`config_format`, "the name of a file says its format: remove this key"},
}

// settled are Consul's switches that are always on here: with them it is false that asks
// for something.
var settled = []struct{ keys, why string }{
	{`disable_remote_exec disable_update_check disable_anonymous_signature`, notDone},
	{`auto_reload_config`, "certificates and tokens are read again when their files change, all else at SIGHUP: remove this key"},
	{`rejoin_after_leave`, "an agent finds its cluster again after a leave too: remove this key"},
	{`dns_config.allow_stale`, dnsDirect},
	{`dns_config.enable_truncate`, "an answer that was cut short always says so: remove this key"},
}

// isOff reports whether the value of a refused key asks for nothing. Ports are switched
// off by -1.
func isOff(key string, v strict.Value) bool {
	return v.Off() || strings.HasPrefix(key, "ports.") && v.Is(-1)
}

// isOn reports whether the value of a settled switch is what it is anyway.
func isOn(_ string, v strict.Value) bool {
	on := true
	v.Bool(&on)
	return on
}
