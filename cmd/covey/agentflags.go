package main

import (
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// keys is configuration as a file would state it, with "ports.http" for a key in a
// block.
type keys map[string]any

// agentFlag is a flag of `covey agent` and the configuration it stands for.
type agentFlag struct {
	cli.Flag
	put func(c *cli.Context, name string, to keys)
}

func agentFlags() []agentFlag {
	return []agentFlag{
		str("node", "NODE", "`NAME` name of this host in the cluster and in DNS", "the host name", set("node_name")),
		str("bind", "BIND", "`IP` where gossip listens; off loopback it wants --encrypt or --insecure-gossip", "127.0.0.1", set("bind_addr")),
		str("advertise", "ADVERTISE", "`IP` where others reach this host", "the one it binds to", set("advertise_addr")),
		num("gossip-port", "GOSSIP_PORT", "`PORT` port of gossip, UDP and TCP", "7946", "ports.serf_lan"),
		str("http", "HTTP", "`ADDR` where the HTTP API listens: host, host:port, :port or unix:///path", "127.0.0.1:8500", setAddr("http")),
		str("dns", "DNS", "`ADDR` where DNS listens, UDP and TCP: host, host:port or :port", "127.0.0.1:8600", setAddr("dns")),
		str("agent-check", "AGENT_CHECK", "`ADDR` where HAProxy's agent checks are answered: host:port or :port", "off", setAddr("agent_check")),
		list("join", "JOIN", "`ADDR` an agent to join at start; failing to join any is an error", "start_join"),
		list("retry-join", "RETRY_JOIN", "`ADDR` an agent to join, tried again until it works", "retry_join"),
		str("data-dir", "DATA_DIR", "`DIR` where registrations, the node's id and the last known catalogue are kept", "by name under /var/lib/covey or ~/.local/state/covey", set("data_dir")),
		list("config", "CONFIG", "`PATH` a file to read, .hcl or .json, or a directory of them", ""),
		str("domain", "DOMAIN", "`ZONE` the zone that DNS answers for", "local", set("domain")),
		str("alt-domain", "ALT_DOMAIN", "`ZONE` another zone with the same names", "", set("alt_domain")),
		str("datacenter", "DATACENTER", "`NAME` name of the datacenter", "dc1", set("datacenter")),
		str("zone", "ZONE", "`NAME` zone that this host stands in", "what cloud-init says", set("zone")),
		str("region", "REGION", "`NAME` region that the zone is in", "what cloud-init says", set("region")),
		str("encrypt", "ENCRYPT", "`KEY` key of gossip, from `covey keygen`; others on this host can see flags, so better use the variable or a file", "", set("encrypt")),
		on("insecure-gossip", "INSECURE_GOSSIP", "let gossip off loopback go without a key", "insecure_gossip"),
		on("dev", "DEV", "try it out: keep nothing on disk and bind to loopback", "dev_mode"),
		str("log-level", "LOG_LEVEL", "`LEVEL` debug, info, warn or error", "info", set("log_level")),
		str("log-format", "LOG_FORMAT", "`FORMAT` text or json", "text", set("log_format")),
	}
}

func str(name, env, usage, standard string, put func(value string, to keys)) agentFlag {
	f := &cli.StringFlag{Name: name, EnvVars: []string{"COVEY_" + env}, Usage: usage, DefaultText: standard}
	return agentFlag{f, func(c *cli.Context, name string, to keys) { put(c.String(name), to) }}
}

func num(name, env, usage, standard, key string) agentFlag {
	f := &cli.IntFlag{Name: name, EnvVars: []string{"COVEY_" + env}, Usage: usage, DefaultText: standard}
	return agentFlag{f, func(c *cli.Context, name string, to keys) { to[key] = c.Int(name) }}
}

func on(name, env, usage, key string) agentFlag {
	f := &cli.BoolFlag{Name: name, EnvVars: []string{"COVEY_" + env}, Usage: usage, DisableDefaultText: true}
	return agentFlag{f, func(c *cli.Context, name string, to keys) { to[key] = c.Bool(name) }}
}

// list is a flag that may be repeated. Without a key it is none of the configuration's.
func list(name, env, usage, key string) agentFlag {
	f := &cli.StringSliceFlag{Name: name, EnvVars: []string{"COVEY_" + env}, Usage: usage}
	return agentFlag{f, func(c *cli.Context, name string, to keys) {
		if key != "" {
			to[key] = parted(c.StringSlice(name))
		}
	}}
}

// parted takes apart what commas part. No address and, by convention, no path of a
// configuration holds one.
func parted(values []string) []string {
	var out []string
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

func set(key string) func(string, keys) {
	return func(value string, to keys) { to[key] = value }
}

// setAddr adds to what addresses.NAME may be, which is host, host:port or
// unix:///path, a port alone: ":9500".
func setAddr(name string) func(string, keys) {
	return func(value string, to keys) {
		if digits, ok := strings.CutPrefix(value, ":"); ok {
			if port, err := strconv.Atoi(digits); err == nil {
				to["ports."+name] = port
				return
			}
		}
		to["addresses."+name] = value
	}
}

// given reports whether the user set the flag, in the environment or on the command
// line. A variable that is set to nothing, as scripts leave them, is not.
func given(c *cli.Context, f agentFlag) bool {
	name := f.Names()[0]
	env := f.Flag.(cli.DocGenerationFlag).GetEnvVars()
	if !f.IsSet() || os.Getenv(env[0]) != "" { // IsSet of a flag is about its variables only
		return c.IsSet(name)
	}
	switch v := c.Value(name).(type) {
	case string:
		return v != ""
	case int:
		return v != 0
	case bool:
		return v
	default:
		return len(parted(c.StringSlice(name))) > 0
	}
}

// agentKeys returns the configuration that the flags state, and the files to read.
func agentKeys(c *cli.Context, flags []agentFlag) (overrides keys, files []string) {
	overrides = keys{}
	for _, f := range flags {
		if given(c, f) {
			f.put(c, f.Names()[0], overrides)
		}
	}
	return overrides, parted(c.StringSlice("config"))
}
