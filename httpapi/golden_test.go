package httpapi

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"covey/catalog"
)

var update = flag.Bool("update", false, "write the golden files anew from what the server answers")

// TestBodiesAreConsuls compares whole answers with testdata: field names, capitals,
// types and order are what clients decode. Look at a difference before you -update.
func TestBodiesAreConsuls(t *testing.T) {
	s, a := newTestServer(t)
	mustRegister(t, s)
	call(s, "PUT", "/v1/agent/service/register", `{"id":"web","name":"web","address":"10.0.0.9","kind":"connect-proxy",
		"enable_tag_override":true,"tagged_addresses":{"wan":{"address":"192.0.2.1","port":443}},
		"proxy":{"DestinationServiceName":"item-service"},
		"checks":[{"name":"alive","http":"http://127.0.0.1:8080/health","interval":"10s","timeout":"2s"}]}`)
	call(s, "PUT", "/v1/agent/check/register", `{"Name":"disk","TTL":"1m","Notes":"is there room?","Status":"warning"}`)
	a.addHost("n2", "2001:db8::2", catalog.Failed, instance("item-service", "item-2", withStatus(catalog.Passing)))

	for name, target := range map[string]string{
		"health-service":         "/v1/health/service/item-service",
		"health-service-proxy":   "/v1/health/service/web",
		"health-checks":          "/v1/health/checks/item-service",
		"health-node":            "/v1/health/node/n1",
		"health-state-critical":  "/v1/health/state/critical",
		"catalog-datacenters":    "/v1/catalog/datacenters",
		"catalog-nodes":          "/v1/catalog/nodes",
		"catalog-node":           "/v1/catalog/node/n1",
		"catalog-node-services":  "/v1/catalog/node-services/N1",
		"catalog-services":       "/v1/catalog/services",
		"catalog-services-on-n1": "/v1/catalog/services?node-meta=rack:r1",
		"catalog-service":        "/v1/catalog/service/Item-Service",
		"catalog-service-proxy":  "/v1/catalog/service/web",
		"agent-services":         "/v1/agent/services",
		"agent-service":          "/v1/agent/service/item-1",
		"agent-checks":           "/v1/agent/checks",
		"agent-health-name":      "/v1/agent/health/service/name/item-service",
		"agent-health-id":        "/v1/agent/health/service/id/web",
		"agent-self":             "/v1/agent/self",
		"agent-members":          "/v1/agent/members",
		"status-leader":          "/v1/status/leader",
		"status-peers":           "/v1/status/peers",
		"covey-status":           "/v1/covey/status",
		"covey-checks":           "/v1/covey/checks",
		"covey-timeline":         "/v1/covey/timeline?service=item-service",
		"covey-timeline-empty":   "/v1/covey/timeline?service=none",
		"covey-lookup":           "/v1/covey/lookup/item-service?tag=v1",
		"covey-lookup-unknown":   "/v1/covey/lookup/none?type=a",
	} {
		t.Run(name, func(t *testing.T) {
			w := call(s, "GET", target+sep(target)+"pretty", "")
			if w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%d of type %s", w.Code, w.Header().Get("Content-Type"))
			}
			if name != "catalog-node" && strings.Contains(w.Body.String(), "null") {
				t.Error("the answer holds a null")
			}
			path := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(path, w.Body.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(w.Body.Bytes(), want) {
				t.Errorf("%s answers\n%swant\n%s", target, w.Body, want)
			}
		})
	}
}
