package agent

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"covey/catalog"
)

// metricsOf returns what Prometheus is shown by an agent that has met some of everything.
func metricsOf(t *testing.T) string {
	t.Helper()
	x := startAgent(t, testConfig(t.TempDir()), Options{Version: "1.2.3"})
	if err := x.RegisterService(t.Context(), web(80, ttl("alive", catalog.Warning)), false); err != nil {
		t.Fatal(err)
	}
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", x.dns.Addr().String())
	}}
	if _, err := resolver.LookupIP(t.Context(), "ip4", "web.service.local."); err != nil {
		t.Fatal(err)
	}
	base := "http://" + x.http.Addr().String()
	fetch(t, base+"/v1/agent/self")
	return fetch(t, base+"/v1/agent/metrics?format=prometheus")
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 {
		t.Fatalf("%s: %d %s %v", url, r.StatusCode, body, err)
	}
	return string(body)
}

func TestMetricsShowWhatHappened(t *testing.T) {
	text := metricsOf(t)
	for _, line := range []string{
		`covey_build_info{version="1.2.3"} 1`,
		`covey_members{status="alive"} 1`,
		`covey_members{status="failed"} 0`,
		`covey_catalog_services 1`,
		`covey_catalog_instances{host="up"} 1`,
		`covey_checks{kind="ttl",status="warning"} 1`,
		`covey_local_services 1`,
		`covey_registrations_unsaved 0`,
		`covey_dns_answers_total{rcode="NOERROR",type="A"} 1`,
		`covey_http_requests_total{code="200",method="GET",path="/v1/agent/self"} 1`,
		`covey_http_request_duration_seconds_count{method="GET",path="/v1/agent/self"} 1`,
		`covey_check_lateness_seconds_count 0`,
		`covey_gossip_health_score 0`,
		`covey_replication_lag_seconds 0`,
	} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	for _, family := range []string{"process_resident_memory_bytes", "go_goroutines"} {
		if !strings.Contains(text, "\n"+family+" ") {
			t.Errorf("no %s", family)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
	promtool(t, text, "check", "metrics")
}

// promtool runs Prometheus's own tool, where there is one.
func promtool(t *testing.T, stdin string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Log("promtool is not installed: its checks were left out")
		return
	}
	command := exec.CommandContext(t.Context(), path, args...)
	command.Stdin = strings.NewReader(stdin)
	if out, err := command.CombinedOutput(); err != nil || bytes.Contains(out, []byte("use ")) {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// A counter that is added somewhere must not be forgotten here.
func TestEveryCounterIsAMetric(t *testing.T) {
	x := startAgent(t, testConfig(t.TempDir()), Options{})
	counters := x.counters()
	for name := range counters {
		shown := slices.ContainsFunc(countedMetrics, func(c counted) bool { return c.counter == name })
		otherwise := strings.HasPrefix(name, "dns_rcode_") || strings.HasPrefix(name, "dns_replies_")
		if shown == otherwise {
			t.Errorf("the counter %q is shown to Prometheus: %v", name, shown)
		}
	}
	for _, c := range countedMetrics {
		if _, there := counters[c.counter]; !there {
			t.Errorf("%q is counted nowhere", c.counter)
		}
	}
}

func TestEveryMetricIsDocumentedAndNoOther(t *testing.T) {
	docs, err := os.ReadFile("../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	names := func(pattern, text string) []string {
		var found []string
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			found = append(found, m[1])
		}
		slices.Sort(found)
		return slices.Compact(found)
	}
	have := names(`(?m)^# TYPE (covey_\w+) `, metricsOf(t))
	documented := names("(?m)^\\| `(covey_\\w+)", string(docs))
	for _, name := range have {
		if !slices.Contains(documented, name) {
			t.Errorf("docs/monitoring.md lacks %s", name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(have, name) {
			t.Errorf("docs/monitoring.md has %s, which is not there", name)
		}
	}
	// The rules and the board can only use what there is.
	for _, file := range []string{"../deploy/prometheus/covey.rules.yaml", "../deploy/grafana/covey.json"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names(`(covey_\w+)`, string(text)) {
			name = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count"), "_sum")
			if !slices.Contains(have, name) {
				t.Errorf("%s uses %s, which is not there", file, name)
			}
		}
	}
}

func TestTheAlertsFireWhenTheyShould(t *testing.T) {
	promtool(t, "", "check", "rules", "../deploy/prometheus/covey.rules.yaml")
	promtool(t, "", "test", "rules", "../deploy/prometheus/covey.rules.test.yaml")
}
