package httpapi

import (
	"strings"
	"testing"

	"covey/catalog"
)

// A list is rendered once for all who ask, until something in it changes.
func TestListsAreRenderedOnceAChange(t *testing.T) {
	s, a := newTestServer(t)
	a.addHost("n2", "10.0.0.2", catalog.Alive, instance("api", "api-2"))
	round := 0
	for _, target := range []string{
		"/v1/agent/services",
		"/v1/agent/checks",
		"/v1/agent/members",
		"/v1/status/peers",
		"/v1/catalog/nodes",
		"/v1/catalog/services",
		"/v1/catalog/service/web",
		"/v1/catalog/node/n1",
		"/v1/catalog/node-services/n1",
		"/v1/health/service/web",
		"/v1/health/checks/web",
		"/v1/health/node/n1",
		"/v1/health/state/any",
		"/v1/coordinate/nodes",
	} {
		t.Run(target, func(t *testing.T) {
			ask := func() (body string, rendered uint64) {
				before := s.Stats()
				w := call(s, "GET", target, "")
				if w.Code != 200 {
					t.Fatalf("%d %s", w.Code, w.Body)
				}
				after := s.Stats()
				if n := after.CacheHits + after.CacheMisses - before.CacheHits - before.CacheMisses; n != 1 {
					t.Fatalf("%d of the rendered bodies were looked at", n)
				}
				return w.Body.String(), after.CacheMisses - before.CacheMisses
			}
			ask()
			first, rendered := ask()
			if rendered != 0 {
				t.Error("it is rendered for each request")
			}
			round++
			tag := "tag-" + strings.Repeat("x", round)
			body := `{"Name":"web","Tags":["` + tag + `"],"Check":{"TTL":"10s","Notes":"` + tag + `"}}`
			if w := call(s, "PUT", "/v1/agent/service/register", body); w.Code != 200 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			a.addHost("n"+tag, "10.0.0.3", catalog.Alive)
			a.measured++ // other coordinates
			a.meet(Member{Name: "n" + tag, Addr: "10.0.0.3", Port: 7946, Status: "alive"})
			second, rendered := ask()
			if rendered != 1 || second == first && target != "/v1/coordinate/nodes" {
				t.Errorf("rendered %d times after a change: %s", rendered, second)
			}
		})
	}
}
