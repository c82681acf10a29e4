package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	consul "github.com/hashicorp/consul/api"

	"covey/e2e/rig"
)

// prometheusConfig has what people write to scrape what is in Consul: services by tag, those
// that pass. ADDRESS is the agent's.
const prometheusConfig = `
global:
  scrape_interval: 1s
scrape_configs:
  - job_name: services
    consul_sd_configs:
      - server: ADDRESS
        services: [item-service]
        tags: [metrics]
        filter: Service.Meta.scrape == "yes"
        refresh_interval: 1s
    relabel_configs:
      - source_labels: [__meta_consul_health]
        regex: passing
        action: keep
      - source_labels: [__meta_consul_service_id]
        target_label: instance
      - source_labels: [__meta_consul_dc, __meta_consul_node, __meta_consul_service_metadata_scrape]
        target_label: about
`

// A target appears when it is registered, goes while it is critical, comes back, and
// vanishes when it is deregistered.
func TestPrometheusFindsItsTargets(t *testing.T) {
	begin(t)
	program := need(t, "prometheus", "prometheus")
	a := startAgent(t, "agent-1", "--insecure-gossip")
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte(strings.ReplaceAll(prometheusConfig, "ADDRESS", a.HTTPAddr())), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := rig.RunProgram(need(t, "promtool", "prometheus"), "check", "config", config); err != nil {
		if strings.Contains(err.Error(), "consul_sd_configs not found") {
			t.Skip("this prometheus was built without Consul's discovery, as Debian's is; TestPrometheussRequestsAreAnswered replays it")
		}
		t.Fatal(err)
	}
	web := net.JoinHostPort(place(t).IP, "9090")
	serve(t, program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+web, "--log.level=warn")

	target := instanceFor(t, a.IP)
	registration := func(id string) map[string]any {
		return map[string]any{
			"ID": id, "Name": "item-service", "Address": target.ip, "Port": target.port, "Tags": []string{"metrics"},
			"Meta": map[string]string{"scrape": "yes"}, "Check": map[string]string{"CheckID": id, "TTL": "1h", "Status": "passing"},
		}
	}
	put(t, a, register, registration("item-1"))
	put(t, a, register, registration("item-2"))
	put(t, a, register, map[string]any{"Name": "item-service", "ID": "unscraped", "Port": 1, "Tags": []string{"metrics"}})
	has := func(want ...string) func() error {
		return func() error {
			got, err := prometheusTargets(web)
			if err == nil && !slices.Equal(got, want) {
				err = fmt.Errorf("targets are %v, want %v", got, want)
			}
			return err
		}
	}
	eventually(t, healing, has("item-1 dc1;agent-1;yes", "item-2 dc1;agent-1;yes"))
	put(t, a, "/v1/agent/check/fail/item-1", nil)
	eventually(t, healing, has("item-2 dc1;agent-1;yes"))
	put(t, a, "/v1/agent/check/pass/item-1", nil)
	eventually(t, healing, has("item-1 dc1;agent-1;yes", "item-2 dc1;agent-1;yes"))
	put(t, a, "/v1/agent/service/deregister/item-2", nil)
	eventually(t, healing, has("item-1 dc1;agent-1;yes"))
}

// The requests of Prometheus 2.42 (discovery/consul), which it makes by Consul's client, and
// what it reads of the replies: the same for those that are built without it.
func TestPrometheussRequestsAreAnswered(t *testing.T) {
	begin(t)
	a := startAgent(t, "agent-1", "--insecure-gossip")
	put(t, a, register, map[string]any{"ID": "item-1", "Name": "item-service", "Port": 8080, "Tags": []string{"metrics"},
		"Check": map[string]string{"CheckID": "item-1", "TTL": "1h", "Status": "passing"}})
	c := consulClient(t, a)
	self := ok[map[string]map[string]any](t)(c.Agent().Self())
	dc, is := self["Config"]["Datacenter"].(string)
	if !is || dc != "dc1" {
		t.Fatalf("the datacenter is %v", self["Config"]["Datacenter"])
	}
	options := func(index uint64) *consul.QueryOptions {
		return &consul.QueryOptions{WaitIndex: index, WaitTime: 2 * time.Minute, AllowStale: true, Datacenter: dc, Filter: `"metrics" in ServiceTags`}
	}
	names, meta, err := c.Catalog().Services(options(0))
	if err != nil || !slices.Equal(names["item-service"], []string{"metrics"}) || meta.LastIndex == 0 {
		t.Fatalf("services: %v %+v %v", names, meta, err)
	}
	// It watches each service, those that do not pass too, and reads this of them.
	targets := func(index uint64) (string, uint64) {
		t.Helper()
		q := options(index)
		q.Filter = ""
		nodes, meta, err := c.Health().ServiceMultipleTags("item-service", []string{"metrics"}, false, q)
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, n := range nodes {
			if n.Node.Meta == nil || n.Service.Meta == nil || n.Node.TaggedAddresses["lan"] == "" || n.Node.Datacenter != dc {
				t.Errorf("lacks something: %+v %+v", n.Node, n.Service)
			}
			text += fmt.Sprintf("%s %s:%d %v %s;", n.Service.ID, n.Node.Address, n.Service.Port, n.Service.Tags, n.Checks.AggregatedStatus())
		}
		return text, meta.LastIndex
	}
	got, index := targets(0)
	if want := "item-1 " + a.IP + ":8080 [metrics] passing;"; got != want {
		t.Errorf("targets are %s, want %s", got, want)
	}
	put(t, a, "/v1/agent/check/fail/item-1", nil)
	got, next := targets(index)
	if !strings.HasSuffix(got, "critical;") || next <= index {
		t.Errorf("after a failure, at %d beyond %d: %s", next, index, got)
	}
	put(t, a, "/v1/agent/service/deregister/item-1", nil)
	if got, _ := targets(next); got != "" {
		t.Errorf("after deregistering: %s", got)
	}
	if names, _, err := c.Catalog().Services(options(meta.LastIndex)); err != nil || names["item-service"] != nil {
		t.Errorf("services after deregistering: %v %v", names, err)
	}
}

// prometheusTargets are those that are scraped, by the labels that tell them apart.
func prometheusTargets(web string) ([]string, error) {
	client := http.Client{Timeout: 10 * time.Second}
	res, err := client.Get("http://" + web + "/api/v1/targets?state=active")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var body struct {
		Data struct {
			ActiveTargets []struct {
				Labels map[string]string
			}
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&body); err != nil {
		return nil, err
	}
	var names []string
	for _, target := range body.Data.ActiveTargets {
		names = append(names, target.Labels["instance"]+" "+target.Labels["about"])
	}
	slices.Sort(names)
	return names, nil
}
