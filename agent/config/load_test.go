package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"covey/catalog"
	"covey/catalog/definition"
	"covey/dnsserver/recursor"
	"covey/internal/fault"

	"pgregory.net/rapid"
)

// aHost is the host that tests run on.
func aHost() host {
	return host{
		name:   func() (string, error) { return "Web_1.example", nil },
		home:   func() (string, error) { return "/home/u", nil },
		getenv: func(string) string { return "" },
		read:   func(string) ([]byte, error) { return nil, os.ErrNotExist },
	}
}

// lay writes the sections of a transcript, each under a line "-- name --", into the
// current directory, and returns the names of files and the text of the others.
func lay(t *testing.T, text string) (files []string, rest map[string]string) {
	t.Helper()
	rest = map[string]string{}
	for section := range strings.SplitSeq("\n"+text, "\n-- ") {
		name, body, ok := strings.Cut(section, " --\n")
		switch {
		case !ok:
		case name == "want" || name == "overrides.json":
			rest[name] = body
		default:
			if err := os.WriteFile(name, []byte(body), 0o600); err != nil {
				t.Fatal(err)
			}
			files = append(files, name)
		}
	}
	return files, rest
}

func TestEveryFaultIsFoundAndNamed(t *testing.T) {
	cases, err := filepath.Glob("testdata/bad/*.txt")
	if err != nil || len(cases) == 0 {
		t.Fatal(cases, err)
	}
	for _, path := range cases {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Chdir(t.TempDir())
			files, rest := lay(t, string(text))
			var overrides map[string]any
			if o := rest["overrides.json"]; o != "" {
				if err := json.Unmarshal([]byte(o), &overrides); err != nil {
					t.Fatal(err)
				}
			}
			d := assemble(files, overrides, aHost())
			var got strings.Builder
			for _, err := range d.faults {
				if fault.KindOf(err) != fault.Invalid {
					t.Errorf("%v is of kind %v", err, fault.KindOf(err))
				}
				fmt.Fprintln(&got, err)
			}
			if want := rest["want"]; got.String() != want {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want)
			}
		})
	}
}

func TestFilesAreTakenOn(t *testing.T) {
	key := Secret(make([]byte, 32))
	for _, c := range []struct {
		claim, files string
		paths        []string // if not all files in order
		overrides    map[string]any
		want         func(c *Config)
	}{
		{claim: "nothing", want: func(c *Config) {}},
		{claim: "every key, as HCL", files: `-- a.hcl --
			node_name = "n1." node_id = "6ba7b810-9dad-41d1-80b4-00c04fd430c8" node_meta { rack = "r1" } zone = "z1" region = "r1"
			datacenter = "DC2" domain = "Example.Com." alt_domain = "old.example"
			bind_addr = "0.0.0.0" advertise_addr = "10.0.0.1" advertise_addr_ipv4 = "10.0.0.4" advertise_addr_ipv6 = "2001:db8::6" client_addr = "::1"
			http_config { token_file = "/t" max_conns = 99 } limits { http_max_conns_per_client = 98 } unix_sockets { mode = "0660" user = "covey" group = "10" }
			tls { defaults { ca_file = "/ca" cert_file = "/d" key_file = "/k" tls_min_version = "TLSv1_3" } https { cert_file = "/c" ca_path = "/cas" verify_incoming = true } }
			ports { http = 1 https = 4 dns = 2 gossip = 3 agent_check = 5 } addresses { agent_check = "127.0.0.7" https = "127.0.0.8" dns = "127.0.0.9" http = "unix:///run/c.sock" }
			start_join = ["10.0.0.2"] retry_join = ["seeds.example", "[2001:db8::1]:7946", "2001:db8::2"] retry_interval = "3s" retry_max = 4 gossip_profile = "wan" gossip_rings = 5
			leave_on_terminate = false data_dir = "/data" encrypt = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
			encrypt_verify_incoming = false encrypt_verify_outgoing = true log_level = "WARN" log_format = "json"
			recursors = ["192.0.2.53", "[2001:db8::53]:5353"]
			dns_config { recursor_strategy = "fastest" recursor_timeout = "500ms" response_rate_limit = 7 response_rate_slip = 3 response_rate_exempt = ["10.1.2.3/8", "2001:db8::1"]
				max_tcp_conns = 8 max_tcp_conns_per_client = 9 tcp_idle_timeout = "3s" node_ttl = "5s" service_ttl { "*" = "1s" "Web-*" = "2s" db = "3s" } only_passing = true udp_answer_limit = 5 a_record_limit = 1 srv_weight_scale = 256 max_udp_size = 1400 portable_udp = true server_id = "n1" soa { min_ttl = 2 refresh = "2h" retry = 700 expire = 90000 } }
			lb { slow_start = false place = false host_pressure = true services { "*" { policy = "local" } "Web-*" { policy = "subset:10" slow_start = "30s" } db { max_share = 30 } } }
			service { name = "web" port = 80 }
			services { name = "db" } services { name = "api" meta { a = "b" } }
			check { name = "mem" ttl = "10s" } checks = [ { name = "disk" http = "http://h/" interval = "1m" body = <<EOF
{
}
EOF
 } ]`, want: nil},
		{claim: "later files win, lists append, maps merge", files: `-- b.hcl --
datacenter = "b"
retry_join = ["b"]
node_meta { x = "b"  y = "b" }
-- a.json --
{"datacenter": "a", "retry_join": ["a"], "node_meta": {"y": "a"}, "dns_config": {"service_ttl": {"web": "1s"}}}`,
			overrides: map[string]any{"retry_join": []string{"c"}, "domain": "x", "ports.dns": 53, "ports": map[string]any{"http": 80}},
			want: func(c *Config) {
				c.Datacenter, c.Domain, c.RetryJoin = "a", "x", []string{"b", "a", "c"}
				c.NodeMeta = map[string]string{"x": "b", "y": "a"}
				c.DNS.ServiceTTL = map[string]time.Duration{"web": time.Second}
				c.Ports.DNS, c.Ports.HTTP = 53, 80
			}},
		{claim: "a directory's files in lexical order, others passed over", files: `-- 2.hcl --
datacenter = "two"
-- 10.json --
{"datacenter": "ten", "domain": "ten"}
-- README --
not HCL`, paths: []string{"."}, want: func(c *Config) { c.Datacenter, c.Domain = "two", "ten" }},
		{claim: "Consul's spelling and words", files: `-- a.json --
{"Node_Name": "n", "LogJSON": true, "log_level": "ERR"}`, want: func(c *Config) {
			c.NodeName, c.LogFormat, c.LogLevel = "n", "json", slog.LevelError
			c.DataDir = "/home/u/.local/state/covey/n"
		}},
		{claim: "null and the empty string are not given", files: `-- a.json --
{"domain": null, "data_dir": "", "bind_addr": "", "encrypt": "", "ports": {"http": null}, "addresses": null, "services": null}`,
			overrides: map[string]any{"dev_mode": true},
			want:      func(c *Config) { c.DevMode, c.DataDir = true, "" }},
		{claim: "an empty file says nothing, in both formats", files: "-- a.json --\n-- b.hcl --\n-- c.json --\n \n", want: func(c *Config) {}},
		{claim: "what Consul's users switch off, and what is as it always is", files: `-- a.hcl --
server = false
bootstrap_expect = 0
acl { enabled = false  default_policy = "deny"  tokens {} }
connect = { enabled = false }
ui_config { enabled = false }
peering { Enabled = false  other = 1 }
enable_syslog = false
log_file = ""
recursors = []
telemetry {}
ports { grpc = -1  https = -1  grpc_tls = 0 }
disable_update_check = true
disable_remote_exec = true
rejoin_after_leave = true
dns_config { allow_stale = true  enable_truncate = true  use_cache = false }
-- b.json --
{"rejoin_after_leave": null, "acl": null, "dns_config": {"soa": {}}}`, want: func(c *Config) {}},
		{claim: "part of the SOA record", files: `-- a.json --
{"dns_config": {"soa": {"min_ttl": 5, "Retry": "1m"}}}`, want: func(c *Config) {
			c.DNS.SOA.MinTTL, c.DNS.SOA.Retry = 5*time.Second, time.Minute
		}},
		{claim: "several blocks of what may be one, as Consul's users write them", files: `-- a.hcl --
service { name = "a" }
service { name = "b"  check { ttl = "1s" }  check { ttl = "2s" } }
check { name = "c"  ttl = "3s" }
check { name = "d"  ttl = "4s" }`, want: func(c *Config) {
			weights := &definition.Weights{Passing: 1, Warning: 1}
			within := func(id string, ttl time.Duration) definition.Check {
				return definition.Check{ID: id, Name: "Service 'b' check", ServiceID: "b", Status: catalog.Critical, TTL: ttl}
			}
			c.Services = []definition.Service{{ID: "a", Name: "a", Weights: weights},
				{ID: "b", Name: "b", Weights: weights, Checks: []definition.Check{within("service:b:1", time.Second), within("service:b:2", 2*time.Second)}}}
			c.Checks = []definition.Check{{ID: "c", Name: "c", Status: catalog.Critical, TTL: 3 * time.Second},
				{ID: "d", Name: "d", Status: catalog.Critical, TTL: 4 * time.Second}}
		}},
		{claim: "a flag gives host and port at once and overrides both keys of a file", files: `-- a.hcl --
ports { http = 1  dns = 2 }
addresses { http = "127.0.0.5" }`, overrides: map[string]any{"addresses.http": "127.0.0.2:8500", "addresses.dns": "[::1]:53"},
			want: func(c *Config) {
				c.Addresses = Addresses{HTTP: "127.0.0.2", DNS: "::1"}
				c.Ports.HTTP, c.Ports.DNS = 8500, 53
			}},
		{claim: "a lone port leaves the host alone", overrides: map[string]any{"addresses.http": ":8501", "client_addr": "127.0.0.3"},
			want: func(c *Config) { c.Ports.HTTP, c.ClientAddr = 8501, "127.0.0.3" }},
		{claim: "a later log_format beats an earlier log_json", files: `-- a.hcl --
log_json = true
-- b.hcl --
log_format = "text"`, want: func(c *Config) {}},
		{claim: "gossip off loopback with a key", overrides: map[string]any{"bind_addr": "10.0.0.1", "encrypt": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
			want: func(c *Config) { c.BindAddr, c.Encrypt = netip.MustParseAddr("10.0.0.1"), key }},
		{claim: "gossip off loopback without one, in so many words", overrides: map[string]any{"bind_addr": "10.0.0.1", "insecure_gossip": true},
			want: func(c *Config) { c.BindAddr, c.InsecureGossip = netip.MustParseAddr("10.0.0.1"), true }},
		{claim: "insecure gossip on loopback; a name of its own", overrides: map[string]any{"bind_addr": "127.0.0.2", "insecure_gossip": true},
			want: func(c *Config) {
				c.BindAddr, c.InsecureGossip = netip.MustParseAddr("127.0.0.2"), true
				c.NodeName = "Web-1.example-127-0-0-2"
				c.DataDir = "/home/u/.local/state/covey/Web-1.example-127-0-0-2"
			}},
		{claim: "one port on two addresses, and the system's choice twice", overrides: map[string]any{"addresses": map[string]any{"http": "127.0.0.1:8600", "dns": "127.0.0.2:8600"}, "ports.serf_lan": 0},
			want: func(c *Config) {
				c.Addresses, c.Ports = Addresses{HTTP: "127.0.0.1", DNS: "127.0.0.2"}, Ports{HTTP: 8600, HTTPS: -1, DNS: 8600, AgentCheck: -1}
			}},
	} {
		t.Run(c.claim, func(t *testing.T) {
			t.Chdir(t.TempDir())
			files, _ := lay(t, c.files)
			if c.paths != nil {
				files = c.paths
			}
			d := assemble(files, c.overrides, aHost())
			if err := d.faults.Err(); err != nil {
				t.Fatal(err)
			}
			want := Default()
			want.NodeName, want.DataDir = "Web-1.example", "/home/u/.local/state/covey/Web-1.example"
			if c.want == nil {
				everyKey(t, want)
			} else {
				c.want(want)
			}
			if !reflect.DeepEqual(d.Config, want) {
				t.Errorf("got  %+v\nwant %+v", d.Config, want)
			}
		})
	}
}

// everyKey is what the case of that name says.
func everyKey(t *testing.T, c *Config) {
	id, err := catalog.ParseNodeID("6ba7b810-9dad-41d1-80b4-00c04fd430c8")
	if err != nil {
		t.Fatal(err)
	}
	one := &definition.Weights{Passing: 1, Warning: 1}
	*c = Config{
		NodeName: "n1", NodeID: id, NodeMeta: map[string]string{"rack": "r1"}, Zone: "z1", Region: "r1", Datacenter: "dc2", Domain: "example.com", AltDomain: "old.example",
		BindAddr: netip.IPv4Unspecified(), AdvertiseAddr: netip.MustParseAddr("10.0.0.1"),
		AdvertiseAddrIPv4: netip.MustParseAddr("10.0.0.4"), AdvertiseAddrIPv6: netip.MustParseAddr("2001:db8::6"), ClientAddr: "::1",
		Addresses: Addresses{HTTP: "unix:///run/c.sock", HTTPS: "127.0.0.8", DNS: "127.0.0.9", AgentCheck: "127.0.0.7"}, Ports: Ports{HTTP: 1, HTTPS: 4, DNS: 2, SerfLAN: 3, AgentCheck: 5},
		HTTP:      HTTP{TokenFile: "/t", MaxConns: 99, MaxConnsPerClient: 98},
		TLS:       TLS{CertFile: "/c", KeyFile: "/k", CAFile: "/ca", CAPath: "/cas", VerifyIncoming: true, MinVersion: "TLSv1_3"},
		Sockets:   Sockets{User: "covey", Group: "10", Mode: 0o660},
		StartJoin: []string{"10.0.0.2"}, RetryJoin: []string{"seeds.example", "[2001:db8::1]:7946", "2001:db8::2"}, RetryInterval: 3 * time.Second, RetryMax: 4,
		DataDir: "/data", Encrypt: make(Secret, 32), EncryptVerifyOutgoing: true, GossipProfile: "wan", GossipRings: 5, LogLevel: slog.LevelWarn, LogFormat: "json",
		DNS: DNS{Recursors: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("[2001:db8::53]:5353")},
			RecursorStrategy: recursor.Fastest, RecursorTimeout: 500 * time.Millisecond,
			ResponseRateLimit: 7, ResponseRateSlip: 3, ResponseRateExempt: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::1/128")},
			MaxTCPConns: 8, MaxTCPConnsPerClient: 9, TCPIdleTimeout: 3 * time.Second, NodeTTL: 5 * time.Second, ServiceTTL: map[string]time.Duration{"*": time.Second, "web-*": 2 * time.Second, "db": 3 * time.Second},
			OnlyPassing: true, UDPAnswerLimit: 5, ARecordLimit: 1, SRVWeightScale: 256, MaxUDPSize: 1400, PortableUDP: true, ServerID: "n1",
			SOA: SOA{Refresh: 2 * time.Hour, Retry: 700 * time.Second, Expire: 25 * time.Hour, MinTTL: 2 * time.Second}},
		LB: Balancing{Load: true, HostPressure: true, Services: map[string]map[string]string{"*": {"lb-policy": "local"}, "web-*": {"lb-policy": "subset:10", "lb-slow-start": "30s"}, "db": {"lb-max-share": "30"}}},
		Services: []definition.Service{{ID: "web", Name: "web", Port: 80, Weights: one}, {ID: "db", Name: "db", Weights: one},
			{ID: "api", Name: "api", Meta: map[string]string{"a": "b"}, Weights: one}},
		Checks: []definition.Check{{ID: "mem", Name: "mem", Status: catalog.Critical, TTL: 10 * time.Second},
			{ID: "disk", Name: "disk", Status: catalog.Critical, HTTP: "http://h/", Interval: time.Minute, Timeout: definition.DefaultTimeout, Body: "{\n}\n"}},
	}
}

func TestAddressesAreResolved(t *testing.T) {
	c := Default()
	if got := []string{c.HTTPAddr(), c.DNSAddr(), c.GossipAddr()}; !slices.Equal(got, []string{"127.0.0.1:8500", "127.0.0.1:8600", "127.0.0.1:7946"}) {
		t.Error(got)
	}
	c.ClientAddr, c.Addresses.HTTP, c.BindAddr = "::1", "unix:///run/c.sock", netip.IPv6Unspecified()
	if got := []string{c.HTTPAddr(), c.DNSAddr(), c.GossipAddr()}; !slices.Equal(got, []string{"unix:///run/c.sock", "[::1]:8600", "[::]:7946"}) {
		t.Error(got)
	}
	if c.HTTPSAddr() != "" {
		t.Errorf("HTTPS without a certificate at %s", c.HTTPSAddr())
	}
	c.Addresses.HTTP, c.Ports.HTTP, c.Ports.HTTPS, c.TLS.CertFile = "", -1, 8501, "c.pem"
	if got := []string{c.HTTPAddr(), c.HTTPSAddr()}; !slices.Equal(got, []string{"", "[::1]:8501"}) {
		t.Error(got)
	}
}

func TestUnreadableFilesAreNamed(t *testing.T) {
	t.Chdir(t.TempDir())
	_, err := Load([]string{"absent.hcl", "absent"}, map[string]any{"dev_mode": true})
	const want = "absent.hcl: cannot be read: no such file or directory; absent: cannot be read: no such file or directory"
	if err == nil || err.Error() != want || fault.KindOf(err) != fault.Invalid {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestADefaultOfTheHost(t *testing.T) {
	loopback := netip.MustParseAddr("127.0.0.1")
	for _, c := range []struct{ name, bind, want string }{
		{"web", "127.0.0.1", "web"},
		{"web", "::1", "web"},
		{"web", "10.0.0.1", "web"},
		{"web", "127.0.0.2", "web-127-0-0-2"},
		{"Büro_PC", "127.0.0.1", "B-ro-PC"},
		{"-a-.-", "127.0.0.1", "a"},
		{"...", "127.0.0.3", "node-127-0-0-3"},
		{strings.Repeat("x", 70), "127.0.0.1", strings.Repeat("x", 63)},
		{strings.Repeat("x", 70), "127.0.0.2", strings.Repeat("x", 53) + "-127-0-0-2"},
		{strings.Repeat("x.", 150) + "y", "127.0.0.1", strings.TrimSuffix(strings.Repeat("x.", 99), ".")},
	} {
		h := host{name: func() (string, error) { return c.name, nil }}
		got := h.nodeName(netip.MustParseAddr(c.bind))
		if got != c.want {
			t.Errorf("on %q at %s: got %q, want %q", c.name, c.bind, got, c.want)
		}
		if err := catalog.CheckHostName(got); err != nil {
			t.Error(err)
		}
	}
	nameless := host{name: func() (string, error) { return "", errors.New("none") }}
	if got := nameless.nodeName(loopback); got != "node" {
		t.Errorf("a host without a name is %q", got)
	}

	h := aHost()
	h.getenv = func(string) string { return "/state" }
	if dir, err := h.dataDir("n"); dir != "/state/covey/n" || err != nil {
		t.Error(dir, err)
	}
	h.getenv = func(string) string { return "relative" }
	if dir, err := h.dataDir("n"); dir != "/home/u/.local/state/covey/n" || err != nil {
		t.Error(dir, err)
	}
	h.root = true
	if dir, err := h.dataDir("n"); dir != "/var/lib/covey/n" || err != nil {
		t.Error(dir, err)
	}
	homeless := aHost()
	homeless.home = func() (string, error) { return "", errors.New("$HOME is not defined") }
	err := assemble(nil, nil, homeless).faults.Err()
	const want = "data_dir: this user has no home directory to keep state in: give one with --data-dir (data_dir), or keep nothing on disk with --dev (dev_mode)"
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestASecretDoesNotShow(t *testing.T) {
	c := Default()
	c.Encrypt = Secret("0123456789abcdef")
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "config", c, "key", c.Encrypt)
	shown := fmt.Sprintf("%v %+v %#v %s %x", c, c, c, c.Encrypt, c.Encrypt) + string(text) + logged.String()
	for _, leak := range []string{"0123", "30313233", "48, 49", "48 49", "0x30", "MDEy"} {
		if strings.Contains(shown, leak) {
			t.Errorf("%q is in %s", leak, shown)
		}
	}
	if s := (Secret)(nil).String(); s != "" {
		t.Errorf("no secret prints as %q", s)
	}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Keys() {
		if k.Doc == "" || strings.Contains(k.Doc, "\n") || seen[k.Name] || k.Name != strings.ToLower(k.Name) {
			t.Errorf("%+v", k)
		}
		seen[k.Name] = true
	}
	for _, r := range slices.Concat(refused, settled) {
		for _, name := range strings.Fields(r.keys) {
			if seen[name] {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
		}
	}
}

// What Keys says of defaults that are values is what Default returns.
func TestDocumentedDefaultsHold(t *testing.T) {
	for _, k := range Keys() {
		switch k.Default {
		case "", "bind_addr", "client_addr":
			continue
		}
		if strings.Contains(k.Default, " ") {
			continue
		}
		var value any = k.Default
		var parsed any
		if json.Unmarshal([]byte(k.Default), &parsed) == nil {
			value = parsed
		}
		d := assemble(nil, map[string]any{k.Name: value}, aHost())
		if k.Name == "encrypt_verify_incoming" || k.Name == "encrypt_verify_outgoing" {
			d.faults = nil // on without a key
		}
		plain := assemble(nil, nil, aHost())
		if err := d.faults.Err(); err != nil || !reflect.DeepEqual(d.Config, plain.Config) {
			t.Errorf("%s = %s is not the default: %v", k.Name, k.Default, err)
		}
	}
}

func TestJSONAndHCLOfTheSameContentLoadEqual(t *testing.T) {
	t.Chdir(t.TempDir())
	rapid.Check(t, func(t *rapid.T) {
		values := genConfig().Draw(t, "config")
		text, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		var hcl strings.Builder
		writeHCL(&hcl, values, rapid.Bool().Draw(t, "blocks"))
		want, fromJSON := loadText(t, "a.json", string(text))
		got, fromHCL := loadText(t, "a.hcl", hcl.String())
		if fromJSON != nil || fromHCL != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\n%+v, %v\n%s\n%+v, %v", text, want, fromJSON, hcl.String(), got, fromHCL)
		}
	})
}

func loadText(t *rapid.T, name, text string) (*Config, error) {
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d := assemble([]string{name}, nil, aHost())
	return d.Config, d.faults.Err()
}

// writeHCL writes an object's members, objects as blocks or as attributes.
func writeHCL(b *strings.Builder, values map[string]any, blocks bool) {
	for key, value := range values {
		switch x := value.(type) {
		case map[string]any:
			if blocks {
				fmt.Fprintf(b, "%q {\n", key)
			} else {
				fmt.Fprintf(b, "%q = {\n", key)
			}
			writeHCL(b, x, blocks)
			b.WriteString("}\n")
		case []any:
			if _, objects := x[0].(map[string]any); objects && blocks {
				for _, one := range x {
					writeHCL(b, map[string]any{key: one}, true)
				}
				continue
			}
			fmt.Fprintf(b, "%q = [", key)
			for _, one := range x {
				if object, ok := one.(map[string]any); ok {
					b.WriteString("{\n")
					writeHCL(b, object, blocks)
					b.WriteString("}, ")
				} else {
					fmt.Fprintf(b, "%#v, ", one)
				}
			}
			b.WriteString("]\n")
		default:
			fmt.Fprintf(b, "%q = %#v\n", key, x)
		}
	}
}

func genConfig() *rapid.Generator[map[string]any] {
	name := rapid.StringMatching(`[a-z][a-z0-9]{0,9}`)
	duration := rapid.SampledFrom([]any{"1s", "1m30s", int(time.Minute)})
	check := rapid.Custom(func(t *rapid.T) map[string]any {
		c := map[string]any{"id": name.Draw(t, "check"), "notes": rapid.StringMatching(`[ -#%-~]{0,20}`).Draw(t, "notes")}
		if rapid.Bool().Draw(t, "is ttl") {
			c["ttl"] = duration.Draw(t, "ttl")
		} else {
			c["http"], c["interval"] = "http://h/?a=b", duration.Draw(t, "interval")
			c["header"] = map[string]any{"X-A": []any{"1", "2"}}
		}
		return c
	})
	service := rapid.Custom(func(t *rapid.T) map[string]any {
		s := map[string]any{"name": name.Draw(t, "service"), "port": rapid.IntRange(0, 65535).Draw(t, "port")}
		if rapid.Bool().Draw(t, "has more") {
			s["tags"] = []any{"a", "b"}
			s["meta"] = map[string]any{"k": "v"}
			s["weights"] = map[string]any{"passing": 3}
			s["proxy"] = map[string]any{"config": map[string]any{"n": 1, "f": 1.5, "b": true}}
			s["tagged_addresses"] = map[string]any{"wan": map[string]any{"address": "192.0.2.1"}}
			s["checks"] = []any{check.Draw(t, "of service")}
		}
		return s
	})
	return rapid.Custom(func(t *rapid.T) map[string]any {
		c := map[string]any{"node_name": name.Draw(t, "node")}
		maybe := func(key string, value any) {
			if rapid.Bool().Draw(t, key) {
				c[key] = value
			}
		}
		maybe("retry_max", rapid.IntRange(0, 1000).Draw(t, "max"))
		maybe("leave_on_terminate", false)
		maybe("retry_interval", duration.Draw(t, "interval"))
		maybe("retry_join", []any{"10.0.0.1", "b:1"})
		maybe("ports", map[string]any{"http": 1, "gossip": 2})
		maybe("node_meta", map[string]any{"a": name.Draw(t, "meta"), "b": ""})
		maybe("dns_config", map[string]any{"node_ttl": duration.Draw(t, "ttl"), "service_ttl": map[string]any{"*": "1s", "x-*": "2s"}})
		maybe("service", service.Draw(t, "service"))
		maybe("check", check.Draw(t, "check"))
		distinct := func(v map[string]any) any {
			if id, ok := v["id"]; ok {
				return id
			}
			return v["name"]
		}
		maybe("services", anyList(rapid.SliceOfNDistinct(service, 1, 3, distinct).Draw(t, "services")))
		maybe("checks", anyList(rapid.SliceOfNDistinct(check, 1, 3, distinct).Draw(t, "checks")))
		renumber(c)
		return c
	})
}

// renumber makes all IDs differ.
func renumber(c map[string]any) {
	n := 0
	fresh := func(v any) {
		n++
		v.(map[string]any)["id"] = fmt.Sprintf("id-%d", n)
	}
	each := func(v any, key string, do func(any)) {
		object, _ := v.(map[string]any)
		list, _ := object[key].([]any)
		for _, one := range list {
			do(one)
		}
	}
	service := func(v any) {
		fresh(v)
		each(v, "checks", fresh)
	}
	if s, ok := c["service"]; ok {
		service(s)
	}
	if k, ok := c["check"]; ok {
		fresh(k)
	}
	each(c, "services", service)
	each(c, "checks", fresh)
}

func anyList(list []map[string]any) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}

func FuzzHCL(f *testing.F) {
	f.Add([]byte("a = 1\nb { c = [\"x\", {d = true}] }\nb { e = <<-EOF\n  x\n  EOF\n}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		values, err := parseHCL(text)
		if err != nil && fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v is of kind %v", err, fault.KindOf(err))
		}
		d := &draft{Config: Default(), given: map[string]place{}}
		d.read("a.hcl", values)
		d.settle(aHost())
	})
}
